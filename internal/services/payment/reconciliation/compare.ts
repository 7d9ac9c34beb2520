// Compares one part of the provider ledger with our payments and saves the result: opens and closes alerts, marks rows as found. Called
// by reconciler.ts.
import type { Transaction } from "../../../messaging/database.ts";
import type { Log } from "../../../kernel/telemetry.ts";
import { closeAlerts, openAlerts } from "../alert-store.ts";
import type { AttemptResult } from "../attempts/attempt.ts";
import { settleWithin } from "../attempts/attempt-transactions.ts";
import type { PaymentPolicy } from "../attempts/attempts.ts";
import type { Difference } from "../difference.ts";
import { findPayments, type Names } from "../lookup-store.ts";
import type { Payment } from "../payment.ts";
import type { ProviderCharge, ProviderRefund, Span } from "../providers/ledger.ts";
import { type PaymentMetrics, reportAlert } from "../telemetry.ts";
import { type Comparison, countForeign, differencesOf, paymentFinder } from "../differences.ts";
import type { ClaimedRun, RunContext } from "./claimed-run.ts";
import { lookedUpHolds, markCharges, markHold, markRefunds } from "./run-store.ts";

export interface CompareContext extends RunContext {
  readonly policy: PaymentPolicy;
  readonly metrics: Pick<PaymentMetrics, "foreign" | "alertOpened">;
  readonly log: Log;
}

/** The results of refunds that failed after they had succeeded. */
function failedRefunds(
  refunds: readonly ProviderRefund[],
  payments: readonly Payment[],
): readonly AttemptResult[] {
  const failed = new Map(
    refunds.flatMap((refund) => (refund.status === "failed" ? [[refund.provider_refund_id, refund]] : [])),
  );
  return payments.flatMap((payment): AttemptResult[] => {
    if (payment.status !== "REFUNDED") return [];
    const { saga_id, refund } = payment;
    const { provider_refund_id } = refund;
    const entry = failed.get(provider_refund_id);
    if (entry === undefined) return [];
    const error_code = entry.error_code ?? "REFUND_FAILED";
    const outcome = { kind: "failed", provider_refund_id, error_code } as const;
    return [{ kind: "refund", saga_id, attempt: refund.attempts, outcome }];
  });
}

/**
 * Reads the payments of a part. Reopens those whose refund failed after it had succeeded, as the webhook event does that did not come: they
 * are the only payments that a comparison changes, because nobody else would ever ask the provider about them again. `reopened` has the
 * alerts that this opened.
 */
async function readPayments(
  context: CompareContext,
  transaction: Transaction,
  { refunds, names, now }: { refunds: readonly ProviderRefund[]; names: Names; now: number },
): Promise<{ readonly payments: readonly Payment[]; readonly reopened: readonly Difference[] }> {
  const { tx, send } = transaction;
  const [payments] = await send([findPayments(tx, names)]);
  const results = failedRefunds(refunds, payments);
  if (results.length === 0) return { payments, reopened: [] };
  const settling = { ...context, alertsBy: "reconciliation" } as const;
  const decisions = await settleWithin(settling, transaction, results, now);
  const [settled] = await send([findPayments(tx, names)]);
  return { payments: settled, reopened: decisions.flatMap(({ alert }) => alert ?? []) };
}

/**
 * Of holds in a list that does not tell what became of them, the ids of those in doubt: ours without a payment, because its row was lost, and
 * those whose payment has ended without money. All others are looked up with their payments. Each once, and none that was looked up before.
 */
export async function doubtfulHolds(
  { provider }: Pick<CompareContext, "provider">,
  run: ClaimedRun,
  holds: readonly ProviderCharge[],
): Promise<readonly string[]> {
  if (holds.length === 0) return [];
  const sagas = holds.map(({ saga_id }) => saga_id).filter((saga_id) => saga_id !== null);
  const ids = holds.map(({ provider_txn_id }) => provider_txn_id);
  const [payments, known] = await run.step(async ({ tx, send, finish }) => {
    const found = await send([
      findPayments(tx, { sagas, charges: [], provider }),
      lookedUpHolds(tx, provider, ids),
    ]);
    await finish([]);
    return found;
  });
  const find = paymentFinder(payments);
  const inDoubt = holds.filter((hold) => {
    const payment = find(hold);
    return payment === undefined
      ? hold.isMarked
      : payment.status === "FAILED" || payment.status === "CANCELLED";
  });
  const lookedUp = new Set(known.map(({ id }) => id));
  const doubtful = new Set(inDoubt.map(({ provider_txn_id }) => provider_txn_id));
  return [...doubtful].filter((id) => !lookedUp.has(id));
}

export type Piece = Partial<Omit<Comparison, "payments">>;

/** A hold that was looked up because a list showed it: its id there, and the span of that list. */
export interface ListedHold {
  readonly id: string;
  readonly span: Span;
}

/**
 * Compares one part, at most a page, in one step of the run. A repetition changes nothing. `hold`: the one whose look-up this part is.
 * Throws SERVICE_UNAVAILABLE if the run is not ours any more.
 */
export async function compare(
  context: CompareContext,
  run: ClaimedRun,
  part: Piece,
  hold?: ListedHold,
): Promise<void> {
  const { provider, newId, metrics, log } = context;
  const piece = { charges: [], refunds: [], absentCharges: [], absentRefunds: [], ...part };
  const charges = [...piece.charges.map(({ provider_txn_id }) => provider_txn_id), ...piece.absentCharges];
  const refunds = [
    ...piece.refunds.map(({ provider_refund_id }) => provider_refund_id),
    ...piece.absentRefunds,
  ];
  if (charges.length + refunds.length === 0) return;
  const given = piece.refunds.map(({ provider_txn_id }) => provider_txn_id);
  const sagas = [...piece.charges, ...piece.refunds].map(({ saga_id }) => saga_id);
  const names = {
    sagas: sagas.filter((saga_id) => saga_id !== null),
    charges: [...charges, ...given.filter((id) => id !== null)],
    refunds,
    provider,
  };
  const found = await run.step(async (transaction, now) => {
    const { tx, send, finish } = transaction;
    const { payments, reopened } = await readPayments(context, transaction, { ...piece, names, now });
    const differences = differencesOf({ ...piece, payments });
    const [done, closed] = await send([
      openAlerts(tx, differences, { opened_by: "reconciliation", provider, now, newId }),
      closeAlerts(tx, [...charges, ...refunds], differences, "the ledgers agree again", now),
    ]);
    await finish([
      markCharges(tx, charges, now),
      markRefunds(tx, refunds, now),
      ...(hold === undefined ? [] : [markHold(tx, provider, hold.id, hold.span)]),
    ]);
    return { payments, reopened, differences, opened: done.filter(({ is_new }) => is_new), closed };
  });
  const { payments, reopened, differences, opened, closed } = found;
  metrics.foreign.inc({ provider }, countForeign({ ...piece, payments }));
  for (const difference of reopened) reportAlert({ metrics, log }, difference);
  for (const difference of differences) {
    const isNew = opened.some(
      ({ kind, subject }) => kind === difference.kind && subject === difference.subject,
    );
    if (isNew) reportAlert({ metrics, log }, difference);
  }
  for (const { kind, subject } of closed) {
    log.info({ alert: kind, subject }, "payments and the provider ledger agree again");
  }
}
