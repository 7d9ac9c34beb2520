// The outside world as the core sees it. Adapters live in internal/platform; tests and the model bring their own.
// Only interfaces: nothing here can pull a driver into a pure file.

/** Wall clock. Milliseconds since the Unix epoch. Pure code gets the reading, never the clock. */
export interface Clock {
  now(): number;
}

/** One Kafka message, byte for byte, for the dead-letter record. */
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
 * A poll's worth of messages. `values[i]` is the parsed JSON of message i; one whose bytes are not JSON is in
 * `undecodable` instead. Messages whose `type` header this role does not handle were dropped before parsing and are
 * only counted. `release` gives the native memory back; afterwards `raw` and `done` must not be called.
 */
export interface ConsumedBatch {
  readonly values: readonly unknown[];
  readonly undecodable: readonly RawMessage[];
  readonly skipped: number;
  /** Key, headers, offset and original bytes of `values[index]`. */
  raw(index: number): RawMessage;
  /**
   * Says that the whole batch, skipped messages included, is done with. Its offsets are committed soon after its release, together
   * with those of other batches; what a crash leaves uncommitted comes again.
   */
  done(): void;
  release(): void;
}

export interface PollOptions {
  /** At most this many wanted messages. */
  readonly maxMessages: number;
  /** How long to wait for the first message, in milliseconds. */
  readonly waitMs: number;
  /** How long to go on gathering after the first message, in milliseconds. */
  readonly lingerMs: number;
}

/** A member of a consumer group. One poll at a time. */
export interface Consumer {
  /** Null when nothing came within `waitMs`. Throws AppError `KAFKA_UNAVAILABLE` when brokers cannot be reached. */
  poll(options: PollOptions): Promise<ConsumedBatch | null>;
  close(): Promise<void>;
}

/** Separates records in the text that `BatchProducer.produce` takes. JSON text never holds this byte raw. */
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

/** Idempotent producer (acks=all) that takes a whole batch as one text and answers once. */
export interface BatchProducer {
  /**
   * `text` holds records joined by RECORD_SEPARATOR, each `topic FIELD key FIELD type FIELD body`.
   * Resolves after the last delivery report with the records that failed; empty when all are in the log.
   */
  produce(text: string): Promise<readonly ProduceFailure[]>;
  close(): Promise<void>;
}

/** The hint store (Redis). Every method may fail or lie; callers must stay correct without it. */
export interface KeyValue {
  /** For each key, whether it is present. All false when the store is down. */
  present(keys: readonly string[]): Promise<readonly boolean[]>;
  /** Remembers the keys for `ttlSeconds`; failures are swallowed and counted. */
  remember(keys: readonly string[], ttlSeconds: number): Promise<void>;
}

/** What one run of a background loop came to. A run that only measures returns nothing instead. */
export interface RunResult {
  /** Items dealt with. 0: the run found nothing to do. */
  readonly processed: number;
  /** There is more to do right now, so the next run follows at once. */
  readonly hasMore: boolean;
}
