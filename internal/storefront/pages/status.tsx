// `/checkout/:saga`: how the order is going, in words, with the money sentence and a next step. The same address is the order's page
// later, and the one in the mail. Its two parts are sent again on every change: `State` (said by screen readers) and `Rest`.
import { orderNumberOf } from "../../kernel/order-number.ts";
import { addressLines } from "../address-lines.ts";
import { money } from "../format.ts";
import { Icon } from "../parts/art.tsx";
import { BankActions, HeldUntil } from "../parts/bank-wait.tsx";
import { Page } from "../parts/layout.tsx";
import { Changes, Lines, type LinesProps, Short } from "../parts/status-lines.tsx";
import { Tracking } from "../parts/tracking.tsx";
import { When } from "../parts/when.tsx";
import type { CheckoutStatus, OrderStatus, PlacedOrder } from "../port.ts";
import { isFinished, moneySentence, type Stage, stageOf, takesLong, viewVersion } from "../status.ts";
import type { Frame } from "../visit.ts";
import type { Words } from "../words/words.ts";
import { cardText, deliveryTitle } from "./orders.tsx";
import { failureKind, type NextStep, nextStepOf } from "../../../schemas/failures.ts";

/** Shown in words on the page. */
const REFRESH_SECONDS = 3;

export interface StatusProps extends LinesProps {
  /** Null for guests, and until the order is written. */
  readonly order: PlacedOrder | null;
  /** Also for guests; undefined until the order is written, and while nobody can say. */
  readonly orderStatus: OrderStatus | undefined;
  /** Of its parcel, also for guests. */
  readonly tracking: PlacedOrder["tracking"];
  readonly isGuest: boolean;
  /** The token of a guest's link, for the live updates. */
  readonly guestToken: string;
  /** Epoch ms. */
  readonly now: number;
}

/** `isThisCart`: it orders what is in the cart of this browser, which is empty as soon as the order is confirmed. */
export function StatusPage({ isThisCart, ...props }: StatusProps & { readonly isThisCart: boolean }) {
  const { frame, checkout, guestToken, now } = props;
  const { words } = frame;
  const { stage } = headlineOf(props);
  const secret = guestToken === "" ? "" : `?k=${encodeURIComponent(guestToken)}`;
  const isLive = !isFinished(checkout);
  return (
    <Page
      frame={frame}
      title={words.status.title}
      ownStatus
      refreshSeconds={isLive ? REFRESH_SECONDS : undefined}
    >
      <div
        class="status"
        data-stage={stage}
        id="live"
        data-reconnecting={words.status.reconnecting}
        {...(isLive
          ? {
              "data-events": `/checkout/${checkout.saga_id}/events${secret}`,
              "data-view": `/checkout/${checkout.saga_id}/view${secret}`,
              "data-version": viewVersion(checkout, now),
              ...(isThisCart ? { "data-this-cart": true } : {}),
            }
          : {})}
      >
        {/* Screen readers say what changes in here, and only that. */}
        <div role="status" aria-atomic={false}>
          <div id="state">
            <State {...props} />
          </div>
          <p class="note" id="connection" />
        </div>
        <div id="rest">
          <Rest {...props} />
        </div>
      </div>
    </Page>
  );
}

function headlineOf({ checkout, frame, orderStatus }: StatusProps): {
  stage: Stage;
  title: string;
  text: string;
} {
  const { words } = frame;
  const stage = stageOf(checkout, orderStatus);
  if (stage !== "not_ordered") return { stage, ...words.status.stages[stage] };
  return { stage, ...words.status.failures[failureKind(checkout.failure_code ?? "")] };
}

/** What is going on, and where the money is. */
export function State(props: StatusProps) {
  const { frame, checkout, orderStatus, now } = props;
  const { words, language } = frame;
  const { stage, title, text } = headlineOf(props);
  const { total_cents, currency } = checkout;
  const amount = total_cents === null ? "" : money(total_cents, currency, language);
  return (
    <>
      <p class={`badge badge-${stage}`}>
        <Icon name={BADGE_ICONS[stage]} />
        {badgeOf(words, stage)}
      </p>
      <h1>{title}</h1>
      <p class="lead">{text}</p>
      {stage === "confirm_at_bank" ? <HeldUntil frame={frame} checkout={checkout} now={now} /> : null}
      <p class="money">{words.status.money[moneySentence(checkout, orderStatus)](amount)}</p>
      {takesLong(checkout, now) ? <p class="longer">{words.status.longer}</p> : null}
    </>
  );
}

function badgeOf({ orders, status }: Words, stage: Stage): string {
  switch (stage) {
    case "shipped":
      return orders.status.SHIPPED;
    case "delivered":
      return orders.status.DELIVERED;
    case "cancelled":
      return orders.status.CANCELLED;
    case "not_ordered":
      return status.stages.not_ordered.title;
    default:
      return status.title;
  }
}

const BADGE_ICONS: Readonly<Record<Stage, "clock" | "bank" | "check" | "cross">> = {
  holding: "clock",
  paying: "clock",
  confirm_at_bank: "bank",
  writing: "clock",
  confirmed: "check",
  shipped: "check",
  delivered: "check",
  cancelling: "clock",
  cancelled: "cross",
  stopping: "clock",
  not_ordered: "cross",
};

