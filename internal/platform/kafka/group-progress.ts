// Reads a consumer group's progress in a topic without joining the group. Used by checkoutctl to learn whether a service without an
// inbox has read a message.
//
// Uses a consumer that joins no group; coordinator.ts explains why not an admin client.
import { committedBy } from "./committed.ts";
import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions, untilAnswered } from "./connection.ts";
import { connect, type Connection } from "./consumer.ts";
import { spansOf } from "./read-topic.ts";

/** Offset by partition. */
export type Offsets = ReadonlyMap<number, number>;

/** Both methods throw AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING. */
export class GroupProgress implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #topic: string;
  readonly #timeoutMs: number;

  private constructor(connection: Connection, topic: string, timeoutMs: number) {
    this.#connection = connection;
    this.#topic = topic;
    this.#timeoutMs = timeoutMs;
  }

  static async open(options: KafkaOptions, groupId: string, topic: string): Promise<GroupProgress> {
    const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    return new GroupProgress(await connect(options, { "group.id": groupId }), topic, timeoutMs);
  }

  /** The topic's current end offsets. */
  async ends(): Promise<Offsets> {
    const spans = await spansOf(this.#connection, this.#topic, this.#timeoutMs);
    return new Map([...spans].map(([partition, { high }]) => [partition, high]));
  }

  /** Whether the group has committed everything before these offsets. */
  async hasPassed(offsets: Offsets): Promise<boolean> {
    const asked = [...offsets].filter(([, offset]) => offset > 0);
    if (asked.length === 0) return true;
    const places = asked.map(([partition]) => ({ topic: this.#topic, partition }));
    const committed = await untilAnswered(this.#timeoutMs, () =>
      committedBy(this.#connection, places, {
        doing: "cannot read a group's offsets",
        timeoutMs: this.#timeoutMs,
      }),
    );
    const at = new Map(committed.map(({ partition, offset }) => [partition, offset ?? -1]));
    return asked.every(([partition, offset]) => (at.get(partition) ?? -1) >= offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { client, ask } = this.#connection;
    await ask<unknown>("disconnecting", (done) => client.disconnect(done));
  }
}
