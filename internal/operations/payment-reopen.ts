// Compares the payments with the providers' lists after the payment database has lost its last moments. Until somebody noticed, an undo may
// have ended a payment whose charge the database had forgotten: it was cancelled as never requested, and the money is gone, or held. Such a
// payment is opened again as one with an unknown result that is to be undone; the executor finds the charge and refunds or releases it. Called by repair.ts,
// after payment-rebuild.ts.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { moneyText } from "../kernel/money.ts";
import {
  paymentsOfSagas,
  type PaymentState,
  providersSince,
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
  /** What is taken has an id of its own at this provider: a payment whose money is held may name the hold. */
  readonly mayTakeHold?: true;
  /** The list does not say what became of this hold since: a look-up does. */
  readonly isStale?: true;
}
export type ChargesAtProvider =
  AsyncIterable<readonly ChargeAtProvider[]> | Iterable<readonly ChargeAtProvider[]>;

/** A payment provider that lists charges. */
export interface ListingProvider {
  /** As stored in payments. */
  readonly name: string;
  /** The charges since then (epoch ms), page by page. Throws PROVIDER_REJECTED if it does not list them to us. */
  readonly chargesSince: (since: number) => ChargesAtProvider;
  /** The charge as it is now; null if the provider does not know it. */
  readonly lookUp: (provider_txn_id: string) => Promise<ChargeAtProvider | null>;
  /** How late a charge may appear in the list, in milliseconds. */
  readonly lagMs: number;
}

export interface ReopenOptions {
  readonly payment: Sql;
  readonly saga: Sql;
  /** Epoch ms: no older charge can be in doubt. */
  readonly since: number;
  readonly now: number;
  readonly providers: readonly ListingProvider[];
}

export interface ReopenReport {
  /** Charges of the provider's list that were compared. */
  readonly compared: number;
  /** Sagas whose payment was opened again. */
  readonly reopened: readonly string[];
  /** What a person must decide, one sentence each. */
  readonly open: readonly string[];
  /** What could not be compared yet and is later, without anybody, one sentence each. */
  readonly later: readonly string[];
}

interface Found {
  compared: number;
  readonly reopened: string[];
  readonly open: string[];
}

/** Safe to repeat: what is open again, or refunded since, is left alone. Throws PROVIDER_UNAVAILABLE if a provider does not answer. */
export async function reopenCharged(options: ReopenOptions): Promise<ReopenReport> {
  const { payment, since, providers } = options;
  const found: Found = { compared: 0, reopened: [], open: [] };
  for (const provider of providers) {
    try {
      for await (const page of provider.chargesSince(since))
        await comparePage(options, provider, page, found);
    } catch (error) {
      // A retry cannot help, and the others are compared all the same.
      if (!(error instanceof AppError && error.code === "PROVIDER_REJECTED")) throw error;
      found.open.push(`${provider.name} does not list its charges (${error.message}): ${NOT_COMPARED}`);
    }
  }
  const listed = new Set(providers.map(({ name }) => name));
  for (const name of await providersSince(payment, since))
    if (!listed.has(name)) found.open.push(`${name} has no credentials here: ${NOT_COMPARED}`);
  return { ...found, later: providers.filter(({ lagMs }) => lagMs > 0).map(laterText) };
}

const NOT_COMPARED =
  "a payment that was cancelled as never requested may be paid there; give checkoutctl what is missing, and compare its charges with the payments";

function laterText({ name, lagMs }: ListingProvider): string {
  return `${name} lists a charge up to ${lagMs / 3_600_000} h late: reconciliation compares what appears until then, and opens a payment alert for what no payment explains`;
}

async function comparePage(
  { payment, saga, since, now }: ReopenOptions,
  provider: ListingProvider,
  page: readonly ChargeAtProvider[],
  found: Found,
): Promise<void> {
  const paid = page.flatMap((charge) => withSaga(charge) ?? []);
  found.compared += page.length;
  if (paid.length === 0) return;
  const ids = paid.map(({ saga_id }) => saga_id);
  const payments = new Map((await paymentsOfSagas(payment, ids)).map((row) => [row.saga_id, row]));
  const statuses = await statusesOf(saga, ids);
  const wrong: ReopenedCharge[] = [];
  for (const listed of paid) {
    const [known, status] = [payments.get(listed.saga_id), statuses.get(listed.saga_id)];
    if (verdictOn(listed, known, status) === "fine") continue;
    const charge = listed.isStale === true ? await asItIsNow(provider, listed) : listed;
    if (charge === null) continue;
    const verdict = verdictOn(charge, known, status);
    if (verdict === "reopen") wrong.push(charge);
    else if (verdict !== "fine") found.open.push(verdict.open);
  }
  if (wrong.length > 0) found.reopened.push(...(await reopenPayments(payment, wrong, since, now)));
}

type PaidCharge = ReopenedCharge & ChargeAtProvider;

/** Null if it took and holds nothing, or names no checkout. */
function withSaga(charge: ChargeAtProvider): PaidCharge | null {
  const { money, saga_id } = charge;
  return money === "none" || saga_id === null ? null : { ...charge, saga_id };
}

async function asItIsNow(
  provider: ListingProvider,
  { provider_txn_id }: PaidCharge,
): Promise<PaidCharge | null> {
  const now = await provider.lookUp(provider_txn_id);
  return now === null ? null : withSaga(now);
}

/** Pure. `status`: of the saga, undefined if it does not exist; then another shop of the account may have charged. */
export function verdictOn(
  charge: ReopenedCharge & Pick<ChargeAtProvider, "money" | "mayTakeHold" | "isStale">,
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
  // The executor and reconciliation ask about the hold that a payment names, and about what was taken of it.
  const isExplained = charge.isStale === true || (charge.mayTakeHold === true && HELD.has(payment.status));
  if (payment.provider_txn_id !== null)
    return payment.provider_txn_id === provider_txn_id || isExplained
      ? "fine"
      : { open: `${took}, in addition to ${payment.provider_txn_id}: ${undo} it at the provider` };
  if (payment.status !== "CANCELLED" && payment.status !== "FAILED") return "fine";
  if (status === "COMPENSATING" || status === "COMPENSATED" || status === "FAILED") return "reopen";
  return {
    open: `${took}, its payment is ${payment.status} and its checkout ${status ?? "unknown"}: a person must decide`,
  };
}

const HELD: ReadonlySet<string> = new Set(["AUTHORIZED", "CAPTURE_PENDING", "VOID_PENDING"]);
