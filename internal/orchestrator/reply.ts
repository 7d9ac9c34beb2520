// What a reply means for the saga: what a success brings, whether its price can be charged, and why a step was refused. Pure. Called by
// saga.ts.
import type { InsufficientStock, PaymentAuthorized, PaymentSucceeded } from "../../schemas/events.ts";
import type { FailureCode } from "../../schemas/failures.ts";
import type { ShortLine } from "../../schemas/http.ts";
import { onlyReceipt } from "../kernel/charged-card.ts";
import { chargeFault } from "../kernel/charge-limits.ts";
import { moneyText, totalCents } from "../kernel/money.ts";
import { type Failure, ownFailure, type Saga, type SagaInput } from "./state.ts";

/** The saga with what a success brings. */
export function applyReply(saga: Saga, input: SagaInput): Saga {
  switch (input.type) {
    case "InventoryReserved": {
      const priced_items = input.items.map(({ sku_id, quantity, unit_price_cents }) => ({
        sku_id,
        quantity,
        unit_price_cents,
      }));
      return { ...saga, priced_items, total_cents: totalCents(priced_items) };
    }
    case "PaymentAuthorized":
      return withCard(saga, input);
    case "PaymentSucceeded":
      return { ...withCard(saga, input), payment_succeeded: true };
    // Only what was taken is given back.
    case "RefundCompleted":
      return { ...saga, payment_succeeded: true };
    default:
      return saga;
  }
}

function withCard(saga: Saga, { card }: PaymentAuthorized | PaymentSucceeded): Saga {
  return card === undefined ? saga : { ...saga, card: onlyReceipt(card) };
}

/** Prices come from the server, but a shopper is never charged a total they were not shown. What cannot be charged is not tried. */
export function checkPrice(saga: Saga): Failure | null {
  const { total_cents, expected_total_cents, currency } = saga;
  if (total_cents === null || saga.payment_succeeded) return null;
  if (expected_total_cents !== null && expected_total_cents !== total_cents)
    return ownFailure(
      "PRICE_CHANGED",
      `expected ${moneyText(expected_total_cents, currency)}, the price is ${moneyText(total_cents, currency)}`,
    );
  const fault = chargeFault({ amount_cents: total_cents, currency });
  return fault === null ? null : ownFailure(fault.code, fault.message);
}

/** Why a step was refused. */
export function failureOf(input: SagaInput, { currency }: Saga): Failure {
  switch (input.type) {
    case "InsufficientStock":
      return shortage(input, currency);
    case "PaymentFailed":
    case "OrderFailed":
      return { code: input.error_code, message: input.error_message };
    case "ReservationLost":
      return ownFailure("RESERVATION_LOST", "the reserved stock went to somebody else");
    default:
      return { code: input.type, message: `refused by ${input.type}` };
  }
}

/** The code is the one that the shopper can do least about: an unknown product, then a wrong currency, then missing stock. */
function shortage(
  { sku_ids, unknown_sku_ids = [], other_currency_sku_ids = [] }: InsufficientStock,
  currency: string,
): Failure {
  const other = new Set([...unknown_sku_ids, ...other_currency_sku_ids]);
  const parts: readonly { code: FailureCode; what: string; skus: readonly string[] }[] = [
    { code: "UNKNOWN_SKU", what: "unknown product:", skus: unknown_sku_ids },
    { code: "CURRENCY_MISMATCH", what: `not sold in ${currency}:`, skus: other_currency_sku_ids },
    {
      code: "INSUFFICIENT_STOCK",
      what: "not available:",
      skus: sku_ids.filter((sku_id) => !other.has(sku_id)),
    },
  ];
  const found = parts.filter(({ skus }) => skus.length > 0);
  return ownFailure(
    found[0]?.code ?? "INSUFFICIENT_STOCK",
    found.map(({ what, skus }) => `${what} ${skus.join(", ")}`).join("; "),
  );
}

export function shortLines({
  sku_ids,
  unknown_sku_ids = [],
  other_currency_sku_ids = [],
}: InsufficientStock): readonly ShortLine[] {
  const reasonOf = (sku_id: string): ShortLine["reason"] => {
    if (unknown_sku_ids.includes(sku_id)) return "unknown";
    return other_currency_sku_ids.includes(sku_id) ? "other_currency" : "short";
  };
  return [...new Set(sku_ids)].map((sku_id) => ({ sku_id, reason: reasonOf(sku_id) }));
}
