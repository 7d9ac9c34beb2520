// The money of a chaos run, by currency: what the shoppers' carts cost against what the providers' ledgers say they took and returned. The
// prices are the run's own, so that a system which counts a currency's decimals wrongly everywhere is noticed as well. Pure; called by
// run.ts.
import { moneyText } from "../../internal/kernel/money.ts";
import type { Movement } from "../ledger.ts";
import { type Ends, endsOf } from "./ends.ts";
import type { Checkout } from "./shopping.ts";

export interface CurrencyReport {
  readonly ends: Ends;
  /** What the completed checkouts cost, in minor units. */
  readonly due_cents: number;
  /** What the provider took and returned, in its own unit; that of EUR, JPY and KWD is the minor unit. */
  readonly taken_cents: number;
  readonly returned_cents: number;
}

interface Moved {
  readonly currency: string;
  taken: number;
  returned: number;
}

/** The accepted checkouts' money and ends by currency, and each checkout for which the provider holds another amount than it should. */
export function moneyOf(
  accepted: readonly Checkout[],
  ledger: readonly Movement[],
): { readonly byCurrency: Readonly<Record<string, CurrencyReport>>; readonly violations: readonly string[] } {
  const moved = movedBySaga(ledger);
  const byCurrency: Record<string, CurrencyReport> = {};
  for (const currency of new Set(accepted.map(({ price }) => price.currency))) {
    const checkouts = accepted.filter(({ price }) => price.currency === currency);
    const movements = [...moved.values()].flat().filter((one) => one.currency === currency);
    byCurrency[currency] = {
      ends: endsOf(checkouts),
      due_cents: sum(checkouts.map(dueOf)),
      taken_cents: sum(movements.map(({ taken }) => taken)),
      returned_cents: sum(movements.map(({ returned }) => returned)),
    };
  }
  const violations = accepted.flatMap((checkout) =>
    faultsOf(checkout, moved.get(checkout.sagaId ?? "") ?? []),
  );
  return { byCurrency, violations };
}

function faultsOf(checkout: Checkout, moved: readonly Moved[]): string[] {
  const { sagaId, price, end, totalCents } = checkout;
  // What has not finished is reported as such.
  if (end === undefined) return [];
  const { currency } = price;
  const wanted = moneyText(dueOf(checkout), currency);
  const own = moved.find((one) => one.currency === currency) ?? { taken: 0, returned: 0 };
  const held = moneyText(own.taken - own.returned, currency);
  const faults: string[] = [];
  if (held !== wanted)
    faults.push(`saga ${sagaId} ended as ${end}: the provider holds ${held} instead of ${wanted}`);
  for (const one of moved.filter((each) => each.currency !== currency))
    faults.push(
      `saga ${sagaId} is in ${currency}, and the provider took ${moneyText(one.taken, one.currency)}`,
    );
  if (end === "COMPLETED" && totalCents !== price.amount_cents)
    faults.push(
      `saga ${sagaId} cost ${totalCents == null ? "nothing" : moneyText(totalCents, currency)}, its cart ${wanted}`,
    );
  return faults;
}

function dueOf({ end, price }: Checkout): number {
  return end === "COMPLETED" ? price.amount_cents : 0;
}

/** A refund belongs to the saga of its charge, whatever saga it names itself. */
function movedBySaga(ledger: readonly Movement[]): ReadonlyMap<string, readonly Moved[]> {
  const sagaOfCharge = new Map<string, string>();
  const moved = new Map<string, Moved[]>();
  for (const { kind, payment_intent, currency, amount_cents, saga_id } of ledger) {
    const saga = sagaOfCharge.get(payment_intent) ?? saga_id ?? "";
    if (kind === "charge") sagaOfCharge.set(payment_intent, saga);
    const all = moved.get(saga) ?? [];
    moved.set(saga, all);
    let own = all.find((one) => one.currency === currency);
    if (own === undefined) all.push((own = { currency, taken: 0, returned: 0 }));
    own[kind === "charge" ? "taken" : "returned"] += amount_cents;
  }
  return moved;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((all, one) => all + one, 0);
}
