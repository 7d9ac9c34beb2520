// Compares one part of the provider ledger with our payments and saves the result: opens and closes alerts, marks rows as found. Called
// by reconciler.ts.
import { AppError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports.ts";
import type { Database, Transaction } from "../../../messaging/database.ts";
import type { Log } from "../../../kernel/telemetry.ts";
import { closeAlerts, openAlerts } from "../alert-store.ts";
import type { AttemptResult } from "../attempts/attempt.ts";
import { settleResults } from "../attempts/attempt-transactions.ts";
import type { PaymentPolicy } from "../attempts/attempts.ts";
import { findPayments } from "../lookup-store.ts";
import type { Payment } from "../payment.ts";
import type { ProviderCharge, ProviderRefund } from "../providers/ledger.ts";
import { type PaymentMetrics, reportAlert } from "../telemetry.ts";
import { type Comparison, countForeign, differencesOf, paymentFinder } from "../differences.ts";
import { extendRun, markCharges, markRefunds } from "./run-store.ts";

/** The run of a dead process is taken over after this; longer than two provider calls and a transaction. */
export const LEASE_MS = 60_000;

export interface CompareContext {
  /** Name of the provider whose ledger is compared. */
  readonly provider: string;
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly policy: PaymentPolicy;
  readonly metrics: Pick<PaymentMetrics, "foreign" | "alertOpened">;
  readonly log: Log;
}

/** Extends the lease of the run, at each step of it. Throws SERVICE_UNAVAILABLE if another process has taken over the run. */
export async function keepRun(
  { tx, send }: Pick<Transaction, "tx" | "send">,
  run_id: string,
  now: number,
): Promise<void> {
  const [isOurs] = await send([extendRun(tx, run_id, now + LEASE_MS)]);
  if (!isOurs) throw new AppError("SERVICE_UNAVAILABLE", "another process has taken over the reconciliation");
}

/**
 * Reopens the refunds that failed after they had succeeded, as the missing webhook event would have done; false if there are none. They
 * are the only payments that a comparison changes: nobody else would ever ask the provider about them again.
 */
async function reopenRefunds(
  context: CompareContext,
  refunds: readonly ProviderRefund[],
  payments: readonly Payment[],
): Promise<boolean> {
  const failed = new Map(
    refunds.flatMap((refund) => (refund.status === "failed" ? [[refund.provider_refund_id, refund]] : [])),
  );
  const results = payments.flatMap((payment): AttemptResult[] => {
    if (payment.status !== "REFUNDED") return [];
    const { saga_id, refund } = payment;
    const { provider_refund_id } = refund;
    const entry = failed.get(provider_refund_id);
    if (entry === undefined) return [];
    const error_code = entry.error_code ?? "REFUND_FAILED";
    const outcome = { kind: "failed", provider_refund_id, error_code } as const;
    return [{ kind: "refund", saga_id, attempt: refund.attempts, outcome }];
  });
  if (results.length === 0) return false;
  const decisions = await settleResults(
    { ...context, alertsBy: "reconciliation" },
    results,
    context.clock.now(),
  );
  for (const { alert } of decisions) if (alert !== undefined) reportAlert(context, alert);
  return true;
}

/**
 * Of holds in a list that does not tell what became of them, the ids of those in doubt: ours without a payment, because its row was lost, and
 * those whose payment has ended without money. All others are looked up with their payments.
 */
export async function doubtfulHolds(
  { database, provider }: Pick<CompareContext, "database" | "provider">,
  holds: readonly ProviderCharge[],
): Promise<readonly string[]> {
  if (holds.length === 0) return [];
  const sagas = holds.map(({ saga_id }) => saga_id).filter((saga_id) => saga_id !== null);
  const find = paymentFinder(await findPayments(database.sql, { sagas, charges: [], provider }));
  const inDoubt = holds.filter((hold) => {
    const payment = find(hold);
    return payment === undefined
      ? hold.isMarked
      : payment.status === "FAILED" || payment.status === "CANCELLED";
  });
  return inDoubt.map(({ provider_txn_id }) => provider_txn_id);
}

export type Piece = Partial<Omit<Comparison, "payments">>;

/** Compares one part, at most a page. A repetition changes nothing. Throws SERVICE_UNAVAILABLE if another process has the run. */
export async function compare(context: CompareContext, run_id: string, part: Piece): Promise<void> {
  const { database, provider, clock, newId, metrics, log } = context;
  const piece = { charges: [], refunds: [], absentCharges: [], absentRefunds: [], ...part };
  const charges = [...piece.charges.map(({ provider_txn_id }) => provider_txn_id), ...piece.absentCharges];
  const refunds = [
    ...piece.refunds.map(({ provider_refund_id }) => provider_refund_id),
    ...piece.absentRefunds,
  ];
  if (charges.length + refunds.length === 0) return;
  const given = piece.refunds.map(({ provider_txn_id }) => provider_txn_id);
  const sagas = [...piece.charges, ...piece.refunds].map(({ saga_id }) => saga_id);
  const read = () =>
    findPayments(database.sql, {
      sagas: sagas.filter((saga_id) => saga_id !== null),
      charges: [...charges, ...given.filter((id) => id !== null)],
      refunds,
      provider,
    });
  const before = await read();
  const payments = (await reopenRefunds(context, piece.refunds, before)) ? await read() : before;
  const differences = differencesOf({ ...piece, payments });
  metrics.foreign.inc({ provider }, countForeign({ ...piece, payments }));
  const now = clock.now();
  const { opened, closed } = await database.transaction(async ({ tx, send, finish }) => {
    await keepRun({ tx, send }, run_id, now);
    const [done, gone] = await send([
      openAlerts(tx, differences, { opened_by: "reconciliation", provider, now, newId }),
      closeAlerts(tx, [...charges, ...refunds], differences, "the ledgers agree again", now),
    ]);
    await finish([markCharges(tx, charges, now), markRefunds(tx, refunds, now)]);
    return { opened: done.filter(({ is_new }) => is_new), closed: gone };
  });
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
