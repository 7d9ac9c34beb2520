// Compares the payments with the provider's list after the payment database has lost its last moments. Until somebody noticed, an undo may
// have ended a payment whose charge the database had forgotten: it was cancelled as never requested, and the money is gone, or held. Such a
// payment is opened again as one with an unknown result that is to be undone; the executor finds the charge and refunds or releases it. Called by repair.ts,
// after payment-rebuild.ts.
import type { Sql } from "postgres";
import { moneyText } from "../kernel/money.ts";
import {
  paymentsOfSagas,
  type PaymentState,
  type ReopenedCharge,
  reopenPayments,
} from "./payment-rebuild-store.ts";
import { statusesOf } from "./repair-store.ts";

/** A charge in the provider's list. */
export interface ChargeAtProvider {
  readonly provider_txn_id: string;
  readonly saga_id: string | null;
  readonly amount_cents: number;
  readonly currency: string;
  /** `held`: not taken yet. */
  readonly money: "taken" | "held" | "none";
}
export type ChargesAtProvider =
  AsyncIterable<readonly ChargeAtProvider[]> | Iterable<readonly ChargeAtProvider[]>;

export interface ReopenOptions {
  readonly payment: Sql;
  readonly saga: Sql;
  /** Epoch ms: no older charge can be in doubt. */
  readonly since: number;
  readonly now: number;
  readonly charges: ChargesAtProvider;
}

export interface ReopenReport {
  /** Charges of the provider's list that were compared. */
  readonly compared: number;
  /** Sagas whose payment was opened again. */
  readonly reopened: readonly string[];
  /** What a person must decide, one sentence each. */
  readonly open: readonly string[];
}

/** Safe to repeat: what is open again, or refunded since, is left alone. */
export async function reopenCharged({
  payment,
  saga,
  since,
  now,
  charges,
}: ReopenOptions): Promise<ReopenReport> {
  const report = { compared: 0, reopened: [] as string[], open: [] as string[] };
  for await (const page of charges) {
    const paid = page.flatMap((charge) =>
      charge.money !== "none" && charge.saga_id !== null ? [{ ...charge, saga_id: charge.saga_id }] : [],
    );
    report.compared += page.length;
    if (paid.length === 0) continue;
    const ids = paid.map(({ saga_id }) => saga_id);
    const payments = new Map((await paymentsOfSagas(payment, ids)).map((row) => [row.saga_id, row]));
    const statuses = await statusesOf(saga, ids);
    const wrong: ReopenedCharge[] = [];
    for (const charge of paid) {
      const verdict = verdictOn(charge, payments.get(charge.saga_id), statuses.get(charge.saga_id));
      if (verdict === "reopen") wrong.push(charge);
      else if (verdict !== "fine") report.open.push(verdict.open);
    }
    if (wrong.length > 0) report.reopened.push(...(await reopenPayments(payment, wrong, since, now)));
  }
  return report;
}

/** Pure. `status`: of the saga, undefined if it does not exist; then another shop of the account may have charged. */
export function verdictOn(
  charge: ReopenedCharge & Pick<ChargeAtProvider, "money">,
  payment: PaymentState | undefined,
  status: string | undefined,
): "fine" | "reopen" | { readonly open: string } {
  const { provider_txn_id, saga_id, amount_cents, currency, money } = charge;
  const [verb, undo] = money === "held" ? ["holds", "release"] : ["took", "refund"];
  const took = `the provider ${verb} ${moneyText(amount_cents, currency)} with charge ${provider_txn_id} of checkout ${saga_id}`;
  if (payment === undefined)
    return status === undefined
      ? "fine"
      : { open: `${took}, and no message asked for it: ${undo} it at the provider` };
  if (payment.provider_txn_id !== null)
    return payment.provider_txn_id === provider_txn_id
      ? "fine"
      : { open: `${took}, in addition to ${payment.provider_txn_id}: ${undo} it at the provider` };
  if (payment.status !== "CANCELLED" && payment.status !== "FAILED") return "fine";
  if (status === "COMPENSATING" || status === "COMPENSATED" || status === "FAILED") return "reopen";
  return {
    open: `${took}, its payment is ${payment.status} and its checkout ${status ?? "unknown"}: a person must decide`,
  };
}