export function Rest(props: StatusProps) {
  const { frame, checkout, order, tracking, isGuest } = props;
  const { words, language } = frame;
  const { total_cents, currency, order_id } = checkout;
  return (
    <>
      <Steps {...props} />
      <Actions {...props} />
      <Short {...props} />
      <Changes {...props} />
      <Lines {...props} />
      <dl class="facts">
        <dt>{words.status.placed}</dt>
        <dd>
          <When at={checkout.created_at} language={language} show="both" />
        </dd>
        <Totals frame={frame} checkout={checkout} />
        {total_cents === null || checkout.new_total_cents ? null : (
          <>
            <dt>{words.status.total}</dt>
            <dd>{money(total_cents, currency, language)}</dd>
          </>
        )}
        {order_id === null ? null : (
          <>
            <dt>{words.status.order}</dt>
            <dd class="code">{orderNumberOf(order_id)}</dd>
          </>
        )}
        {order?.card === undefined ? null : (
          <>
            <dt>{words.orders.paidWith}</dt>
            <dd>{cardText(words, order.card)}</dd>
          </>
        )}
        {order === null || order.status === "CANCELLED" ? null : (
          <>
            <dt>{deliveryTitle(words, order)}</dt>
            <dd>{addressLines(order.shipping_address, language).join(", ")}</dd>
          </>
        )}
        {tracking === null ? null : (
          <>
            <dt>{words.orders.tracking}</dt>
            <dd>
              <Tracking tracking={tracking} />
            </dd>
          </>
        )}
        <dt>{words.status.reference}</dt>
        <dd class="code">{checkout.saga_id}</dd>
      </dl>
      {isGuest ? <p class="note">{words.status.guest}</p> : null}
      {isFinished(checkout) ? null : (
        <noscript>
          <p class="note">{words.status.reload}</p>
        </noscript>
      )}
    </>
  );
}

/** Both totals after a price change. */
function Totals({ frame, checkout }: { readonly frame: Frame; readonly checkout: CheckoutStatus }) {
  const { words, language } = frame;
  const { new_total_cents, currency } = checkout;
  if (new_total_cents === undefined || new_total_cents === null) return null;
  return (
    <>
      <dt>{words.status.newTotal}</dt>
      <dd>
        <strong>{money(new_total_cents, currency, language)}</strong>
      </dd>
    </>
  );
}

const STEP_STAGES: readonly Stage[] = ["holding", "paying", "writing", "confirmed"];

function Steps({ frame, checkout, orderStatus }: StatusProps) {
  const { words } = frame;
  const stage = stageOf(checkout, orderStatus);
  const isStopped = ["stopping", "not_ordered", "cancelling", "cancelled"].includes(stage);
  const isWritten = stage === "confirmed" || stage === "shipped" || stage === "delivered";
  const position = STEP_STAGES.indexOf(stage === "confirm_at_bank" ? "paying" : stage);
  if (isStopped) return null;
  return (
    <ol class="steps" aria-label={words.status.stepsLabel}>
      {words.status.steps.map((name, index) => {
        const state = index < position || isWritten ? "done" : index === position ? "now" : "ahead";
        return (
          <li key={name} class={`is-${state}`}>
            <span class="dot">{state === "done" ? <Icon name="check" /> : null}</span>
            <span>{name}</span>
            {state === "ahead" ? null : <span class="visually-hidden">{`, ${words.status[state]}`}</span>}
          </li>
        );
      })}
    </ol>
  );
}

function Actions({ frame, checkout, isGuest, order, orderStatus, now }: StatusProps) {
  const { words } = frame;
  const stage = stageOf(checkout, orderStatus);
  if (stage === "confirm_at_bank")
    return <BankActions frame={frame} checkout={checkout} now={now} isGuest={isGuest} />;
  if (isFinished(checkout) && stage !== "not_ordered")
    return (
      <div class="actions">
        {isGuest || order === null ? null : (
          <a class="button" href={`/orders/${order.order_id}`}>
            {words.status.toOrder}
          </a>
        )}
        <a class="button quiet" href="/">
          {words.status.shopOn}
        </a>
      </div>
    );
  if (stage !== "not_ordered" || isGuest) return null;
  const step = nextStepOf(failureKind(checkout.failure_code ?? ""));
  return <Next frame={frame} step={step} isShort={(checkout.lines_short ?? []).length > 0} />;
}

interface NextProps {
  readonly frame: Frame;
  readonly step: NextStep;
  readonly isShort: boolean;
}

function Next({ frame, step, isShort }: NextProps) {
  const { status } = frame.words;
  const ways: Readonly<Record<NextStep, readonly [href: string, text: string]>> = {
    pay_again: ["/checkout", status.again],
    other_card: ["/checkout#f-payment_method", status.otherCard],
    new_price: ["/checkout", status.newPrice],
    new_address: ["/checkout#f-name", status.newAddress],
    edit_cart: ["/cart", status.editCart],
    wait: ["/", status.shopOn],
  };
  const [href, text] = ways[step];
  return (
    <div class="actions">
      <a class="button" href={href}>
        {text}
      </a>
      {step === "edit_cart" && isShort ? (
        <form method="post" action="/cart/fit">
          <button class="button quiet">{status.takeLeft}</button>
        </form>
      ) : null}
      {href === "/" ? null : (
        <a class="button quiet" href="/">
          {status.shopOn}
        </a>
      )}
    </div>
  );
}
