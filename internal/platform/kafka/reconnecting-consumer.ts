// A consumer that outlives being shut out of its group. A static member is told that another has taken its name also when there
// is none: while a coordinator hangs, its own second request to join replaces the first, and librdkafka then takes the answer
// for final. Joining anew heals that. Where there really is another, the two shut each other out in turn, and each says so.
// Used by every role that consumes.

import { AppError } from "../../kernel/errors.ts";
import type { ConsumedBatch, Consumer, PollOptions } from "../../kernel/ports.ts";
import { type ConsumerOptions, openConsumer } from "./consumer.ts";

type Opened = Awaited<ReturnType<typeof openConsumer>>;

/** librdkafka's names for it: of the answer itself, and of every call after it. */
const SHUT_OUT: ReadonlySet<unknown> = new Set(["FENCED_INSTANCE_ID", "_FATAL"]);

/** Resolves when a broker has answered. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_FATAL when it refuses us. */
export async function openReconnectingConsumer(
  options: ConsumerOptions,
): Promise<Consumer & AsyncDisposable> {
  return new ReconnectingConsumer(options, await openConsumer(options));
}

class ReconnectingConsumer implements Consumer, AsyncDisposable {
  readonly #options: ConsumerOptions;
  #consumer: Opened | undefined;
  #isClosed = false;

  constructor(options: ConsumerOptions, consumer: Opened) {
    this.#options = options;
    this.#consumer = consumer;
  }

  /** Shut out, it throws KAFKA_UNAVAILABLE; the next poll joins anew. */
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
        `${instanceId} was shut out of group ${groupId} and joins anew; if this goes on, two instances have the same INSTANCE_ID`,
        { cause: error },
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#consumer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<Opened> {
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
