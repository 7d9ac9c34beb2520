// Counts the losses of a solution by comparing three independent records: the provider ledger, the orders and the stock. Pure. Used by
// `bun run bench solutions`.
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";

export interface Records {
  /** The checkout of each charge that is not fully refunded. */
  readonly charges: readonly string[];
  readonly orders: readonly { readonly checkout: string; readonly units: number }[];
  /** Units that were available at the start and no longer are. */
  readonly unitsTaken: number;
  /** Checkouts that were confirmed to the shopper. */
  readonly accepted: readonly string[];
  /** Finished checkouts, successful or not. */
  readonly ended: ReadonlySet<string>;
}

export interface Losses {
  /** Checkouts with a charge but no order. */
  readonly chargedWithoutOrder: number;
  readonly orderWithoutCharge: number;
  /** Charges after the first one of a checkout. */
  readonly doubleCharges: number;
  /** Taken units without an order; below 0 if orders have more units than were taken. */
  readonly unitsHeldForNobody: number;
  /** Accepted checkouts that never finish. */
  readonly acceptedAndForgotten: number;
}

export function countLosses({ charges, orders, unitsTaken, accepted, ended }: Records): Losses {
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

/** The checkouts of charges that are not fully refunded. A charge without a checkout is named by its payment intent. */
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
