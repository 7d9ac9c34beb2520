// A saga's status as its shopper sees it only moves forward. The order is repeated here from the design, independent of the tested
// code. Pure.
import type { SagaStatus } from "../../schemas/http.ts";

/** The order of the statuses. Compensation can start anywhere before the end; the three ends are terminal. */
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

/** Why status `after` must not follow status `before`; null if it may. */
export function contradiction(before: SagaStatus | undefined, after: SagaStatus): string | null {
  if (before === undefined || before === after) return null;
  if (RANK[before] === LAST) return `it changed from the terminal status ${before} to ${after}`;
  if (before === "COMPENSATING" && after === "COMPLETED") return "it changed from COMPENSATING to COMPLETED";
  return RANK[after] > RANK[before] ? null : `it went back from ${before} to ${after}`;
}
