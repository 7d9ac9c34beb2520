// One saga: what it does in words, its money, its steps as bars, and one timeline out of four databases. The parts that change stand for
// themselves, for the stream.
import type { VNode } from "preact";
import { ERASED } from "../../../schemas/fields.ts";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { plural } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import type { CancelledBy, OpenCancellation } from "../../operations/cancellation-store.ts";
import type { SagaStory, StoryLine } from "../../operations/saga-story.ts";
import type { SagaMails } from "../../operations/saga-mails.ts";
import { moneyWords, wordsOf } from "../../operations/saga-words.ts";
import type { Shopper } from "../../operations/shopper-mask.ts";
import type { Snapshot } from "../collector.ts";
import { Act } from "../parts/act.tsx";
import { CommandLine, Copy, Facts, Notice } from "../parts/bits.tsx";
import { CancellationText, CancelledText } from "../parts/cancellation.tsx";
import { sagasOfShopper } from "../parts/find-shopper.tsx";
import { Instructions } from "../parts/instruction.tsx";
import { ShopperText } from "../parts/saga-columns.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { MailsText } from "../parts/mails.tsx";
import { placeText, SagaStatusText } from "../parts/saga-status.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import { StepBars } from "../parts/step-bars.tsx";
import { type Show, SHOWS, Timeline } from "../parts/timeline.tsx";
import { When } from "../parts/when.tsx";
import { durationText } from "../parts/words.ts";
import type { Frame } from "../visit.ts";

export interface SagaProps {
  readonly frame: Frame;
  readonly story: SagaStory;
  readonly mails: SagaMails;
  readonly topics: Snapshot["topics"];
  readonly roles: Snapshot["roles"];
  readonly deadLetters: Snapshot["deadLetters"];
  /** Of its order, in progress. */
  readonly cancellation: OpenCancellation | null;
  /** By whom the saga or its order was cancelled last, or is being cancelled; null by nobody. */
  readonly cancelled: CancelledBy | null;
  readonly show: Show;
  readonly now: number;
  readonly isRevealed: boolean;
  readonly traceUrl: string | null;
  /** Masked unless `isRevealed`; null for those who may not see it. */
  readonly shopper: Shopper | null;
}

/** All that the state of the saga decides: a page that is open must not offer what no longer makes sense. */
export const SAGA_PARTS: LiveParts<SagaProps> = {
  "s-acts": Acts,
  "s-words": Words,
  "s-instructions": Instructions,
  "s-facts": WhatIsKnown,
  "s-products": Products,
  "s-steps": StepBars,
  "s-timeline": Timeline,
};

export function SagaPage(props: SagaProps) {
  const { frame, story, show, isRevealed, shopper } = props;
  const { saga } = story;
  const path = `/sagas/${saga.saga_id}`;
  const holder = holderOf(SAGA_PARTS, props);
  const live = isRevealed ? undefined : `${path}/events?show=${show}`;
  return (
    <Page frame={frame} title={`Saga ${saga.saga_id}`} current="sagas" live={live}>
      <div class="page-head">
        <div>
          <p class="soft small">Saga</p>
          <h1 class="mono id">
            {saga.saga_id} <Copy text={saga.saga_id} what="the saga's id" />
          </h1>
        </div>
        {holder("s-acts")}
      </div>
      {isRevealed ? (
        <Notice tone="warn">
          <p>
            {revealedText(shopper)} That you looked is in the audit trail. <a href={path}>Hide it</a>
          </p>
        </Notice>
      ) : null}
      {holder("s-words")}
      {holder("s-instructions")}
      {holder("s-facts")}
      {holder("s-products")}
      {holder("s-steps")}
      <section class="card" aria-labelledby="timeline-title">
        <div class="card-head">
          <h2 id="timeline-title">Timeline</h2>
          <nav class="tabs" aria-label="What the timeline shows">
            {SHOWS.map(([name, text]) => (
              <a
                key={name}
                href={name === "all" ? path : `${path}?show=${name}`}
                {...(name === show ? { "aria-current": "true" } : {})}
              >
                {text}
              </a>
            ))}
          </nav>
        </div>
        {holder("s-timeline")}
      </section>
      <p class="small soft">
        Who did what to it: <a href={`/audit?subject=${saga.saga_id}`}>in the audit trail</a>. On the command
        line: <CommandLine>{`checkoutctl saga show ${saga.saga_id}`}</CommandLine>
      </p>
    </Page>
  );
}

/** What was hidden before, in sentences. */
function revealedText(shopper: Shopper | null): string {
  if (shopper === null) return "Personal data is shown in the timeline.";
  const { name, email, address = null } = shopper;
  if (email === ERASED.email) return "This shopper’s personal data was erased, so there is none to show.";
  const all = [name, email, address].filter((text) => text !== null && text !== "").join(", ");
  return `Personal data is shown: ${all}. The timeline shows it, too.`;
}

