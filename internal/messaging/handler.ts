// What a service brings to the message processor: which messages it takes, the rows they touch, its pure decision, and how rows are
// saved. The message processor (message-processor.ts) brings everything else: inbox, outbox, retries, dead letters, offsets.
import type { Body } from "../../schemas/envelope.ts";
import type { Message, MessageOf, MessageType } from "../../schemas/registry.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { Tx } from "./database.ts";
import type { HeldRow } from "./held-rows.ts";

/** A message as a decision returns it; the message processor adds id, time, version and trace context when it writes the outbox. */
export type Outgoing = Body<Message>;

/**
 * `Rows` is the working set of one batch: what `load` read, changed in place by `decide` message after message, written back
 * by `save`. It dies with the batch.
 */
export interface Handler<Type extends MessageType, Rows> {
  /** Short name: consumer group, metrics, Redis keys, the `service` of a dead letter. */
  readonly service: string;
  readonly topics: readonly Topic[];
  readonly types: readonly Type[];
  /**
   * True for the one service per topic that records what nobody can place: bytes that are no JSON and types nobody knows. Each
   * consumer group of a topic sees these, and without a rule each would dead-letter them.
   */
  readonly ownsUnknown?: boolean;
  /** Types whose effect must come about in the end (undo commands): retried with a capped backoff, never dead-lettered. */
  readonly retryForever: ReadonlySet<MessageType>;
  /** Where this service's events go. */
  readonly eventTopic: Topic;
  /** True where messages of different sagas share something, be it rows or a limit. A batch of them is always one transaction. */
  readonly sharesAcrossSagas?: boolean;
  /**
   * Reads and locks, in key order, all rows the messages touch. Its statements must be started synchronously (no await
   * before the last one is built), so that they share the round trip of `begin` and the inbox insert.
   */
  load(tx: Tx, messages: readonly MessageOf<Type>[]): Promise<Rows>;
  /**
   * Locks what is free of the rows that `load` would lock, waits for nothing, and returns those that another transaction holds, once
   * for each saga that wants them. Started as `load` is.
   */
  held(tx: Tx, messages: readonly MessageOf<Type>[]): PromiseLike<readonly HeldRow[]>;
  /** Decides one message and applies it to the working set. Pure but for the set: no I/O, no clock, no randomness. */
  decide(rows: Rows, message: MessageOf<Type>, now: number): readonly Outgoing[];
  /** The set-based statements that write what changed; none where nothing did. Sent together with the outbox and `commit`. */
  save(tx: Tx, rows: Rows, now: number): readonly PromiseLike<unknown>[];
  /** Called after the commit with the working set, for wake-ups in this process. */
  committed?(rows: Rows): void;
}
