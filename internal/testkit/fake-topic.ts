// A topic in memory, for unit tests of what reads topics. Message `n` of a partition was written `n` seconds after the first, unless it says so.
import type { OffsetRange, RawMessage, ReadBatch, Span, TopicReader } from "../kernel/ports.ts";
import { textIn } from "../messaging/read-dead-letter.ts";

export interface FakePartition {
  /** The offset of the first. */
  readonly low: number;
  /** Undefined: nothing has this offset. A text is not JSON; in an object `at` is when it was written, and `key` its key. */
  readonly values: readonly unknown[];
}

const BATCH = 3;
const SECOND_MS = 1_000;

export class FakeTopic implements TopicReader, AsyncDisposable {
  readonly #partitions: readonly FakePartition[];
  /** How often each message was read, by partition and offset. */
  readonly reads: string[] = [];
  isClosed = false;

  constructor(partitions: readonly FakePartition[]) {
    this.#partitions = partitions;
  }

  async spans(): Promise<ReadonlyMap<number, Span>> {
    return new Map(
      this.#partitions.map(({ low, values }, partition) => [partition, { low, high: low + values.length }]),
    );
  }

  async offsetsAt(at: number, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return new Map(
      partitions.flatMap((partition): [number, number][] => {
        const first = this.#messages(partition).find(({ raw }) => raw.timestampMs >= at);
        return first === undefined ? [] : [[partition, first.raw.offset]];
      }),
    );
  }

  async read(
    ranges: readonly OffsetRange[],
    take: (batch: ReadBatch) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    const reached = new Map(ranges.map(({ partition, from }) => [partition, from]));
    for (const { partition, from, to } of ranges) {
      const found = this.#messages(partition).filter(({ raw }) => raw.offset >= from && raw.offset < to);
      for (let index = 0; index < found.length && !signal.aborted; index += BATCH) {
        const batch = found.slice(index, index + BATCH);
        this.reads.push(...batch.map(({ raw }) => `${partition}:${raw.offset}`));
        const json = batch.filter(({ value }) => typeof value !== "string");
        take({
          values: json.map(({ value }) => value),
          undecodable: batch.filter(({ value }) => typeof value === "string").map(({ raw }) => raw),
          raw: (at) => json[at]?.raw ?? never(),
        });
        reached.set(partition, (batch.at(-1)?.raw.offset ?? from) + 1);
      }
      if (!signal.aborted) reached.set(partition, to);
    }
    return reached;
  }

  #messages(partition: number): readonly { readonly value: unknown; readonly raw: RawMessage }[] {
    const { low, values } = this.#partitions[partition] ?? never();
    return values.flatMap((value, index) => {
      if (value === undefined) return [];
      const key = textIn(value, "key");
      const raw: RawMessage = {
        topic: "topic",
        partition,
        offset: low + index,
        timestampMs: numberIn(value, "at") ?? index * SECOND_MS,
        key: key === undefined ? null : Buffer.from(key),
        value: null,
        headers: [],
      };
      return [{ value, raw }];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }
}

function numberIn(value: unknown, name: string): number | undefined {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof found === "number" ? found : undefined;
}

function never(): never {
  throw new Error("there is no such message");
}
