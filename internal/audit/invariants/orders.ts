// Orders against sagas.
import { type Invariant, ofFinishedSagas } from "../invariant.ts";
import type { OrderFacts } from "../facts.ts";

/** Paid and not cancelled, wherever the parcel is. */
const LIVE = new Set(["CONFIRMED", "SHIPPED", "DELIVERED"]);

export const orders: readonly Invariant[] = [
  ofFinishedSagas(
    "completed-has-its-order",
    "A completed saga has exactly one live order, with the saga's items and total.",
    "completed",
    function* ({ saga, orders: found }) {
      const live = found.filter(isLive);
      const [order] = live;
      if (order === undefined || live.length > 1) {
        yield `it has ${live.length} live orders instead of one`;
        return;
      }
      if (order.order_id !== saga.order_id)
        yield `its order is ${order.order_id}, the saga names ${saga.order_id}`;
      if (order.items !== saga.priced_cart) {
        yield `order ${order.order_id} has ${order.items}, the saga has ${saga.priced_cart}`;
      }
      if (order.total_cents !== saga.total_cents || order.currency !== saga.currency) {
        yield `order ${order.order_id} costs ${order.total_cents} ${order.currency}, the saga ${saga.total_cents} ${saga.currency}`;
      }
    },
  ),
  ofFinishedSagas(
    "undone-has-no-order",
    "A saga that finished without completing has no live order.",
    "undone",
    function* ({ saga, orders: found }) {
      for (const order of found.filter(isLive)) {
        yield `order ${order.order_id} is ${order.status}, the saga ${saga.status}`;
      }
    },
  ),
];

function isLive(order: OrderFacts): boolean {
  return LIVE.has(order.status);
}
