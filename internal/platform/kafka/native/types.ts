// What the addon offers: the declarations of our C++ in src/. Types only, so that whoever speaks of the addon need not load it.

import type { ProduceFailure, RawMessage } from "../../../kernel/ports.ts";

export interface Addon {
  /** The address of the librdkafka instance behind a connected client of the package. */
  handleOf(client: unknown): number;
  err2str(code: number): string;
  /** Every setting of these topics, the inherited ones too. The client must stay open until the answer has come. */
  topicConfigs(handle: number, topics: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  /** `changes` is flat: topic, name, value, topic, name, value, .. */
  alterTopicConfigs(handle: number, changes: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  /** One row `[topic, "id", id]` for each topic that exists. */
  topicIds(handle: number, topics: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  readonly BatchConsumer: new (handle: number, types: readonly string[]) => BatchConsumer;
  readonly BatchProducer: new (
    settings: readonly string[],
    onEvent: (level: number, name: string, text: string) => void,
  ) => BatchProducerAddon;
}

/** How the native side names a librdkafka error: `UNKNOWN_TOPIC_OR_PART`, local ones with an underscore in front. */
export interface NativeError {
  readonly code: string;
  readonly message: string;
}

export interface Polled {
  readonly error: NativeError | null;
  /** The decodable messages as one JSON array, the nonce between every two: `[{..},N,{..},N,{..}]`. */
  readonly text: string;
  readonly nonce: number;
  readonly decodable: number;
  /** Messages without a value or with one that is not UTF-8; they follow the decodable ones in `message`. */
  readonly undecodable: number;
  readonly skipped: number;
}

export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** src/batch-consumer.cc */
export interface BatchConsumer {
  poll(maxMessages: number, waitMs: number, lingerMs: number): Promise<Polled>;
  message(index: number): RawMessage;
  text(index: number): string;
  /** Where the batch leaves each partition, and the partitions at their end (only with `enable.partition.eof`). */
  positions(): { readonly next: readonly Position[]; readonly ends: readonly Position[] };
  /** Of all that is done with, as far as it is this member's. What fails is tried again by the next call. */
  commit(timeoutMs: number): Promise<NativeError>;
  /** Done with, its offsets are for the next commit; otherwise the next poll reads the batch again. */
  release(isDone: boolean): void;
  /** The next poll reads what this consumer has of these topics from the beginning. */
  restart(topics: readonly string[]): void;
  interrupt(): void;
  close(): void;
}

/** src/batch-producer.cc */
export interface BatchProducerAddon {
  reach(timeoutMs: number): Promise<NativeError>;
  produce(
    text: string,
  ): Promise<{ readonly failures: readonly ProduceFailure[]; readonly fatal: string | null }>;
  close(flushMs: number): Promise<void>;
}

/** src/topic-admin.cc. Where `code` is not NO_ERROR there are no rows. */
export interface TopicAnswer extends NativeError {
  readonly rows: readonly (readonly [topic: string, name: string, value: string])[];
}
