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
  // Otherwise each press after a refusal would start another cancellation. A cancelled order is asked about, too: a restored database of
  // the sagas may have forgotten its refund.
  if (status !== "CONFIRMED" && status !== "CANCELLED")
    throw new ProblemError("not-cancellable", { detail: `the order is ${status}` });
  const cancelling = await orchestrator.cancelOrder(saga_id, order_id, userId).catch((error: unknown) => {
    // Its checkout was undone, and the order with it.
    const isUndone = error instanceof ProblemError && error.type === "not-cancellable";
    if (status === "CANCELLED" && isUndone) return "undone" as const;
    throw error;
  });
  if (cancelling === "undone") return { order_id, status: "CANCELLED" };
  if (cancelling === null) throw new ProblemError("not-found");
  // The order is the first step; what follows is its money and its goods.
  const isUndecided = status === "CONFIRMED" && cancelling.step === "order";
  return { order_id, status: isUndecided ? "CANCELLING" : "CANCELLED" };
}
