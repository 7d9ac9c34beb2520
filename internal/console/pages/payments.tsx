// Money without an end: payments that have no definite result, those that wait, money that is held, open refunds; and where
// our payments and the provider's ledger differ.
import { plural } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { timestampOf, timestampOrNull } from "../../kernel/timestamp.ts";
import type { OpenPayment } from "../../operations/open-payment-store.ts";
import type { PaymentAlert } from "../../operations/payment-alert-store.ts";
import { shortId } from "../../operations/short-id.ts";
import type { Snapshot } from "../collector.ts";
import { Act } from "../parts/act.tsx";
import { PAYMENT_PARTS } from "../parts/payment-parts.ts";
import { CommandLine, Copy, Empty, Status } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf } from "../parts/live-parts.tsx";
import { sagaColumn } from "../parts/saga-columns.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

export const PAYMENT_VIEWS = [
  ["unknown", "Unknown", "/payments"],
  ["pending", "Pending", "/payments?show=pending"],
  ["held", "Held", "/payments?show=held"],
  ["refunds", "Open refunds", "/payments?show=refunds"],
  ["alerts", "Alerts", "/payments/alerts"],
] as const;
type PaymentView = (typeof PAYMENT_VIEWS)[number][0];

const NOTHING: Readonly<Record<Exclude<PaymentView, "alerts">, string>> = {
  unknown: "Every payment that was asked for has a definite result",
  pending: "No payment waits to be asked for",
  held: "No shopper's money is held",
  refunds: "No refund is open",
};

function Tabs({ view }: { readonly view: PaymentView }) {
  return (
    <nav class="tabs" aria-label="Kinds of money">
      {PAYMENT_VIEWS.map(([name, text, path]) => (
        <a key={name} href={path} {...(name === view ? { "aria-current": "page" } : {})}>
          {text}
        </a>
      ))}
    </nav>
  );
}

export function paymentColumns(now: number): readonly Column<OpenPayment>[] {
  return [...whatColumns, ...whenColumns(now), ...providerColumns];
}

const whatColumns: readonly Column<OpenPayment>[] = [
  sagaColumn,
  {
    name: "amount_cents",
    head: "Amount",
    isRight: true,
    show: ({ amount_cents, currency }) => <span class="nowrap">{moneyText(amount_cents, currency)}</span>,
    value: ({ amount_cents }) => amount_cents,
  },
  {
    name: "status",
    head: "Status",
    show: ({ status, error_code }) => (
      <Status tone={status === "UNKNOWN" ? "warn" : "running"}>
        {status}
        {error_code === null ? "" : `, ${error_code}`}
      </Status>
    ),
    value: ({ status }) => status,
  },
  {
    name: "attempts",
    head: "Attempts",
    isRight: true,
    value: ({ attempts }) => attempts,
  },
];

const whenColumns = (now: number): readonly Column<OpenPayment>[] => [
  {
    name: "since",
    head: "Since",
    isRight: true,
    show: ({ first_attempt_at, created_at }) => (
      <When at={first_attempt_at ?? created_at} show="ago" now={now} />
    ),
    value: ({ first_attempt_at, created_at }) => timestampOf(first_attempt_at ?? created_at),
  },
  {
    name: "next_attempt_at",
    head: "Next attempt",
    isRight: true,
    show: ({ next_attempt_at }) =>
      next_attempt_at === null ? (
        <span class="soft">none</span>
      ) : (
        <When at={next_attempt_at} show="ago" now={now} />
      ),
    value: ({ next_attempt_at }) => timestampOrNull(next_attempt_at),
  },
];

const providerColumns: readonly Column<OpenPayment>[] = [
  {
    name: "provider_id",
    head: "At the provider",
    show: ({ provider, provider_id }) => (
      <span>
        {provider}{" "}
        {provider_id === null ? (
          <span class="soft">no id yet</span>
        ) : (
          <span class="nowrap">
            <span class="mono">{provider_id}</span>
            <Copy text={provider_id} what="the provider's id" />
          </span>
        )}
      </span>
    ),
    value: ({ provider_id }) => provider_id,
  },
  {
    name: "idempotency_key",
    head: "Key",
    show: ({ idempotency_key }) => (
      <span class="nowrap">
        <span class="mono" title={idempotency_key}>
          {shortId(idempotency_key)}
        </span>
        <Copy text={idempotency_key} what="the idempotency key" />
      </span>
    ),
    value: ({ idempotency_key }) => idempotency_key,
  },
];

/** In CSV and JSON only. */
export const paymentMore: readonly Column<OpenPayment>[] = [
  { name: "currency", head: "Currency", value: ({ currency }) => currency },
  { name: "id", head: "Payment or refund", value: ({ id }) => id },
  { name: "provider", head: "Provider", value: ({ provider }) => provider },
  { name: "error_code", head: "Error", value: ({ error_code }) => error_code },
];

interface PaymentsProps {
  readonly frame: Frame;
  readonly snapshot: Pick<Snapshot, "roles" | "sagas" | "money" | "alerts">;
  readonly view: Exclude<PaymentView, "alerts">;
  readonly payments: readonly OpenPayment[];
  /** Than these. */
  readonly hasMore: boolean;
}

