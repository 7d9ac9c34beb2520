// Brings back cancellations of finished orders whose rows a restored saga database has lost. Their commands name them: the order may be
// cancelled already, and without the row nobody would return its money. A cancellation only goes forward and each of its commands may be
// repeated, so the row continues at the last step that was asked for. Called by rebuild-run.ts, in the transaction that writes the commands
// back.
import type { Message } from "../../schemas/registry.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import type { Rebuilt, StandingOrder } from "./rebuild.ts";

const STEPS = ["order", "refund", "release"] as const;

export interface CancellationsRebuilt {
  readonly rebuilt: readonly { readonly saga_id: string; readonly step: string }[];
  /** One sentence each. */
  readonly not_rebuilt: readonly string[];
}

/** What the commands tell of a cancellation. */
export interface TracedCancellation {
  readonly cancellation_id: string;
  readonly saga_id: string;
  readonly step: (typeof STEPS)[number];
  /** When it began, epoch ms. */
  readonly at: number;
}

export interface LostCancellation extends TracedCancellation {
  readonly order_id: string;
}

/**
 * Pure. The cancellations that these commands of sagas belong to, each with its last step; of one order the newest, because there was another
 * only after a refusal. The keys of a checkout's own commands begin with its id.
 */
export function cancellationsIn(messages: readonly Message[]): readonly TracedCancellation[] {
  const found = new Map<string, TracedCancellation>();
  for (const message of messages) {
    if (!isUndo(message)) continue;
    const { saga_id, message_id, idempotency_key } = message;
    const [cancellation_id = "", name] = idempotency_key.split(":");
    const step = STEPS.find((one) => one === name);
    if (step === undefined || cancellation_id === saga_id) continue;
    const known = found.get(cancellation_id);
    const at = timeOfId(message_id);
    const isLater = known === undefined || STEPS.indexOf(step) > STEPS.indexOf(known.step);
    const last = isLater ? step : known.step;
    found.set(cancellation_id, { cancellation_id, saga_id, step: last, at: Math.min(at, known?.at ?? at) });
  }
  const oldestFirst = [...found.values()].toSorted((one, other) =>
    one.cancellation_id < other.cancellation_id ? -1 : 1,
  );
  return [...new Map(oldestFirst.map((one) => [one.saga_id, one])).values()];
}

function isUndo(message: Message) {
  return (
    message.type === "CancelOrder" || message.type === "RefundPayment" || message.type === "ReleaseInventory"
  );
}

/** An order as the order service holds it, in any state. */
export interface OrderFound extends StandingOrder {
  readonly is_cancelled: boolean;
}

/**
 * Pure. The orders that completed their checkout, by saga. One that is cancelled did so if `traced` has its cancellation, because only
 * the order of a completed checkout gets one; any other was undone by its checkout.
 */
export function ordersThatStood(
  orders: readonly OrderFound[],
  traced: readonly TracedCancellation[],
): ReadonlyMap<string, StandingOrder> {
  const cancelled = new Set(traced.map(({ saga_id }) => saga_id));
  const stood = orders.filter(({ saga_id, is_cancelled }) => !is_cancelled || cancelled.has(saga_id));
  return new Map(stood.map((order) => [order.saga_id, order]));
}

/** Pure. With the orders of their sagas; the others in words. `stood`: see ordersThatStood. */
export function withOrders(
  traced: readonly TracedCancellation[],
  rebuilt: readonly Rebuilt[],
  stood: ReadonlyMap<string, Pick<StandingOrder, "order_id">>,
): { readonly lost: readonly LostCancellation[]; readonly not_rebuilt: readonly string[] } {
  const orders = new Map(
    rebuilt.flatMap(({ after: { saga_id, position } }) =>
      position.kind === "completed" ? [[saga_id, position.order_id] as const] : [],
    ),
  );
  const lost = traced.flatMap((one) => {
    const order_id = orders.get(one.saga_id);
    return order_id === undefined ? [] : [{ ...one, order_id }];
  });
  const not_rebuilt = traced
    .filter(({ saga_id }) => !orders.has(saga_id))
    .map(({ saga_id }) => {
      const order = stood.get(saga_id);
      return order === undefined
        ? `checkout ${saga_id}: its order was being cancelled, and neither its messages nor the order database name the order`
        : `checkout ${saga_id}: its order ${order.order_id} was being cancelled, and the checkout itself is not rebuilt`;
    });
  return { lost, not_rebuilt };
}
