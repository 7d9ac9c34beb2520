// The interfaces between the core and the outside world. The adapters are in internal/platform; tests and the model have their own.
// Interfaces only, so that an import from here never pulls a driver into a pure file.

/** Wall clock. Milliseconds since the Unix epoch. Pure code gets a time, never the clock. */
export interface Clock {
  now(): number;
}

/** The exact bytes of one Kafka message, for the dead-letter record. */
export interface RawMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the Unix epoch, as the broker stored it. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/**
 * The messages of one poll. `values[i]` is the parsed JSON of message i; a message that is not JSON is in `undecodable`
 * instead. Messages with a `type` header that this role does not handle are dropped before parsing and only counted. `release`
 * frees the native memory; do not call `raw`, `topic` or `done` after it.
 */
export interface ConsumedBatch {
  readonly values: readonly unknown[];
  readonly undecodable: readonly RawMessage[];
  readonly skipped: number;
  /** Key, headers, offset and original bytes of `values[index]`. */
  raw(index: number): RawMessage;
  /** The topic that `values[index]` came on. Cheap: copies nothing else of the message. */
  topic(index: number): string;
  /**
   * Marks the whole batch as processed, skipped messages included. Its offsets are committed soon after its release, together
   * with those of other batches. After a crash, messages with uncommitted offsets are delivered again.
   */
  done(): void;
  release(): void;
}

/** The offsets that a partition has. */
export interface Span {
  readonly low: number;
  /** Exclusive. */
  readonly high: number;
}

export interface OffsetRange {
  readonly partition: number;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** Valid while it is taken. */
export type ReadBatch = Pick<ConsumedBatch, "values" | "undecodable" | "raw">;

/** One topic, outside any group. Its methods throw AppError KAFKA_UNAVAILABLE, KAFKA_DENIED, KAFKA_TOPIC_MISSING. */
export interface TopicReader {
  /** By partition. */
  spans(): Promise<ReadonlyMap<number, Span>>;
  /** By partition: the first offset of that time (epoch ms) or later. A partition without one is missing. */
  offsetsAt(at: number, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Reads each range in the order of its offsets, until all are read or `signal` aborts. Returns how far each partition was read. */
  read(
    ranges: readonly OffsetRange[],
    take: (batch: ReadBatch) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>>;
}

export interface PollOptions {
  /** Maximum number of messages that this role handles. */
  readonly maxMessages: number;
  /** How long to wait for the first message, in milliseconds. */
  readonly waitMs: number;
  /** How long to linger for more messages after the first one, in milliseconds. */
  readonly lingerMs: number;
  /** Ends the wait, and every later one: for a role that stops. */
  readonly signal?: AbortSignal;
}

/** A member of a consumer group. One poll at a time. */
export interface Consumer {
  /** Null if no message arrived within `waitMs`. Throws AppError `KAFKA_UNAVAILABLE` if no broker can be reached. */
  poll(options: PollOptions): Promise<ConsumedBatch | null>;
  close(): Promise<void>;
}

/** Separates records in the text for `BatchProducer.produce`. JSON text never contains this byte unescaped. */
export const RECORD_SEPARATOR = "\x1e";
/** Separates the fields topic, key, type header and body of one record. */
export const FIELD_SEPARATOR = "\x1f";

export interface ProduceFailure {
  /** Position of the record in the batch text, from 0. */
  readonly index: number;
  /** librdkafka's error name, for example `_MSG_TIMED_OUT`. */
  readonly code: string;
  readonly message: string;
}

/** Idempotent producer (acks=all). It takes a whole batch as one text and resolves once. */
export interface BatchProducer {
  /**
   * `text` holds records joined by RECORD_SEPARATOR, each `topic FIELD key FIELD type FIELD body`.
   * Resolves after the last delivery report with the failed records. Empty if Kafka has all of them.
   */
  produce(text: string): Promise<readonly ProduceFailure[]>;
  close(): Promise<void>;
}

/** The dedup cache (Redis). Every method may fail or return wrong answers; callers must stay correct anyway. */
export interface KeyValue {
  /** For each key, whether it is present. All false if the cache is down. */
  present(keys: readonly string[]): Promise<readonly boolean[]>;
  /** Remembers the keys for `ttlSeconds`. Failures are counted, not thrown. */
  remember(keys: readonly string[], ttlSeconds: number): Promise<void>;
}

/** The result of one run of a background loop. A run that only measures returns nothing. */
export interface RunResult {
  /** Processed items. 0: the run found nothing to do. */
  readonly processed: number;
  /** More work is waiting, so the next run starts at once. */
  readonly hasMore: boolean;
  /** Work may wait for something other than this loop, so the loop is not idle. */
  readonly isBlocked?: boolean;
}

/** One line of the brokers' access lists. */
export interface AccessRule {
  readonly resource: "topic" | "group" | "cluster";
  readonly name: string;
  readonly pattern: "LITERAL" | "PREFIXED";
  /** For example `User:inventory`. */
  readonly principal: string;
  /** `*`: from anywhere. */
  readonly host: string;
  /** Kafka's name, for example `READ`. */
  readonly operation: string;
  readonly permission: "ALLOW" | "DENY";
}