function failureText({ failure_code, failure_message }: SagaStory["saga"]): string | null {
  const isTold = failure_message !== null && failure_message !== "";
  return failure_code === null || !isTold ? failure_code : `${failure_code}: ${failure_message}`;
}

function Words({ story, cancellation, cancelled, now }: SagaProps) {
  const { saga, history, money, alerts, orders, missing } = story;
  const [order] = orders;
  const words = wordsOf(saga, history);
  const { next } = words;
  const isCancelled = cancelled !== null && cancelled.state !== "refused";
  return (
    <div>
      {missing.length === 0 ? null : (
        <Notice tone="warn">
          <p>
            Only a part is shown.{" "}
            {missing.map(({ database, reason }) => (
              <span key={database}>
                The {database} database does not answer ({reason}).{" "}
              </span>
            ))}
          </p>
        </Notice>
      )}
      {isCancelled ? <CancelledText cancelled={cancelled} /> : null}
      <p class={isCancelled ? undefined : "lead"}>
        {isCancelled && cancelled.what === "order" ? null : (
          <>
            <SagaStatusText status={saga.status} needsOperator={saga.needs_operator} />{" "}
          </>
        )}
        <span>{words.text}</span>
        {words.since === null ? null : (
          <>
            , since <When at={words.since} show="for" now={now} />
            {words.resends === 0 ? null : `, sent again ${plural(words.resends, "time")}`}
          </>
        )}
        {next === null ? null : (
          <>
            ; {next.text} <When at={next.at} show="ago" now={now} />
          </>
        )}
        .
      </p>
      <p>
        {missing.some(({ database }) => database === "payment")
          ? "What became of the money is unknown: the payment database does not answer."
          : moneyWords(money, saga, cancellation?.step ?? null)}
        {order === undefined || order.status === "CONFIRMED" ? null : ` The order is ${order.status}.`}
      </p>
      {alerts
        .filter(({ closed_at }) => closed_at === null)
        .map(({ kind, subject, detail }) => (
          <Notice key={`${kind} ${subject}`} tone="warn">
            <p>
              <a href="/payments/alerts">Payment alert</a>, {kind.replaceAll("_", " ")}: {detail}
            </p>
          </Notice>
        ))}
      <CancellationText cancellation={cancellation} now={now} />
      {cancelled === null || isCancelled ? null : <CancelledText cancelled={cancelled} />}
    </div>
  );
}

/** Of one of its messages: then it is not among the open dead letters any more. */
const DISCARD = "dead-letter.discard ";

function WhatIsKnown({
  story: { saga, reservation, orders, trace_id, missing, timeline },
  mails,
  topics,
  deadLetters,
  traceUrl,
  shopper,
}: SagaProps) {
  const [line] = reservation;
  const isAway = (name: DatabaseName) => missing.some(({ database }) => database === name);
  const facts: readonly (readonly [string, VNode | string | null])[] = [
    ["Step", placeText(saga)],
    ["Total", saga.total_cents === null ? null : moneyText(saga.total_cents, saga.currency)],
    ["Shopper", shopper === null ? null : <WholeShopper key="shopper" shopper={shopper} />],
    [
      "Shopper's id",
      <span key="user">
        <Id id={saga.user_id} what="the shopper's id" />{" "}
        <a href={sagasOfShopper(saga.user_id)}>all checkouts</a>
      </span>,
    ],
    [
      "Reservation",
      line !== undefined ? (
        `${line.status}, ${plural(reservation.length, "line")}`
      ) : isAway("inventory") ? (
        <Away key="reservation" database="inventory" />
      ) : null,
    ],
    [
      "Order number",
      orders[0] === undefined ? null : (
        <Id key="number" id={orderNumberOf(orders[0].order_id)} what="the order number" />
      ),
    ],
    [
      "Order",
      orders[0] !== undefined ? (
        <Id key="order" id={orders[0].order_id} what="the order's id" note={orders[0].status} />
      ) : isAway("order") ? (
        <Away key="order" database="order" />
      ) : null,
    ],
    ["Started", <When key="started" at={saga.created_at} show="both" />],
    ["Took", saga.completed_at === null ? null : durationText(saga.completed_at - saga.created_at)],
    ["Trace", trace_id === null ? null : <Trace key="trace" id={trace_id} url={traceUrl} />],
    [
      "Mails",
      mails.asked === 0 && mails.waiting.length === 0 && mails.missing === null ? null : (
        <MailsText
          key="mails"
          mails={mails}
          sagaId={saga.saga_id}
          topics={topics}
          deadLetters={deadLetters}
          wasDiscarded={timeline.some(({ kind, what }) => kind === "operator" && what.startsWith(DISCARD))}
        />
      ),
    ],
    ["Failure", failureText(saga)],
  ];
  return <Facts facts={facts} look="facts card" />;
}

