// What a solution has lost, counted by comparing three books that nobody keeps together: the provider's ledger, the orders and the
// stock. Pure. Used by `bun run bench solutions`.
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";

export interface Books {
  /** For each charge that stands, the checkout it was made for. */
  readonly charges: readonly string[];
  readonly orders: readonly { readonly checkout: string; readonly units: number }[];
  /** Units that were for sale at the start and are not now. */
  readonly unitsTaken: number;
  /** Checkouts whose shopper was told that all is well. */
  readonly accepted: readonly string[];
  /** Checkouts that came to an end, good or bad. */
  readonly ended: ReadonlySet<string>;
}

export interface Losses {
  /** Checkouts with money taken and nothing ordered. */
  readonly chargedWithoutOrder: number;
  readonly orderWithoutCharge: number;
  /** Charges beyond the first of a checkout. */
  readonly doubleCharges: number;
  /** Units out of sale that no order has; below 0 where orders have more than was taken. */
  readonly unitsHeldForNobody: number;
  /** Checkouts that a shopper was promised and that nobody continues. */
  readonly acceptedAndForgotten: number;
}

export function countLosses({ charges, orders, unitsTaken, accepted, ended }: Books): Losses {
  const charged = new Set(charges);
  const ordered = new Set(orders.map(({ checkout }) => checkout));
  const unitsOrdered = orders.reduce((sum, { units }) => sum + units, 0);
  return {
    chargedWithoutOrder: charged.difference(ordered).size,
    orderWithoutCharge: ordered.difference(charged).size,
    doubleCharges: charges.length - charged.size,
    unitsHeldForNobody: unitsTaken - unitsOrdered,
    acceptedAndForgotten: new Set(accepted).difference(ended).size,
  };
}

/** The checkouts of the charges that were not given back in full; one without a checkout's name counts under its intent. */
export function standingCharges(
  entries: readonly ProviderLedgerEntry[],
  checkoutOf: (metadata: Readonly<Record<string, string>>) => string | undefined,
): string[] {
  const refundedCents = new Map<string, number>();
  for (const entry of entries)
    if (entry.kind === "refund")
      refundedCents.set(
        entry.payment_intent,
        (refundedCents.get(entry.payment_intent) ?? 0) + entry.amount_cents,
      );
  return entries.flatMap((entry) =>
    entry.kind === "charge" && (refundedCents.get(entry.payment_intent) ?? 0) < entry.amount_cents
      ? [checkoutOf(entry.metadata) ?? entry.payment_intent]
      : [],
  );
}
