// Size of each topic and lag of each consumer group, without joining a group. Keeps its connections, because `checkoutctl top` and the
// operators' console ask every second.
//
// Uses consumers that join no group; coordinator.ts explains why not an admin client.
import type { PartitionReading, TopicReading, TopicState } from "../../../schemas/overview.ts";
import { committedBy, type Place } from "./committed.ts";
import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions } from "./connection.ts";
import { connect, type Connection } from "./consumer.ts";
import { membersOf } from "./group-members.ts";
import type { Span } from "../../kernel/ports.ts";
import { allEnded } from "../../messaging/side-by-side.ts";
import { spansOf } from "./read-topic.ts";
import { Standstill } from "./standstill.ts";

/** The topics that each group reads, by the group's name. */
export type Subscriptions = Readonly<Record<string, readonly string[]>>;

interface PlaceReading extends Place {
  readonly committed: number | null;
  readonly lag: number;
  readonly unmovedSince: number | null;
}

type Spans = ReadonlyMap<string, ReadonlyMap<number, Span>>;

export class TopicStates implements AsyncDisposable {
  readonly #options: KafkaOptions;
  readonly #topics: readonly string[];
  readonly #subscriptions: Subscriptions;
  /** By group. */
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #standstill = new Standstill(() => Date.now());
  /** In progress. Nothing may ask a connection that ends: that would end the process. */
  readonly #asking = new Set<Promise<unknown>>();

  constructor(options: KafkaOptions, topics: readonly string[], subscriptions: Subscriptions) {
    this.#options = options;
    this.#topics = topics;
    this.#subscriptions = subscriptions;
  }

  /** Throws AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING. */
  read(): Promise<readonly TopicState[]> {
    return this.#orClose(async () => {
      const spans = await this.#spans();
      const groups = await allEnded(
        Object.entries(this.#subscriptions).map(async ([group, topics]) => ({
          group,
          lags: await this.#lagsOf(group, topics, spans),
        })),
      );
      return this.#topics.map((topic) => {
        const partitions = [...(spans.get(topic)?.values() ?? [])];
        const end = sum(partitions.map(({ high }) => high));
        return {
          topic,
          partitions: partitions.length,
          messages: end - sum(partitions.map(({ low }) => low)),
          end,
          groups: groups.flatMap(({ group, lags }) => {
            const lag = lags.get(topic);
            return lag === undefined ? [] : [{ group, ...lag }];
          }),
        };
      });
    });
  }

  /** One topic: its partitions by their number, how far each group is in them, and which member reads it. Throws as `read`. */
  readingOf(topic: string): Promise<TopicReading> {
    return this.#orClose(async () => {
      const spans = await this.#spans([topic]);
      const readers = Object.entries(this.#subscriptions).filter(([, topics]) => topics.includes(topic));
      const groups = await allEnded(
        readers.map(async ([group]) => {
          const lags = await this.#partitionLagsOf(group, [topic], spans);
          return { group, lags, members: await membersOf(await this.#connection(group), group) };
        }),
      );
      const readingOf = ({ group, lags, members }: (typeof groups)[number], partition: number) => {
        const at = lags.find((one) => one.partition === partition);
        return {
          group,
          committed: at?.committed ?? null,
          lag: at?.lag ?? 0,
          unmoved_since: at?.unmovedSince ?? null,
          member: members.readerOf(topic, partition),
        } satisfies PartitionReading;
      };
      return {
        partitions: [...(spans.get(topic) ?? [])]
          .map(([partition, { low, high }]) => ({
            partition,
            first: low,
            end: high,
            groups: groups.map((one) => readingOf(one, partition)),
          }))
          .toSorted((a, b) => a.partition - b.partition),
        groups: groups.map(({ group, members: { state, unknown } }) => ({ group, state, unknown })),
      };
    });
  }

  async #orClose<T>(ask: () => Promise<T>): Promise<T> {
    const asking = ask();
    this.#asking.add(asking);
    try {
      return await asking.finally(() => this.#asking.delete(asking));
    } catch (error) {
      // A connection that fails may never answer again, for example after a change of address.
      await this.#close();
      throw error;
    }
  }

  /** Start and end of every partition of these topics. Needs no group, so any connection will do. */
  async #spans(topics = this.#topics): Promise<Spans> {
    const [group = "checkoutctl"] = Object.keys(this.#subscriptions);
    const connection = await this.#connection(group);
    const spans = topics.map(async (topic) => {
      return [topic, await spansOf(connection, topic, this.#timeoutMs)] as const;
    });
    return new Map(await allEnded(spans));
  }

  async #lagsOf(
    group: string,
    topics: readonly string[],
    spans: Spans,
  ): Promise<ReadonlyMap<string, { readonly lag: number; readonly unmoved_since?: number }>> {
    const places = await this.#partitionLagsOf(group, topics, spans);
    return new Map(
      topics.map((topic) => {
        const own = places.filter((one) => one.topic === topic);
        const since = own.flatMap(({ unmovedSince }) => unmovedSince ?? []);
        const lag = sum(own.map((one) => one.lag));
        return [topic, since.length === 0 ? { lag } : { lag, unmoved_since: Math.min(...since) }];
      }),
    );
  }

  async #partitionLagsOf(
    group: string,
    topics: readonly string[],
    spans: Spans,
  ): Promise<readonly PlaceReading[]> {
    const connection = await this.#connection(group);
    const places = topics.flatMap((topic): Place[] =>
      [...(spans.get(topic)?.keys() ?? [])].map((partition) => ({ topic, partition })),
    );
    const committed = await committedBy(connection, places, {
      doing: `cannot read the offsets of group ${group}`,
      timeoutMs: this.#timeoutMs,
    });
    return committed.map(({ topic, partition, offset }) => {
      const { low = 0, high = 0 } = spans.get(topic)?.get(partition) ?? {};
      const own = typeof offset === "number" ? offset : null;
      // A group without a committed offset begins at the start, and one whose messages have expired as well.
      const from = Math.max(low, own ?? low);
      const lag = Math.max(0, high - from);
      const unmovedSince = this.#standstill.note(`${group} ${topic} ${partition}`, { at: own, lag });
      return { topic, partition, committed: own, lag, unmovedSince };
    });
  }

  get #timeoutMs(): number {
    return this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  }

  #connection(group: string): Promise<Connection> {
    const open = this.#connections.get(group) ?? connect(this.#options, { "group.id": group });
    this.#connections.set(group, open);
    return open;
  }

  async #close(): Promise<void> {
    const open = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(this.#asking);
    await Promise.all(
      open.map(async (opening) => {
        try {
          const { client, ask } = await opening;
          await ask<unknown>("disconnecting", (done) => client.disconnect(done));
        } catch {
          // It never was open, or is closed already.
        }
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
