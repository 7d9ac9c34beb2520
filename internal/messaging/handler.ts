// What a service gives the message processor: the messages it takes, the rows they touch, a pure decision, and how rows are saved.
// The message processor (message-processor.ts) does the rest: inbox, outbox, retries, dead letters, offsets.
import type { Body } from "../../schemas/envelope.ts";
import type { Message, MessageOf, MessageType } from "../../schemas/registry.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { Tx } from "./database.ts";
import type { HeldRow } from "./held-rows.ts";

/** A message as a decision returns it. The message processor adds id, time, version and trace context when it writes the outbox. */
export type Outgoing = Body<Message>;

/**
 * `Rows` is the working set of one batch: `load` reads it, `decide` changes it in place message by message, `save` writes it back.
 * It is discarded with the batch.
 */
export interface Handler<Type extends MessageType, Rows> {
  /** Short name, used for the consumer group, metrics, Redis keys and the `service` of a dead letter. */
  readonly service: string;
  readonly topics: readonly Topic[];
  readonly types: readonly Type[];
  /**
   * True for the one service per topic that records unknown messages: bytes that are not JSON, and unknown types. Each consumer
   * group of a topic sees these; without this rule each would dead-letter them.
   */
  readonly ownsUnknown?: boolean;
  /** Types whose effect must happen eventually (undo commands): retried with a capped backoff, never dead-lettered. */
  readonly retryForever: ReadonlySet<MessageType>;
  /** The topic of the events of this service. */
  readonly eventTopic: Topic;
  /** True when messages of different sagas share rows or a limit. A batch of them is always one transaction. */
  readonly sharesAcrossSagas?: boolean;
  /**
   * Reads and locks, in key order, all rows that the messages touch. Start its statements synchronously (no await before the last
   * one is built), so that they share the round trip of `begin` and the inbox insert.
   */
  load(tx: Tx, messages: readonly MessageOf<Type>[]): Promise<Rows>;
  /**
   * Locks those rows of `load` that are free, without waiting, and returns the rows that another transaction has locked, once per
   * saga that needs them. Start its statements like those of `load`.
   */
  held(tx: Tx, messages: readonly MessageOf<Type>[]): PromiseLike<readonly HeldRow[]>;
  /** Decides one message and applies it to the working set. Pure apart from that set: no I/O, no clock, no randomness. */
  decide(rows: Rows, message: MessageOf<Type>, now: number): readonly Outgoing[];
  /** The trace context that the rows keep for a message without one. Asked only while tracing is on. */
  traceparentOf?(rows: Rows, message: MessageOf<Type>): string | undefined;
  /** The set-based statements that write the changes; empty when nothing changed. Sent together with the outbox and `commit`. */
  save(tx: Tx, rows: Rows, now: number): readonly PromiseLike<unknown>[];
  /** Called after the commit with the working set, to wake waiters in this process. */
  committed?(rows: Rows): void;
}
