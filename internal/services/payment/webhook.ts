// One event of the provider, taken in: found, decided (notice.ts) and settled in one transaction with what it says to the saga and
// with the event's id. Called by webhook-http.ts.
//
// Most events tell what the executor has heard already. They are looked at without a lock and leave nothing behind: they would
// change nothing a second time either. One that changes something is remembered in the same transaction, so a replay of it
// does nothing whatever has become of the payment since.
import { TOPICS } from "../../../schemas/topics.ts";
import { assertNever } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports.ts";
import type { Tx } from "../../messaging/database.ts";
import { envelop } from "../../messaging/envelope.ts";
import { outboxStatements } from "../../messaging/outbox.ts";
import type { Log } from "../../messaging/telemetry.ts";
import { isKnownEvent, openAlerts, rememberEvent } from "./alert-store.ts";
import type { AttemptContext } from "./attempt-transactions.ts";
import { findPayments } from "./lookup-store.ts";
import { decideNotice, type NoticeDecision } from "./notice.ts";
import type { Decision, Payment } from "./payment.ts";
import type { ProviderNotice } from "./providers/stripe-events.ts";
import { chargeIn, isForeign } from "./reconciliation/differences.ts";
import { applyPayment, loadRows, type PaymentRows, saveRows } from "./store.ts";
import { type PaymentMetrics, tellAlert } from "./telemetry.ts";

export interface WebhookContext extends AttemptContext {
  readonly clock: Clock;
  readonly metrics: PaymentMetrics;
  readonly log: Log;
  /** Called after a commit that may have given the executor something to do. */
  readonly wakeExecutor: () => void;
}

/** What became of an event. `replayed`: it had changed something before, and has not now. `foreign`: it is not about us. */
export type Reception = NoticeDecision["kind"] | "replayed" | "foreign";

/** Throws what the database throws; then nothing has happened, and the provider must send the event again. */
export async function receiveNotice(context: WebhookContext, notice: ProviderNotice): Promise<Reception> {
  const { database, policy, clock } = context;
  const entry = notice.kind === "charge" ? notice.charge : notice.refund;
  const { saga_id, provider_txn_id } = entry;
  const found = await findPayments(database.sql, {
    sagas: saga_id === null ? [] : [saga_id],
    charges: provider_txn_id === null ? [] : [provider_txn_id],
  });
  // A charge carries its saga's id only because the payment's row was written, with that claim, before the provider was asked.
  // So what is not there will not come later, and sending the event again would not help: it is an alert at once.
  const payment = found.find((one) => chargeIn(one) === provider_txn_id) ?? found[0];
  if (isForeign(entry, payment)) return "foreign";
  const glance = decideNotice(payment, notice, clock.now(), policy);
  if (glance.kind === "unchanged") return "unchanged";
  return settleNotice(context, notice, payment?.saga_id ?? null);
}

/** The same once more, under the lock of the payment of `saga_id`. */
function settleNotice(
  context: WebhookContext,
  notice: ProviderNotice,
  saga_id: string | null,
): Promise<Reception> {
  const { database, policy, clock } = context;
  const now = clock.now();
  return database
    .transaction(async (transaction) => {
      const { tx, send, finish } = transaction;
      const [rows] = await send([loadRows(tx, saga_id === null ? [] : [saga_id])]);
      // After the lock: whoever held it has committed, with the event's id where it was this very event.
      const [isKnown] = await send([isKnownEvent(tx, notice.event_id)]);
      const decided = isKnown
        ? ({ kind: "unchanged" } as const)
        : decideNotice(paymentIn(rows, saga_id), notice, now, policy);
      switch (decided.kind) {
        case "unchanged":
          await finish([]);
          return { reception: isKnown ? "replayed" : "unchanged" } as const;
        case "settled":
          await finish([
            ...settlement(context, tx, rows, decided.decision, now),
            rememberEvent(tx, notice.event_id, now),
          ]);
          return { reception: "settled", decision: decided.decision } as const;
        case "alert": {
          const { newId } = context;
          const [[alert]] = await send([
            openAlerts(tx, [decided.difference], { opened_by: "webhook", now, newId }),
          ]);
          await finish([rememberEvent(tx, notice.event_id, now)]);
          return {
            reception: "alert",
            difference: decided.difference,
            isNew: alert?.is_new === true,
          } as const;
        }
        default:
          return assertNever(decided);
      }
    })
    .then((done) => {
      if (done.reception === "settled") tellSettled(context, done.decision);
      if (done.reception === "alert" && done.isNew) tellAlert(context.log, done.difference);
      return done.reception;
    });
}

function settlement(
  { provider, newId }: WebhookContext,
  tx: Tx,
  rows: PaymentRows,
  { payment, out }: Decision,
  now: number,
): readonly PromiseLike<unknown>[] {
  applyPayment(rows, payment);
  const { traceparent } = payment;
  const events = envelop(out, {
    eventTopic: TOPICS.paymentEvents,
    newId,
    now,
    traceparent: traceparent ?? undefined,
  });
  return [...saveRows(tx, rows, provider, now), ...outboxStatements(tx, events)];
}

/** A charge that succeeded after its undo is due as a refund at once. */
function tellSettled({ metrics, wakeExecutor }: WebhookContext, decision: Decision): void {
  metrics.settled([decision]);
  if (decision.payment.status === "REFUND_PENDING") wakeExecutor();
}

function paymentIn(rows: PaymentRows, saga_id: string | null): Payment | undefined {
  return saga_id === null ? undefined : rows.payments.get(saga_id);
}
