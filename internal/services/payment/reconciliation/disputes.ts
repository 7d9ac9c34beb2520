// Looks up a dispute with an open alert: its events may be lost, or come in another order. Called by reconciler.ts.
import { endAlerts, openAlerts, sawAlert } from "../alert-store.ts";
import { DISPUTE_WON, disputeDifference } from "../differences.ts";
import { findPayments } from "../lookup-store.ts";
import type { ProviderLedger } from "../providers/ledger.ts";
import type { ClaimedRun, RunContext } from "./claimed-run.ts";

export interface DisputeContext extends Pick<RunContext, "provider" | "newId"> {
  readonly ledger: ProviderLedger;
}

/** Brings the alert up to date, or closes it if the dispute was won. */
export async function lookUpDispute(
  { ledger, provider, newId }: DisputeContext,
  run: ClaimedRun,
  provider_dispute_id: string,
): Promise<void> {
  const dispute = (await ledger.dispute?.(provider_dispute_id)) ?? null;
  const charge = dispute?.provider_txn_id ?? null;
  await run.step(async ({ tx, send, finish }, now) => {
    const charges = charge === null ? [] : [charge];
    const [[payment]] = await send([findPayments(tx, { sagas: [], charges, provider })]);
    const origin = { opened_by: "reconciliation", provider, now, newId } as const;
    // The provider does not know it any more: a person decides.
    if (dispute === null || payment === undefined)
      return finish([sawAlert(tx, { kind: "dispute", subject: provider_dispute_id }, now)]);
    const difference = disputeDifference(dispute, payment);
    return finish(
      dispute.status === "won"
        ? endAlerts(tx, [{ difference, note: DISPUTE_WON }], origin)
        : [openAlerts(tx, [difference], origin)],
    );
  });
}
