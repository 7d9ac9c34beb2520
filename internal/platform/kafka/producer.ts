// The idempotent batch producer: one text in, one answer out. Used by relay and publisher.

import { AppError } from "../../kernel/errors.ts";
import type { BatchProducer, ProduceFailure } from "../../kernel/ports.ts";
import { kafka } from "./addon.ts";
import {
  commonSettings,
  DEFAULT_CONNECT_TIMEOUT_MS,
  kafkaError,
  toEvent,
  type KafkaOptions,
} from "./connection.ts";
import type { BatchProducerAddon } from "./native/types.ts";

export interface ProducerOptions extends KafkaOptions {
  /** After this a record that is not in the log has failed with `_MSG_TIMED_OUT`. */
  readonly deliveryTimeoutMs?: number;
  /** How long `close` waits for records in flight before it gives them up. */
  readonly flushTimeoutMs?: number;
}

const DEFAULT_DELIVERY_TIMEOUT_MS = 30_000;
const DEFAULT_FLUSH_TIMEOUT_MS = 10_000;

/** Resolves when a broker has answered. Throws AppError KAFKA_UNAVAILABLE. */
export async function openProducer(options: ProducerOptions): Promise<BatchProducer & AsyncDisposable> {
  const settings = {
    "enable.idempotence": true,
    acks: "all",
    "delivery.timeout.ms": options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS,
    // The caller batches; waiting for more would only add delay.
    "linger.ms": 0,
    // Of keys that are no UUIDv7; for those see producing.cc.
    partitioner: "murmur2_random",
    // A topic that does not exist is told after this time, instead of half a minute.
    "topic.metadata.propagation.max.ms": 5_000,
    ...commonSettings(options),
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => [name, String(value)]);
  const onEvent = options.onEvent;
  const native = new (kafka().addon.BatchProducer)(pairs, (level, name, text) =>
    onEvent?.(toEvent(level, name, text)),
  );
  const answer = await native.reach(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
  if (answer.code !== "NO_ERROR") {
    await native.close(0);
    throw kafkaError(`cannot reach Kafka at ${options.brokers}`, answer);
  }
  return new Producer(native, options.flushTimeoutMs ?? DEFAULT_FLUSH_TIMEOUT_MS);
}

class Producer implements BatchProducer, AsyncDisposable {
  readonly #native: BatchProducerAddon;
  readonly #flushTimeoutMs: number;
  #closed: Promise<void> | undefined;

  constructor(native: BatchProducerAddon, flushTimeoutMs: number) {
    this.#native = native;
    this.#flushTimeoutMs = flushTimeoutMs;
  }

  /** An empty key leaves the partition to chance; an empty type leaves the header out. */
  async produce(text: string): Promise<readonly ProduceFailure[]> {
    if (this.#closed !== undefined) throw new AppError("KAFKA_UNAVAILABLE", "the producer is closed");
    const { failures, fatal } = await this.#native.produce(text);
    // The instance can send nothing more; part of this batch may be in the log.
    if (fatal !== null) throw new AppError("KAFKA_FATAL", `the producer must be opened anew: ${fatal}`);
    return failures;
  }

  /** Batches in flight are settled first; what is not in the log after the flush timeout has failed. */
  close(): Promise<void> {
    this.#closed ??= this.#native.close(this.#flushTimeoutMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
