// Sends messages through brokers that have just started, until the JVM has compiled the code for it. Otherwise the first checkouts are
// slow: in the first second of a load the broker uses a whole core instead of a third. Called by stack.ts, and by kafka-classes.ts to
// load the classes.
import { AppError } from "../../kernel/errors.ts";
import {
  type BatchProducer,
  type ConsumedBatch,
  type Consumer,
  FIELD_SEPARATOR,
} from "../../kernel/ports.ts";
import { openAdmin } from "../../platform/kafka/admin.ts";
import type { KafkaOptions } from "../../platform/kafka/connection.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer, type ProducerOptions } from "../../platform/kafka/producer.ts";

/** Name of the topic and of the group. */
const NAME = "warm-up";
/** Like our topics, so that every broker leads some. */
const PARTITIONS = 16;
const MAX_REPLICAS = 3;
/** The JVM compiles a method after 200 calls. */
const REQUESTS = 250;
/** On a slow machine the warm-up ends incomplete after this time. */
const PATIENCE_MS = 3_000;
const POLL_WAIT_MS = 50;
const NOTHING: WarmedUp = { produced: 0, consumed: 0 };

export interface WarmedUp {
  readonly produced: number;
  readonly consumed: number;
}

/**
 * Resolves when the warm-up is done, after `patienceMs`, or soon after `signal` aborts. Connecting and delivering a message may take
 * `patienceMs` each. Deletes its topic unless it aborts. Throws AppError.
 */
export async function warmUpKafka(
  kafka: Pick<KafkaOptions, "brokers" | "security">,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<WarmedUp> {
  if (signal.aborted) return NOTHING;
  const options = {
    ...kafka,
    clientId: NAME,
    connectTimeoutMs: patienceMs,
    deliveryTimeoutMs: patienceMs,
  };
  await using admin = await openAdmin(options);
  const replicationFactor = Math.min(MAX_REPLICAS, kafka.brokers.split(",").length);
  await admin.createTopics([{ topic: NAME, partitions: PARTITIONS, replicationFactor }]);
  const warmedUp = await exchange(options, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
  if (!signal.aborted) await admin.deleteTopics([NAME]);
  return warmedUp;
}

async function exchange(options: ProducerOptions, signal: AbortSignal): Promise<WarmedUp> {
  if (signal.aborted) return NOTHING;
  await using producer = await openProducer(options);
  await using consumer = await openConsumer({ ...options, groupId: NAME, topics: [NAME], types: [] });
  const [produced, consumed] = await Promise.all([send(producer, signal), read(consumer, signal)]);
  return { produced, consumed };
}

/** One message per request, because a broker's cost is the number of requests. */
async function send(producer: BatchProducer, signal: AbortSignal): Promise<number> {
  let sent = 0;
  for (let request = 0; request < REQUESTS && !signal.aborted; request += 1) {
    const failures = await producer.produce([NAME, String(request), "", "{}"].join(FIELD_SEPARATOR));
    if (failures.length === 0) sent += 1;
  }
  return sent;
}

async function read(consumer: Consumer, signal: AbortSignal): Promise<number> {
  let seen = 0;
  while (seen < REQUESTS && !signal.aborted) {
    const batch = await poll(consumer);
    seen += batch?.values.length ?? 0;
    batch?.done();
    batch?.release();
  }
  return seen;
}

/** Returns null while a broker does not know the topic yet, or is not ready yet. */
async function poll(consumer: Consumer): Promise<ConsumedBatch | null> {
  try {
    return await consumer.poll({ maxMessages: REQUESTS, waitMs: POLL_WAIT_MS, lingerMs: 0 });
  } catch (error) {
    if (!(error instanceof AppError && (error.canRetry || error.code === "KAFKA_TOPIC_MISSING"))) throw error;
    await Bun.sleep(POLL_WAIT_MS);
    return null;
  }
}
