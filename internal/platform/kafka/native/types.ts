// The addon's exports, declared for our C++ in src/. Types only, so that code can use the types without loading the addon.

import type { ProduceFailure, RawMessage } from "../../../kernel/ports.ts";

export interface Addon {
  /** The address of the librdkafka instance behind a connected client of the package. */
  handleOf(client: unknown): number;
  err2str(code: number): string;
  /** All settings of these topics, including inherited ones. The client must stay open until the promise resolves. */
  topicConfigs(handle: number, topics: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  /** `changes` is flat: topic, name, value, topic, name, value, .. */
  alterTopicConfigs(handle: number, changes: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  /** One row `[topic, "id", id]` for each topic that exists. */
  topicIds(handle: number, topics: readonly string[], timeoutMs: number): Promise<TopicAnswer>;
  /** One row for each access rule about a topic, a group or the cluster, in the form of src/acl-admin.cc. `texts` is empty. */
  describeAcls(handle: number, texts: readonly string[], timeoutMs: number): Promise<AdminAnswer>;
  /** `texts` is flat: seven for each rule. */
  createAcls(handle: number, texts: readonly string[], timeoutMs: number): Promise<AdminAnswer>;
  deleteAcls(handle: number, texts: readonly string[], timeoutMs: number): Promise<AdminAnswer>;
  /** Rows in the form of src/group-admin.cc. The client must stay open until the promise resolves. */
  describeGroups(handle: number, groups: readonly string[], timeoutMs: number): Promise<AdminAnswer>;
  readonly BatchConsumer: new (handle: number, types: readonly string[]) => BatchConsumer;
  readonly BatchProducer: new (
    settings: readonly string[],
    onEvent: (level: number, name: string, text: string) => void,
  ) => BatchProducerAddon;
}

/** A librdkafka error by name: `UNKNOWN_TOPIC_OR_PART`; local errors begin with an underscore. */
export interface NativeError {
  readonly code: string;
  readonly message: string;
}

export interface Polled {
  readonly error: NativeError | null;
  /** The decodable messages as one JSON array, with the nonce between every two: `[{..},N,{..},N,{..}]`. */
  readonly text: string;
  readonly nonce: number;
  readonly decodable: number;
  /** Messages without a value or with a value that is not UTF-8; `message` has them after the decodable ones. */
  readonly undecodable: number;
  readonly skipped: number;
}

export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** How far a partition is read, as far as librdkafka knows without asking a broker. Negative offsets: not known. */
export interface Progress extends Position {
  /** The oldest message there is, and the end. */
  readonly low: number;
  readonly high: number;
}

/** src/batch-consumer.cc */
export interface BatchConsumer {
  poll(maxMessages: number, waitMs: number, lingerMs: number): Promise<Polled>;
  message(index: number): RawMessage;
  topic(index: number): string;
  text(index: number): string;
  /** The position of each partition after the batch, and the partitions at their end (only with `enable.partition.eof`). */
  positions(): { readonly next: readonly Position[]; readonly ends: readonly Position[] };
  /** Of all partitions of this member. May be called during a poll. */
  progress(): Promise<readonly Progress[]>;
  /** Commits the offsets of all completed batches, for the partitions of this member. The next call retries what fails. */
  commit(timeoutMs: number): Promise<NativeError>;
  /** If `isDone`, the next commit includes the batch's offsets; otherwise the next poll reads the batch again. */
  release(isDone: boolean): void;
  /** The next poll reads this consumer's partitions of these topics from the beginning. */
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

/** src/acl-admin.cc, src/group-admin.cc. There are no rows if `code` is not NO_ERROR. */
export interface AdminAnswer extends NativeError {
  readonly rows: readonly (readonly string[])[];
}

/** src/topic-admin.cc. There are no rows if `code` is not NO_ERROR. */
export interface TopicAnswer extends NativeError {
  readonly rows: readonly (readonly [topic: string, name: string, value: string])[];
}