function WholeShopper({ shopper }: { readonly shopper: Shopper }) {
  const { address } = shopper;
  if (address === undefined) return <ShopperText shopper={shopper} />;
  return (
    <span>
      {shopper.name}, {address} <span class="small soft">{shopper.email}</span>
    </span>
  );
}

function Away({ database }: { readonly database: DatabaseName }) {
  return <span class="unknown">unknown: the {database} database does not answer</span>;
}

function Products({ story: { saga, lines, missing } }: SagaProps) {
  const isCatalogueAway = missing.some(({ database }) => database === "inventory");
  const price = (cents: number | null) => (cents === null ? null : moneyText(cents, saga.currency));
  const columns: readonly Column<StoryLine>[] = [
    {
      name: "name",
      head: "Product",
      show: ({ name }) =>
        name ?? <span class="soft">{isCatalogueAway ? "name unknown" : "no longer in the catalogue"}</span>,
      value: ({ name }) => name,
    },
    {
      name: "sku_id",
      head: "SKU",
      show: ({ sku_id }) => (
        <a class="mono" href={`/stock/${encodeURIComponent(sku_id)}`}>
          {sku_id}
        </a>
      ),
      value: ({ sku_id }) => sku_id,
    },
    { name: "quantity", head: "Quantity", isRight: true, value: ({ quantity }) => quantity },
    {
      name: "unit_price_cents",
      head: "Price",
      isRight: true,
      show: ({ unit_price_cents }) =>
        price(unit_price_cents) ?? <span class="soft">set when the stock is reserved</span>,
      value: ({ unit_price_cents }) => unit_price_cents,
    },
    {
      name: "line_cents",
      head: "Together",
      isRight: true,
      show: (line) => price(togetherOf(line)),
      value: togetherOf,
    },
  ];
  return (
    <section class="card" aria-labelledby="products-title">
      <h2 id="products-title">Products</h2>
      <DataTable label="Products" columns={columns} rows={lines} keyOf={({ sku_id }) => sku_id} />
    </section>
  );
}

function togetherOf({ unit_price_cents, quantity }: StoryLine): number | null {
  return unit_price_cents === null ? null : unit_price_cents * quantity;
}

function Id({ id, what, note }: { readonly id: string; readonly what: string; readonly note?: string }) {
  return (
    <span>
      <span class="mono">{id}</span> <Copy text={id} what={what} /> {note}
    </span>
  );
}

function Trace({ id, url }: { readonly id: string; readonly url: string | null }) {
  return (
    <span>
      {url === null ? (
        <span class="mono">{id}</span>
      ) : (
        <a class="mono" href={url} rel="noreferrer">
          {id}
        </a>
      )}{" "}
      <Copy text={id} what="the trace's id" />
    </span>
  );
}

function Acts({ frame, story, isRevealed }: SagaProps) {
  const { saga } = story;
  const path = `/sagas/${saga.saga_id}`;
  const command = (rest: string) => `${rest} --reason '...'`;
  return (
    <div class="buttons">
      {isRevealed ? null : (
        <Act
          frame={frame}
          id="reveal"
          action={`${path}/reveal`}
          label="Reveal personal data"
          confirm="Reveal"
          shows="page"
        >
          <p>
            Shows the e-mail and the address in the messages of this saga. That you looked is kept in the
            audit trail.
          </p>
        </Act>
      )}
      {saga.status === "COMPLETED" ? (
        <Act
          frame={frame}
          id="cancel-order"
          action={`${path}/cancel-order`}
          label="Cancel the order"
          confirm="Cancel the order and refund"
          isDangerous
          impossible={orderObjection(story)}
          command={command(`checkoutctl order cancel ${saga.order_id ?? ""}`)}
        >
          <p>
            The order is cancelled, the money is refunded and the stock is released. The shopper gets a mail.
          </p>
        </Act>
      ) : (
        <Act
          frame={frame}
          id="cancel"
          action={`${path}/cancel`}
          label="Cancel the saga"
          confirm="Cancel and undo"
          isDangerous
          impossible={cancelObjection(story)}
          command={command(`checkoutctl saga cancel ${saga.saga_id}`)}
        >
          <p>
            Everything that this saga has done is undone: the order, the payment, the reservation. The shopper
            gets no order.
          </p>
        </Act>
      )}
    </div>
  );
}

/** Why it makes no sense; null if it may. The orchestrator decides when it is pressed. */
function cancelObjection({ saga }: SagaStory): string | null {
  if (saga.completed_at !== null) return `the saga has ended: ${saga.status}`;
  return saga.compensation_step === null ? null : "it is compensating already";
}

function orderObjection({ orders, missing }: SagaStory): string | null {
  if (missing.some(({ database }) => database === "order")) return "the order database does not answer";
  const [order] = orders;
  if (order === undefined) return "there is no order";
  return order.status === "CONFIRMED" ? null : `the order is ${order.status}`;
}
