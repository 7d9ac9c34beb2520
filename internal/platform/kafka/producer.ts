// The idempotent batch producer: one text per batch, one result. Used by relay and publisher.

import { AppError } from "../../kernel/errors.ts";
import type { BatchProducer, ProduceFailure } from "../../kernel/ports.ts";
import { kafka } from "./addon.ts";
import {
  callsOf,
  commonSettings,
  DEFAULT_CONNECT_TIMEOUT_MS,
  toEvent,
  type KafkaOptions,
} from "./connection.ts";
import type { BatchProducerAddon } from "./native/types.ts";
import { accessHint, Refusals } from "./refusal.ts";

export interface ProducerOptions extends KafkaOptions {
  /** After this an undelivered record fails with `_MSG_TIMED_OUT`. */
  readonly deliveryTimeoutMs?: number;
  /** How long `close` waits for records in flight before it abandons them. */
  readonly flushTimeoutMs?: number;
}

const DEFAULT_DELIVERY_TIMEOUT_MS = 30_000;
const DEFAULT_FLUSH_TIMEOUT_MS = 10_000;

/** Resolves when a broker answers. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_DENIED if the broker rejects us. */
export async function openProducer(options: ProducerOptions): Promise<BatchProducer & AsyncDisposable> {
  const settings = {
    "enable.idempotence": true,
    acks: "all",
    "delivery.timeout.ms": options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS,
    // The caller already batches; lingering would only add delay.
    "linger.ms": 0,
    // For keys that are not UUIDv7; producing.cc handles UUIDv7 keys.
    partitioner: "murmur2_random",
    // A missing topic is reported after 5 s instead of 30 s.
    "topic.metadata.propagation.max.ms": 5_000,
    ...commonSettings(options),
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => [name, String(value)]);
  const onEvent = options.onEvent;
  const refusals = new Refusals();
  const native = new (kafka().addon.BatchProducer)(pairs, (level, name, text) => {
    refusals.note(text);
    onEvent?.(toEvent(level, name, text));
  });
  const { account, failed } = callsOf(options.security?.account ?? null);
  const answer = await native.reach(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
  if (answer.code !== "NO_ERROR") {
    await native.close(0);
    throw refusals.explain(failed(`cannot reach Kafka at ${options.brokers}`, answer));
  }
  return new Producer(native, account, options.flushTimeoutMs ?? DEFAULT_FLUSH_TIMEOUT_MS);
}

class Producer implements BatchProducer, AsyncDisposable {
  readonly #native: BatchProducerAddon;
  readonly #flushTimeoutMs: number;
  readonly #account: string | null;
  #closed: Promise<void> | undefined;

  constructor(native: BatchProducerAddon, account: string | null, flushTimeoutMs: number) {
    this.#native = native;
    this.#account = account;
    this.#flushTimeoutMs = flushTimeoutMs;
  }

  /** With an empty key the partition is random. With an empty type there is no type header. */
  async produce(text: string): Promise<readonly ProduceFailure[]> {
    if (this.#closed !== undefined) throw new AppError("KAFKA_UNAVAILABLE", "the producer is closed");
    const { failures, fatal } = await this.#native.produce(text);
    // This instance can send no more. Part of this batch may be in Kafka.
    if (fatal !== null) throw this.#fatalError(fatal);
    return failures;
  }

  /** A client that may write no topic at all gets no id to produce with, which librdkafka takes for final. */
  #fatalError(fatal: string): AppError {
    if (!/authorization failed/i.test(fatal))
      return new AppError("KAFKA_FATAL", `the producer must be reopened: ${fatal}`);
    return new AppError("KAFKA_DENIED", `cannot write any topic: ${fatal}: ${accessHint(this.#account)}`);
  }

  /** Settles batches in flight first. Records that are undelivered after the flush timeout fail. */
  close(): Promise<void> {
    this.#closed ??= this.#native.close(this.#flushTimeoutMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
