// A producer that survives librdkafka's fatal errors. When a broker no longer accepts the sequence of an idempotent instance (its log
// was wiped or truncated), only a new instance can send. Used by relay and publisher, whose events are still in the outbox then.
// The same holds for a client that may write no topic at all, until the access lists are changed; that takes a person, so it asks calmly.

import { AppError } from "../../kernel/errors.ts";
import type { BatchProducer, ProduceFailure } from "../../kernel/ports.ts";
import { openProducer, type ProducerOptions } from "./producer.ts";

/** Until then every batch fails with the refusal of the last one. */
const ASK_AGAIN_MS = 15_000;

type Opening = ReturnType<typeof openProducer>;

/** Resolves when a broker answers. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_DENIED if the broker rejects us. */
export async function openReconnectingProducer(
  options: ProducerOptions,
): Promise<BatchProducer & AsyncDisposable> {
  const producer = new ReconnectingProducer(options);
  await producer.opened();
  return producer;
}

class ReconnectingProducer implements BatchProducer, AsyncDisposable {
  readonly #options: ProducerOptions;
  #opening: Opening | undefined;
  #refused: { readonly error: AppError; readonly at: number } | undefined;
  #isClosed = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** The current instance, or a new one if there is none. */
  async opened(): Opening {
    if (this.#isClosed) throw new AppError("KAFKA_UNAVAILABLE", "the producer is closed");
    const opening = (this.#opening ??= openProducer(this.#options));
    try {
      return await opening;
    } catch (error) {
      this.#forget(opening);
      throw error;
    }
  }

  /** Throws a fatal error to every caller with a batch in flight. The next batch opens a new instance. */
  async produce(text: string): Promise<readonly ProduceFailure[]> {
    if (this.#refused !== undefined && performance.now() - this.#refused.at < ASK_AGAIN_MS)
      throw this.#refused.error;
    const opened = this.opened();
    const opening = this.#opening;
    const producer = await opened;
    try {
      const failures = await producer.produce(text);
      this.#refused = undefined;
      return failures;
    } catch (error) {
      if (error instanceof AppError && (error.code === "KAFKA_FATAL" || error.code === "KAFKA_DENIED")) {
        if (error.code === "KAFKA_DENIED") this.#refused = { error, at: performance.now() };
        this.#forget(opening);
        await producer.close();
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const producer = await this.#opening?.catch(() => undefined);
    await producer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #forget(opening: Opening | undefined): void {
    if (this.#opening === opening) this.#opening = undefined;
  }
}
