// A consumer that survives being fenced out of its group. A static member may be fenced although no other has its name: while a
// coordinator hangs, the member's second join request replaces its first, and librdkafka treats the error as final. Rejoining fixes
// that. Two instances with one INSTANCE_ID fence each other in turn, and both log it. Used by every role that consumes.
//
// It also survives being refused by the access lists, which an operator corrects while the role runs. librdkafka reports a refusal once
// and may then wait forever, so a new client asks again from time to time. Until then the old one reads what it may.

import { AppError } from "../../kernel/errors.ts";
import type { TopicLag } from "../../messaging/telemetry.ts";
import type { ConsumedBatch, PollOptions } from "../../kernel/ports.ts";
import { type ConsumerOptions, type MeasuredConsumer, openConsumer } from "./consumer.ts";

export interface DeniableConsumer extends MeasuredConsumer {
  /** Why the brokers refuse what this consumer needs; null if they do not. For readiness. */
  denied(): string | null;
}

/** librdkafka's error names: of the fencing itself, and of every call after it. */
const SHUT_OUT: ReadonlySet<unknown> = new Set(["FENCED_INSTANCE_ID", "_FATAL"]);

/** Resolves when a broker answers. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_DENIED if the broker rejects us. */
export async function openReconnectingConsumer(options: ConsumerOptions): Promise<DeniableConsumer> {
  return new ReconnectingConsumer(options, await openConsumer(options));
}

/** A new client asks for what was refused after this time. */
const ASK_AGAIN_MS = 15_000;
/** A refusal comes at once; a client without one for this long is not refused. */
const SETTLED_MS = 5_000;

interface Denial {
  readonly reason: string;
  readonly at: number;
}

class ReconnectingConsumer implements DeniableConsumer {
  readonly #options: ConsumerOptions;
  #consumer: MeasuredConsumer | undefined;
  #openedAt = performance.now();
  #denial: Denial | undefined;
  #isClosed = false;

  constructor(options: ConsumerOptions, consumer: MeasuredConsumer) {
    this.#options = options;
    this.#consumer = consumer;
  }

  denied(): string | null {
    return this.#denial?.reason ?? null;
  }

  /** Throws KAFKA_UNAVAILABLE if fenced; the next poll rejoins. Throws KAFKA_DENIED each time that the brokers refuse it. */
  async poll(options: PollOptions): Promise<ConsumedBatch | null> {
    if (this.#denial !== undefined) await this.#reviewDenial(this.#denial);
    const consumer = (this.#consumer ??= await this.#open());
    try {
      return await consumer.poll(options);
    } catch (error) {
      if (error instanceof AppError && error.code === "KAFKA_DENIED")
        this.#denial = { reason: error.message, at: performance.now() };
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

  /** Forgets it if the client that was opened since has not been refused, and opens a new one when it is time. */
  async #reviewDenial({ at }: Denial): Promise<void> {
    const now = performance.now();
    if (this.#openedAt > at && now - this.#openedAt >= SETTLED_MS) this.#denial = undefined;
    else if (this.#openedAt <= at && now - at >= (this.#options.deniedRetryMs ?? ASK_AGAIN_MS)) {
      const consumer = this.#consumer;
      this.#consumer = undefined;
      await consumer?.close();
    }
  }

  async lag(): Promise<readonly TopicLag[]> {
    return (await this.#consumer?.lag()) ?? [];
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
    this.#openedAt = performance.now();
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
