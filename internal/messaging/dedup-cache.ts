// The dedup cache in Redis: which messages were probably handled before, so that a redelivered batch costs one read instead of a
// transaction. Called by the message processor. The cache is never trusted; losing it or wrong answers change nothing.
import type { Sql } from "postgres";
import type { MessageType } from "../../schemas/registry.ts";
import type { KeyValue } from "../kernel/ports.ts";
import type { Delivery } from "./delivery.ts";
import { findInInbox } from "./inbox.ts";
import type { ConsumerMetrics } from "./telemetry.ts";

const DEDUP_TTL_SECONDS = 24 * 60 * 60;

export interface DedupContext {
  readonly keyValue: KeyValue;
  readonly sql: Sql;
  readonly service: string;
  readonly metrics: ConsumerMetrics;
}

/**
 * Drops the messages that Redis has seen and the inbox confirms. "Not seen" needs no check: the inbox insert of the transaction
 * finds a duplicate. "Seen" needs one. A message is marked only after its commit, but a Redis that belongs to another instance, or
 * a database restored to an earlier time, would make us drop a message whose effect is missing. The check is one indexed read, made
 * only when Redis reports a message as seen.
 */
export async function withoutSeen<Type extends MessageType>(
  deliveries: readonly Delivery<Type>[],
  { keyValue, sql, service, metrics }: DedupContext,
): Promise<readonly Delivery<Type>[]> {
  if (deliveries.length === 0) return deliveries;
  const ids = deliveries.map((delivery) => delivery.message.message_id);
  const claims = await keyValue.present(ids.map((id) => dedupKey(service, id))).catch(() => []);
  const claimed = ids.filter((_, index) => claims[index] === true);
  if (claimed.length === 0) return deliveries;
  const confirmed = await findInInbox(sql, claimed);
  metrics.duplicates.inc({ service, found_by: "redis" }, confirmed.size);
  metrics.dedupFalsePositives.inc({ service }, claimed.length - confirmed.size);
  return deliveries.filter((delivery) => !confirmed.has(delivery.message.message_id));
}

/** Marks messages as seen. Call it only after their commit. */
export async function markSeen(
  keyValue: KeyValue,
  service: string,
  messageIds: readonly string[],
): Promise<void> {
  if (messageIds.length === 0) return;
  const keys = messageIds.map((id) => dedupKey(service, id));
  await keyValue.remember(keys, DEDUP_TTL_SECONDS).catch(() => undefined);
}

function dedupKey(service: string, messageId: string): string {
  return `idem:${service}:${messageId}`;
}
