// Brings back cancellations of finished orders whose rows a restored saga database has lost. Their commands name them: the order may be
// cancelled already, and without the row nobody would return its money. A cancellation only goes forward and each of its commands may be
// repeated, so the row continues at the last step that was asked for. Called by rebuild-run.ts, in the transaction that writes the commands
// back.
import type { Message } from "../../schemas/registry.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import type { Rebuilt } from "./rebuild.ts";

const STEPS = ["order", "refund", "release"] as const;

export interface CancellationsRebuilt {
  readonly rebuilt: readonly { readonly saga_id: string; readonly step: string }[];
  /** One sentence each. */
  readonly not_rebuilt: readonly string[];
}

/** What the commands tell of a cancellation. */
interface TracedCancellation {
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

/** Pure. With the orders of their sagas; the others in words. */
export function withOrders(
  traced: readonly TracedCancellation[],
  rebuilt: readonly Rebuilt[],
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
    .map(({ saga_id }) => `checkout ${saga_id}: its order was being cancelled, and nothing names the order`);
  return { lost, not_rebuilt };
}
