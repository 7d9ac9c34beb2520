// Splits a large batch into parts that are applied at the same time, each in its own transaction. While one part waits for its
// database another is decided, and the database uses one process per part. A small batch stays whole: a part has its own round
// trips, so many small parts cost more than a large one. Pure; called by the message processor. `allEnded` is for everybody.
import type { MessageType } from "../../schemas/registry.ts";
import { assert } from "../kernel/errors.ts";
import type { Delivery } from "./delivery.ts";

/** Approximate size of a part. A message costs no less in a larger part and more in a smaller one. */
const PART_MESSAGES = 1_000;
/** Two parts share the thread of the role and the cores of a small machine. Four are no faster there and use more of both. */
const MAX_PARTS = 2;

/**
 * Splits all `deliveries` into parts of about the same size, at least one. The messages of a saga are in the same part and keep
 * their order.
 */
export function partsBySaga<Type extends MessageType>(
  deliveries: readonly Delivery<Type>[],
): readonly (readonly Delivery<Type>[])[] {
  const count = Math.min(MAX_PARTS, Math.round(deliveries.length / PART_MESSAGES));
  if (count <= 1) return [deliveries];
  const parts = Array.from({ length: count }, (): Delivery<Type>[] => []);
  for (const delivery of deliveries) {
    const part = parts[partOf(delivery.message.saga_id, count)];
    assert(part !== undefined, "a saga id is a UUID");
    part.push(delivery);
  }
  return parts;
}

/** By the random end of a UUIDv7: its beginning is the time, which the sagas of one batch share. */
function partOf(sagaId: string, count: number): number {
  return Number.parseInt(sagaId.slice(-4), 16) % count;
}

/** The results of all `work`, once all of it has ended. If any failed, it then throws the first failure in their order. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
