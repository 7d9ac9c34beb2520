// Looks up a dispute with an open alert: its events may be lost, or come in another order. Called by reconciler.ts.
import type { Clock } from "../../../kernel/ports.ts";
import type { Database } from "../../../messaging/database.ts";
import { endAlerts, openAlerts, sawAlert } from "../alert-store.ts";
import { keepRun } from "./compare.ts";
import { DISPUTE_WON, disputeDifference } from "../differences.ts";
import { findPayments } from "../lookup-store.ts";
import type { ProviderLedger } from "../providers/ledger.ts";

export interface DisputeContext {
  readonly provider: string;
  readonly ledger: ProviderLedger;
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Brings the alert up to date, or closes it if the dispute was won. */
export async function lookUpDispute(
  { ledger, database, provider, newId, clock }: DisputeContext,
  run_id: string,
  provider_dispute_id: string,
): Promise<void> {
  const dispute = (await ledger.dispute?.(provider_dispute_id)) ?? null;
  const charge = dispute?.provider_txn_id ?? null;
  const [payment] =
    charge === null ? [] : await findPayments(database.sql, { sagas: [], charges: [charge], provider });
  const origin = { opened_by: "reconciliation", provider, now: clock.now(), newId } as const;
  await database.transaction(async ({ tx, send, finish }) => {
    await keepRun({ tx, send }, run_id, origin.now);
    // The provider does not know it any more: a person decides.
    if (dispute === null || payment === undefined)
      return finish([sawAlert(tx, { kind: "dispute", subject: provider_dispute_id }, origin.now)]);
    const difference = disputeDifference(dispute, payment);
    return finish(
      dispute.status === "won"
        ? endAlerts(tx, [{ difference, note: DISPUTE_WON }], origin)
        : [openAlerts(tx, [difference], origin)],
    );
  });
}
