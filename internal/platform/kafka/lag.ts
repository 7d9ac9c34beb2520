// How many messages wait in Kafka for a member of a group. From what librdkafka knows by itself: the broker sends the end of a
// partition with every answer to a fetch. A broker is asked only rarely, and only about partitions of which this member has read
// nothing yet. Called by consumer.ts at each scrape.
//
// The package's own `assignments()` and `position()` wait for a thread of librdkafka on the JavaScript thread: about 95 ms at each scrape in
// a profile of a saturated orchestrator. So our native code asks, off that thread.
import type { KafkaConsumer, TopicPartitionOffsetAndMetadata } from "@confluentinc/kafka-javascript";
import type { TopicLag } from "../../messaging/telemetry.ts";
import { callsOf } from "./connection.ts";
import type { BatchConsumer } from "./native/types.ts";

/** How often to ask for the committed offsets of such partitions. An idle partition may stay unread for days. */
const ASK_AGAIN_MS = 60_000;
const ASK_TIMEOUT_MS = 2_000;

export interface LagOptions {
  readonly client: Pick<KafkaConsumer, "committed" | "isConnected">;
  readonly native: Pick<BatchConsumer, "progress">;
  /** Where a group without committed offsets starts. */
  readonly fromBeginning: boolean;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

export class Lag {
  readonly #options: LagOptions;
  /** Committed offset by topic and partition, of the partitions of which nothing was read; negative for none. */
  #committed: ReadonlyMap<string, number> = new Map();
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #reading: Promise<readonly TopicLag[]> | undefined;

  constructor(options: LagOptions) {
    this.#options = options;
  }

  /**
   * By topic, over the partitions of this member. A partition of which no message was read since its assignment counts from the offset
   * that its group has committed; until that is known, from the next scrape on, as 0. Messages of a batch in hand count as read.
   */
  read(): Promise<readonly TopicLag[]> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<readonly TopicLag[]> {
    const { client, native } = this.#options;
    if (!client.isConnected()) return [];
    const messages = new Map<string, number>();
    const unread: { topic: string; partition: number }[] = [];
    for (const { topic, partition, offset, low, high } of await native.progress()) {
      const isRead = offset >= 0;
      if (!isRead) unread.push({ topic, partition });
      const from = isRead ? offset : this.#startOf(nameOf(topic, partition), low, high);
      messages.set(topic, (messages.get(topic) ?? 0) + Math.max(0, high - from));
    }
    this.#ask(unread);
    return [...messages].map(([topic, count]) => ({ topic, messages: count }));
  }

  /** Resolves when no call is in flight. */
  async settled(): Promise<void> {
    await this.#reading?.catch(() => undefined);
    await this.#asking;
  }

  #startOf(name: string, low: number, high: number): number {
    const committed = this.#committed.get(name);
    if (committed === undefined) return high;
    if (committed >= 0) return committed;
    return this.#options.fromBeginning && low >= 0 ? low : high;
  }

  /** A rebalance brings partitions that were not asked for yet. What others have committed meanwhile is known a minute later. */
  #ask(unread: readonly { readonly topic: string; readonly partition: number }[]): void {
    const { client, monotonic } = this.#options;
    const isNew = unread.some(({ topic, partition }) => !this.#committed.has(nameOf(topic, partition)));
    const isDue = monotonic() - this.#askedAt >= (isNew ? ASK_TIMEOUT_MS : ASK_AGAIN_MS);
    if (unread.length === 0 || !isDue || this.#asking !== undefined) return;
    this.#askedAt = monotonic();
    this.#asking = callsOf(null)
      .ask<TopicPartitionOffsetAndMetadata[]>("cannot read the group's offsets", (done) =>
        client.committed([...unread], ASK_TIMEOUT_MS, done),
      )
      .then(
        (found) => {
          this.#committed = new Map(
            found.map(({ topic, partition, offset }) => [nameOf(topic, partition), offset ?? -1]),
          );
        },
        // The next scrape asks again.
        () => undefined,
      )
      .finally(() => (this.#asking = undefined));
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}
