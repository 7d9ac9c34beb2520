// Cuts a large batch into parts that are applied at the same time, each in its own transaction. While one part waits for its
// database, another is decided, and the database uses as many processes as there are parts. A small batch stays whole: a part has
// its own round trips, so many small ones cost more than a large one. Pure; called by the message processor.
import type { MessageType } from "../../schemas/registry.ts";
import { assert } from "../kernel/errors.ts";
import type { Delivery } from "./delivery.ts";

/** About. A message in a larger part is no cheaper, in a smaller one it is dearer. */
const PART_MESSAGES = 1_000;
/** Two share the thread of the role and the cores of a small machine; four are no faster there and take more of both. */
const MAX_PARTS = 2;

/**
 * All of `deliveries`, in parts of about the same size, at least one. The messages of a saga are in the same part and keep their
 * order.
 */
export function partsBySaga<Type extends MessageType>(
  deliveries: readonly Delivery<Type>[],
): readonly (readonly Delivery<Type>[])[] {
  const count = Math.min(MAX_PARTS, Math.round(deliveries.length / PART_MESSAGES));
  if (count <= 1) return [deliveries];
  const parts = Array.from({ length: count }, (): Delivery<Type>[] => []);
  for (const delivery of deliveries) {
    const part = parts[partOf(delivery.message.saga_id, count)];
    assert(part !== undefined, "a saga's id is a UUID");
    part.push(delivery);
  }
  return parts;
}

/** By the random end of a UUIDv7: its beginning is the time, which sagas of one batch share. */
function partOf(sagaId: string, count: number): number {
  return Number.parseInt(sagaId.slice(-4), 16) % count;
}

/** The results of all `work`, once all has ended. Throws what failed first in their order, also only then. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
