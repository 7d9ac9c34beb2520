// Reads a topic from its beginning, or from given offsets, to the end that it had at the start. Outside any consumer group: no member
// joins, no offset is committed, no group is rebalanced. Used by the auditor, `checkoutctl` and newest-sent.ts.

import type { Metadata, TopicPartitionOffset } from "@confluentinc/kafka-javascript";

import { AppError } from "../../kernel/errors.ts";
import type { RawMessage, Span } from "../../kernel/ports.ts";
import { decode } from "./batch.ts";
import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions, untilAnswered } from "./connection.ts";
import { connect, disconnect, openBatchConsumer, type Connection } from "./consumer.ts";
import type { Position } from "./native/types.ts";

export interface ReadTopicOptions extends KafkaOptions {
  readonly topic: string;
  /** Start offset in a partition that holds `low` to `high` (exclusive). Default: the beginning. */
  readonly from?: (partition: number, span: Span) => number;
  /** Maximum messages per batch. */
  readonly batchSize?: number;
}

/** Valid until the next batch is requested. */
export interface TopicBatch {
  readonly values: readonly unknown[];
  readonly undecodable: readonly RawMessage[];
  /** Key, headers, offset and original bytes of `values[index]`. */
  raw(index: number): RawMessage;
  /** The offset after the batch, in each partition that it has messages of. */
  readonly next: readonly Position[];
}

const DEFAULT_BATCH_SIZE = 1_000;
const WAIT_MS = 1_000;
const LINGER_MS = 5;
/** After this many empty polls in a row before the end, the broker counts as unavailable. */
const MAX_EMPTY_POLLS = 30;

/** Throws AppError KAFKA_TOPIC_MISSING, KAFKA_UNAVAILABLE. */
export async function* readTopic(options: ReadTopicOptions): AsyncGenerator<TopicBatch, void> {
  const connection = await connect(options, {
    // librdkafka requires a group name. Nothing is subscribed or committed under it.
    "group.id": `${options.clientId}-reader`,
    "enable.partition.eof": true,
  });
  const native = openBatchConsumer(connection, []);
  try {
    const unread = await unreadPartitions(connection, options);
    connection.client.assign(
      [...unread].map(([partition, { low }]) => ({ topic: options.topic, partition, offset: low })),
    );
    let emptyPolls = 0;
    while (unread.size > 0) {
      const polled = await native.poll(options.batchSize ?? DEFAULT_BATCH_SIZE, WAIT_MS, LINGER_MS);
      if (polled.error !== null) throw connection.failed(`cannot read ${options.topic}`, polled.error);
      const { values, indexes, undecodable } = decode(native, polled);
      const raw = (index: number) => native.message(indexes?.[index] ?? index);
      const { next, ends } = native.positions();
      if (values.length + undecodable.length > 0) yield { values, undecodable, raw, next };
      for (const { partition, offset } of next) {
        if (offset >= (unread.get(partition)?.high ?? Infinity)) unread.delete(partition);
      }
      // The last offsets before the end may hold no message, so reaching the end of the log counts too.
      for (const { partition } of ends) unread.delete(partition);
      native.release(true);
      emptyPolls = next.length + ends.length > 0 ? 0 : emptyPolls + 1;
      if (emptyPolls === MAX_EMPTY_POLLS) {
        throw new AppError("KAFKA_UNAVAILABLE", `reading ${options.topic} made no progress before its end`);
      }
    }
  } finally {
    await disconnect(native, connection);
  }
}

/** Start and end of every partition that has messages to read. */
async function unreadPartitions(
  connection: Connection,
  options: ReadTopicOptions,
): Promise<Map<number, Span>> {
  const { topic, from } = options;
  const spans = await spansOf(connection, topic, options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
  const wanted = [...spans].map(([id, span]): [number, Span] => [
    id,
    from === undefined ? span : { ...span, low: Math.max(span.low, from(id, span)) },
  ]);
  return new Map(wanted.filter(([, { low, high }]) => low < high));
}

/** What Kafka's ListOffsets takes instead of a time. */
const EARLIEST = -2;
const LATEST = -1;

/**
 * The current offsets of each partition of a topic. Two requests for all partitions of a broker: the package's `queryWatermarkOffsets`
 * sends two for each partition. Throws AppError KAFKA_TOPIC_MISSING, KAFKA_UNAVAILABLE.
 */
export async function spansOf(
  connection: Connection,
  topic: string,
  timeoutMs: number,
): Promise<ReadonlyMap<number, Span>> {
  const partitions = await partitionsOf(connection, topic, timeoutMs);
  const offsetsAt = (time: number) =>
    untilAnswered(timeoutMs, async () => {
      const doing = `cannot read the offsets of ${topic}`;
      const places = partitions.map((partition) => ({ topic, partition, offset: time }));
      const answers = await connection.ask<TopicPartitionOffset[]>(doing, (done) =>
        connection.client.offsetsForTimes(places, timeoutMs, done),
      );
      const offsets = new Map(answers.map(({ partition, offset }) => [partition, offset]));
      // A partition without an answer is an error object in the list, which has neither.
      const isWhole = partitions.every((partition) => (offsets.get(partition) ?? -1) >= 0);
      if (!isWhole) throw new AppError("KAFKA_UNAVAILABLE", `${doing}: not all partitions answer`);
      return offsets;
    });
  const [lows, highs] = await Promise.all([offsetsAt(EARLIEST), offsetsAt(LATEST)]);
  return new Map(
    partitions.map((partition) => {
      const high = highs.get(partition) ?? 0;
      // Messages may have expired between the two answers.
      return [partition, { low: Math.min(lows.get(partition) ?? 0, high), high }];
    }),
  );
}

/** The numbers of a topic's partitions. Throws AppError KAFKA_TOPIC_MISSING, KAFKA_UNAVAILABLE. */
export async function partitionsOf(
  { client, account, ask }: Connection,
  topic: string,
  timeout: number,
): Promise<readonly number[]> {
  const metadata = await ask<Metadata>(`cannot look up ${topic}`, (done) =>
    client.getMetadata({ topic, allTopics: false, timeout }, done),
  );
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
  if (partitions.length === 0) {
    // A broker hides a topic from clients that may not use it.
    const orHidden = account === null ? "" : `, or ${account} may not read it (checkoutctl acl check)`;
    throw new AppError("KAFKA_TOPIC_MISSING", `no topic ${topic}${orHidden}`);
  }
  return partitions.map(({ id }) => id);
}
