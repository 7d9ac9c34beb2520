// A shopper cancels an order of their own that is not sent (docs/adr/0015). Called by routes/orders.ts for API clients and by
// shop-data.ts for the pages.
import type { OrderCancellationView } from "../../schemas/http.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { OrderClient } from "./order-client.ts";
import { ProblemError } from "./problem.ts";

export interface CancelOptions {
  readonly orders: Pick<OrderClient, "order">;
  readonly orchestrator: Pick<OrchestratorClient, "cancelOrder">;
}

/**
 * Starts the cancellation, or finds the one that there is. Throws the problems `not-found`, also for another user's order, and
 * `not-cancellable`; SERVICE_UNAVAILABLE leaves open whether it has started, and asking again is safe.
 */
export async function cancelOrder(
  { orders, orchestrator }: CancelOptions,
  orderId: string,
  userId: string,
): Promise<OrderCancellationView> {
  const order = await orders.order(orderId, userId);
  if (order === null) throw new ProblemError("not-found");
  const { order_id, saga_id, status } = order;
  if (status === "CANCELLED") return { order_id, status };
  // Otherwise each press after a refusal would start another cancellation.
  if (status !== "CONFIRMED") throw new ProblemError("not-cancellable", { detail: `the order is ${status}` });
  const cancelling = await orchestrator.cancelOrder(saga_id, order_id, userId);
  if (cancelling === null) throw new ProblemError("not-found");
  // The order is the first step; what follows is its money and its goods.
  return { order_id, status: cancelling.step === "order" ? "CANCELLING" : "CANCELLED" };
}
