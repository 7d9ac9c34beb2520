// In which partition of a topic the messages of a saga are. The same rule as `partition_of` in platform/kafka/native/src/producing.cc, for
// whoever looks for them (operations/topic-page.ts). Pure.
import { timeOfId } from "../kernel/time-of-id.ts";

const BIRTH_WINDOW_MS = 512;
/** 2^64 / golden ratio. */
const GOLDEN = 0x9e37_79b9_7f4a_7c15n;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A saga's id is a UUIDv7. Only of those does the time in the id tell the partition. */
export function isSagaId(text: string): boolean {
  return UUID_V7.test(text);
}

/** `sagaId` is one of which `isSagaId` is true. */
export function partitionOf(sagaId: string, partitions: number): number {
  const window = BigInt(Math.floor(timeOfId(sagaId) / BIRTH_WINDOW_MS));
  const fraction = BigInt.asUintN(64, window * GOLDEN) >> 32n;
  return Number((fraction * BigInt(partitions)) >> 32n);
}
