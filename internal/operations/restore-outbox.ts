// Writes lost messages back into an outbox after its database was restored from a backup and Kafka has more. Then the outboxes
// hold everything that is in Kafka and can rebuild it. Called by `checkoutctl outbox restore`.
import { plural } from "../kernel/counted.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Sql } from "postgres";
import { DeadLetter } from "../../schemas/dead-letter.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { TOPICS, type Topic } from "../../schemas/topics.ts";
import { Value } from "@sinclair/typebox/value";
import type { Clock } from "../kernel/ports.ts";
import { deadLetterKey } from "../messaging/dead-letter.ts";
import { decode } from "../messaging/envelope.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { findInOutbox, insertPublished, type OutboxRow } from "../messaging/outbox.ts";
import { consumerOf, producerOf } from "./replay-plan.ts";

/** Valid until the next batch is read. */
export interface TopicBatch {
  readonly values: readonly unknown[];
  raw(index: number): { readonly timestampMs: number };
}

export interface RestoreOptions {
  readonly database: DatabaseName;
  readonly outbox: Sql;
  /** The saga database, which keeps the audit trail. */
  readonly trail: Sql;
  /** Reads the topic from its beginning to its current end. */
  readonly readTopic: (topic: Topic) => AsyncIterable<TopicBatch> | Iterable<TopicBatch>;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly actor: string;
  readonly reason: string;
  /** Only counts. */
  readonly dryRun: boolean;
}

export interface RestoreReport {
  readonly run_id: string;
  readonly topics: readonly { readonly topic: Topic; readonly messages: number }[];
}

/** Safe to repeat: a second run adds nothing. */
export async function restoreOutbox(options: RestoreOptions): Promise<RestoreReport> {
  const { database, outbox, trail, readTopic, clock, newId, actor, reason, dryRun } = options;
  const run_id = newId();
  const topics: { topic: Topic; messages: number }[] = [];
  for (const topic of Object.values(TOPICS)) {
    if (topic !== TOPICS.deadLetters && producerOf(topic) !== database) continue;
    let messages = 0;
    for await (const batch of readTopic(topic)) {
      const rows = batch.values.flatMap((value, index) => {
        const row = rowOf(topic, value, database);
        const { timestampMs } = batch.raw(index);
        return row === null ? [] : [{ ...row, published_at: timestampOf(timestampMs) }];
      });
      const kept = await findInOutbox(
        outbox,
        rows.map(({ event_id }) => event_id),
      );
      const lost = new Map(
        rows.flatMap((row) => (kept.has(row.event_id) ? [] : [[row.event_id, row] as const])),
      );
      messages += lost.size;
      if (!dryRun && lost.size > 0) await insertPublished(outbox, [...lost.values()]);
    }
    topics.push({ topic, messages });
  }
  const count = topics.reduce((sum, { messages }) => sum + messages, 0);
  const act = {
    action_id: newId(),
    run_id,
    action: "outbox.restore",
    subject: database,
    saga_id: null,
  } as const;
  const outcome = { outcome: "restored", detail: plural(count, "message"), at: clock.now() };
  if (!dryRun) await recordActions(trail, [{ ...act, actor, reason, ...outcome }]);
  return { run_id, topics };
}

/** Null if the message is unreadable or belongs to another database. */
function rowOf(topic: Topic, value: unknown, database: DatabaseName): OutboxRow | null {
  if (topic === TOPICS.deadLetters) {
    if (!Value.Check(DeadLetter, value) || consumerOf(value.service) !== database) return null;
    const place = { event_id: value.dead_letter_id, topic, partition_key: deadLetterKey(value) };
    return { ...place, type: "DeadLetter", payload: value };
  }
  const decoded = decode(value);
  if (!decoded.ok) return null;
  const { message } = decoded;
  const { message_id: event_id, saga_id: partition_key, type } = message;
  return { event_id, topic, partition_key, type, payload: message };
}
