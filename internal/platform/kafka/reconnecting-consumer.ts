// A consumer that survives being fenced out of its group. A static member may be fenced although no other has its name: while a
// coordinator hangs, the member's second join request replaces its first, and librdkafka treats the error as final. Rejoining fixes
// that. Two instances with one INSTANCE_ID fence each other in turn, and both log it. Used by every role that consumes.

import { AppError } from "../../kernel/errors.ts";
import type { TopicLag } from "../../messaging/telemetry.ts";
import type { ConsumedBatch, PollOptions } from "../../kernel/ports.ts";
import { type ConsumerOptions, type MeasuredConsumer, openConsumer } from "./consumer.ts";

/** librdkafka's error names: of the fencing itself, and of every call after it. */
const SHUT_OUT: ReadonlySet<unknown> = new Set(["FENCED_INSTANCE_ID", "_FATAL"]);

/** Resolves when a broker answers. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_FATAL if the broker rejects us. */
export async function openReconnectingConsumer(options: ConsumerOptions): Promise<MeasuredConsumer> {
  return new ReconnectingConsumer(options, await openConsumer(options));
}

class ReconnectingConsumer implements MeasuredConsumer {
  readonly #options: ConsumerOptions;
  #consumer: MeasuredConsumer | undefined;
  #isClosed = false;

  constructor(options: ConsumerOptions, consumer: MeasuredConsumer) {
    this.#options = options;
    this.#consumer = consumer;
  }

  /** Throws KAFKA_UNAVAILABLE if fenced; the next poll rejoins. */
  async poll(options: PollOptions): Promise<ConsumedBatch | null> {
    const consumer = (this.#consumer ??= await this.#open());
    try {
      return await consumer.poll(options);
    } catch (error) {
      if (!isShutOut(error)) throw error;
      this.#consumer = undefined;
      await consumer.close();
      const { groupId, instanceId } = this.#options;
      throw new AppError(
        "KAFKA_UNAVAILABLE",
        `${instanceId} was fenced out of group ${groupId}, rejoining; if this repeats, two instances have the same INSTANCE_ID`,
        { cause: error },
      );
    }
  }

  lag(): readonly TopicLag[] {
    return this.#consumer?.lag() ?? [];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#consumer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<MeasuredConsumer> {
    const closed = () => new AppError("KAFKA_UNAVAILABLE", "the consumer is closed");
    if (this.#isClosed) throw closed();
    const consumer = await openConsumer(this.#options);
    if (!this.#isClosed) return consumer;
    await consumer.close();
    throw closed();
  }
}

function isShutOut(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== "KAFKA_FATAL") return false;
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "code" in cause && SHUT_OUT.has(cause.code);
}