export function Payments({ frame, view, payments, hasMore, snapshot }: PaymentsProps) {
  const holder = holderOf(PAYMENT_PARTS, { snapshot, now: frame.now });
  return (
    <Page frame={frame} title="Payments" current="payments" live="/payments/events">
      <div class="page-head">
        <h1>Payments</h1>
        <Tabs view={view} />
        <Exports here={frame.here} />
      </div>
      {holder("p-money")}
      <div class="card">
        {payments.length === 0 ? (
          <Empty title={NOTHING[view]} />
        ) : (
          <>
            <DataTable
              label="Payments"
              columns={paymentColumns(frame.now)}
              rows={payments}
              keyOf={({ id }) => id}
              hrefOf={({ saga_id }) => `/sagas/${saga_id}`}
            />
            <div class="table-foot small soft">
              <p>
                {plural(payments.length, view === "refunds" ? "refund" : "payment")}, oldest first
                {hasMore ? "; there are more" : ""}
              </p>
            </div>
          </>
        )}
      </div>
      {holder("p-providers")}
      {view === "unknown" ? (
        <p class="small soft">
          Unknown is not failed: each is asked again with the same key until the provider gives a definite
          answer. To settle one by hand: <CommandLine>checkoutctl payments settle --help</CommandLine>
        </p>
      ) : null}
    </Page>
  );
}

/** In CSV and JSON only. */
export const alertColumns: readonly Column<PaymentAlert>[] = [
  {
    name: "alert_id",
    head: "Alert",
    value: ({ alert_id }) => alert_id,
  },
  { name: "kind", head: "Kind", value: ({ kind }) => kind },
  { name: "subject", head: "Subject", value: ({ subject }) => subject },
  { name: "saga_id", head: "Saga", value: ({ saga_id }) => saga_id },
  { name: "detail", head: "Detail", value: ({ detail }) => detail },
  {
    name: "opened_at",
    head: "Opened",
    value: ({ opened_at }) => timestampOf(opened_at),
  },
  {
    name: "closed_at",
    head: "Closed",
    value: ({ closed_at }) => (closed_at === null ? null : timestampOf(closed_at)),
  },
];

interface AlertsProps {
  readonly frame: Frame;
  readonly alerts: readonly PaymentAlert[];
  readonly withClosed: boolean;
}

export function PaymentAlerts({ frame, alerts, withClosed }: AlertsProps) {
  return (
    <Page frame={frame} title="Payment alerts" current="payments">
      <div class="page-head">
        <h1>Payment alerts</h1>
        <Tabs view="alerts" />
        <div class="buttons">
          <a href={withClosed ? "/payments/alerts" : "/payments/alerts?closed=1"}>
            {withClosed ? "only open ones" : "closed ones, too"}
          </a>
          <Act
            frame={frame}
            id="compare"
            action="/payments/compare"
            label="Compare now"
            confirm="Compare"
            command="checkoutctl payments reconcile"
          >
            <p>
              The payment service compares its payments with the provider's ledger within seconds. It only
              opens alerts.
            </p>
          </Act>
        </div>
      </div>
      {alerts.length === 0 ? (
        <div class="card">
          <Empty
            title={
              withClosed ? "There has been no alert yet" : "Our payments and the provider's ledger agree"
            }
          />
        </div>
      ) : (
        alerts.map((alert) => <Alert key={alert.alert_id} frame={frame} alert={alert} />)
      )}
    </Page>
  );
}

/** For the kinds that somebody must act on in time; the runbook has all. */
const WHAT_TO_DO: Readonly<Record<string, string>> = {
  dispute:
    "Answer in the provider's dashboard before the date. It closes by itself if the dispute is won; after a loss, decide about the goods, then close it.",
  refund_failed:
    "The provider gave the money back to us. Refund at the provider, to another method if it offers one: that closes the alert by itself. Or pay the shopper in another way and settle it on the command line.",
  refund_elsewhere:
    "Somebody refunded in the provider's dashboard. Cancel the order if the goods must not be sent, then close it.",
};

function Alert({ frame, alert }: { readonly frame: Frame; readonly alert: PaymentAlert }) {
  const { alert_id, kind, subject, saga_id, detail, opened_by, opened_at, closed_at, closed_by, close_note } =
    alert;
  return (
    <article class="card" id={alert_id} aria-labelledby={`t-${alert_id}`}>
      <div class="card-head">
        <h2 id={`t-${alert_id}`}>
          <Status tone={closed_at === null ? "bad" : "good"}>{kind.replaceAll("_", " ")}</Status>
        </h2>
        <p class="small soft">
          opened by {opened_by} <When at={opened_at} show="ago" now={frame.now} />
        </p>
      </div>
      <p>{detail}</p>
      {WHAT_TO_DO[kind] === undefined || closed_at !== null ? null : <p class="soft">{WHAT_TO_DO[kind]}</p>}
      <p class="small">
        At the provider: <span class="mono">{subject}</span> <Copy text={subject} what="the provider's id" />
        {saga_id === null ? (
          <span class="soft"> No saga of ours.</span>
        ) : (
          <>
            {" "}
            Saga:{" "}
            <a class="mono" href={`/sagas/${saga_id}`}>
              {saga_id}
            </a>
          </>
        )}
      </p>
      {closed_at === null ? (
        <div class="buttons">
          <Act
            frame={frame}
            id={`close-${alert_id}`}
            action={`/payments/alerts/${alert_id}/close`}
            label="Close"
            confirm="Close the alert"
            command={`checkoutctl payments close ${alert_id} --reason '...'`}
            reasonHint="what was done about it"
          >
            <p>Your word is final: the same difference opens no new alert. No money moves.</p>
          </Act>
        </div>
      ) : (
        <p class="small soft">
          Closed by {closed_by} <When at={closed_at} show="ago" now={frame.now} />: {close_note}
        </p>
      )}
    </article>
  );
}
