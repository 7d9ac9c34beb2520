// Redis as a hint: which messages were probably handled before, so that a redelivered batch costs one read instead of a
// transaction. Called by the message processor; everything here may fail without changing an outcome.
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
 * Drops the messages that Redis has seen and the inbox confirms. "Not seen" needs no check, the transaction's own inbox
 * insert finds it out. "Seen" does: a mark is written only after the commit it speaks of, but a Redis that answers for
 * another instance, or a database restored to an earlier time, would make us drop a message whose effect is not there. The
 * check is one indexed read, made only when something is claimed.
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

/** Remembers messages whose effect is committed. */
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
