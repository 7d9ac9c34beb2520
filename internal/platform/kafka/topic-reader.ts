// Reads parts of one topic outside any group: ranges of offsets, also those of a time. Nothing is committed, no group is rebalanced.
// Used for pages of messages (operations/topic-page.ts).
import type { TopicPartitionOffset } from "@confluentinc/kafka-javascript";
import { AppError } from "../../kernel/errors.ts";
import type { OffsetRange, ReadBatch, Span, TopicReader as TopicReaderPort } from "../../kernel/ports.ts";
import { decode } from "./batch.ts";
import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions } from "./connection.ts";
import { connect, type Connection, disconnect, openBatchConsumer } from "./consumer.ts";
import type { BatchConsumer } from "./native/types.ts";
import { spansOf } from "./read-topic.ts";

const BATCH_SIZE = 1_000;
/** Also how late it notices that nobody waits any more. */
const WAIT_MS = 200;
const LINGER_MS = 5;

export class TopicReader implements TopicReaderPort, AsyncDisposable {
  readonly #topic: string;
  readonly #connection: Connection;
  readonly #native: BatchConsumer;
  readonly #timeoutMs: number;

  private constructor(topic: string, connection: Connection, timeoutMs: number) {
    this.#topic = topic;
    this.#connection = connection;
    this.#native = openBatchConsumer(connection, []);
    this.#timeoutMs = timeoutMs;
  }

  /** Throws AppError KAFKA_UNAVAILABLE. */
  static async open(options: KafkaOptions, topic: string): Promise<TopicReader> {
    const connection = await connect(options, {
      // librdkafka requires a group name. Nothing is subscribed or committed under it.
      "group.id": `${options.clientId}-browser`,
      "enable.partition.eof": true,
      // Messages that expire meanwhile are skipped.
      "auto.offset.reset": "earliest",
      // Little is read of each partition: fetching far ahead of it would only cost memory.
      "queued.min.messages": 1_000,
      "queued.max.messages.kbytes": 8_192,
      "fetch.wait.max.ms": 100,
    });
    return new TopicReader(topic, connection, options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
  }

  spans(): Promise<ReadonlyMap<number, Span>> {
    return spansOf(this.#connection, this.#topic, this.#timeoutMs);
  }

  async offsetsAt(at: number, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    // The time stands in the place of the offset.
    const asked = partitions.map((partition) => ({ topic: this.#topic, partition, offset: Math.max(0, at) }));
    const { client, ask } = this.#connection;
    const found = await ask<TopicPartitionOffset[]>(`cannot find a time in ${this.#topic}`, (done) =>
      client.offsetsForTimes(asked, this.#timeoutMs, done),
    );
    return new Map(
      found.filter(({ offset }) => offset >= 0).map(({ partition, offset }) => [partition, offset]),
    );
  }

  async read(
    ranges: readonly OffsetRange[],
    take: (batch: ReadBatch) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    const reached = new Map(ranges.map(({ partition, from }) => [partition, from]));
    const unread = new Map(ranges.filter(({ from, to }) => from < to).map((one) => [one.partition, one]));
    const { client, events } = this.#connection;
    client.assign(
      [...unread.values()].map(({ partition, from }) => ({ topic: this.#topic, partition, offset: from })),
    );
    while (unread.size > 0 && !signal.aborted) {
      const { next, ends } = await this.#poll(take);
      for (const { partition, offset } of next) this.#reach(partition, offset, unread, reached);
      // The last offsets before the end may hold no message.
      for (const { partition } of ends) this.#reach(partition, Infinity, unread, reached);
      if (next.length + ends.length > 0) events.brokersDown = false;
      else if (events.brokersDown)
        throw new AppError("KAFKA_UNAVAILABLE", `reading ${this.#topic}: no broker can be reached`);
    }
    return reached;
  }

  async #poll(take: (batch: ReadBatch) => void) {
    const native = this.#native;
    const polled = await native.poll(BATCH_SIZE, WAIT_MS, LINGER_MS);
    if (polled.error !== null) throw this.#connection.failed(`cannot read ${this.#topic}`, polled.error);
    try {
      const { values, indexes, undecodable } = decode(native, polled);
      if (values.length + undecodable.length > 0)
        take({ values, undecodable, raw: (index) => native.message(indexes?.[index] ?? index) });
      return native.positions();
    } finally {
      // As done: otherwise the next poll would read the batch again.
      native.release(true);
    }
  }

  #reach(
    partition: number,
    offset: number,
    unread: Map<number, OffsetRange>,
    reached: Map<number, number>,
  ): void {
    const range = unread.get(partition);
    if (range === undefined) return;
    reached.set(partition, Math.min(offset, range.to));
    if (offset >= range.to) unread.delete(partition);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disconnect(this.#native, this.#connection);
  }
}
