// A saga's status as its shopper sees it only moves forward. Written down here once more, from the design and not from the code
// that is judged by it. Pure.
import type { SagaStatus } from "../../schemas/http.ts";

/** How far along each is. Undoing can begin anywhere before the end; the three ends are final. */
const RANK: Readonly<Record<SagaStatus, number>> = {
  STARTED: 0,
  INVENTORY_RESERVED: 1,
  PAYMENT_CHARGED: 2,
  ORDER_CREATED: 3,
  COMPENSATING: 4,
  COMPLETED: 5,
  COMPENSATED: 5,
  FAILED: 5,
};
const LAST = 5;

/** What is wrong with seeing `after` when `before` was the last that was seen; null where nothing is. */
export function contradiction(before: SagaStatus | undefined, after: SagaStatus): string | null {
  if (before === undefined || before === after) return null;
  if (RANK[before] === LAST) return `${before} was its end, and then it was ${after}`;
  if (before === "COMPENSATING" && after === "COMPLETED")
    return "it was being undone, and then it was COMPLETED";
  return RANK[after] > RANK[before] ? null : `it went back from ${before} to ${after}`;
}
