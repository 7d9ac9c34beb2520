// Sends messages through brokers that have just started, until the Java code for it is compiled. Otherwise the first checkouts pay for
// that: the first second of a load takes the broker a whole core instead of a third of one. Called by stack.ts, and by kafka-classes.ts
// to have the code loaded.
import { AppError } from "../../kernel/errors.ts";
import {
  type BatchProducer,
  type ConsumedBatch,
  type Consumer,
  FIELD_SEPARATOR,
} from "../../kernel/ports.ts";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer, type ProducerOptions } from "../../platform/kafka/producer.ts";

/** Of the topic and the group. */
const NAME = "warm-up";
/** As many as a topic of ours has, so that every broker leads some. */
const PARTITIONS = 16;
const MAX_REPLICAS = 3;
/** The JVM compiles what was called 200 times. */
const REQUESTS = 250;
/** What a slow machine has not sent by then, its checkouts do. */
const PATIENCE_MS = 3_000;
const POLL_WAIT_MS = 50;
const NOTHING: WarmedUp = { produced: 0, consumed: 0 };

export interface WarmedUp {
  readonly produced: number;
  readonly consumed: number;
}

/**
 * Resolves when that is done or has taken longer than `patienceMs`, and soon after `signal` aborts. To connect and to deliver a message
 * may take as long. Leaves no topic behind unless it aborts. `brokers` is a comma-separated list. Throws AppError.
 */
export async function warmUpKafka(
  brokers: string,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<WarmedUp> {
  if (signal.aborted) return NOTHING;
  const options = {
    brokers,
    clientId: NAME,
    connectTimeoutMs: patienceMs,
    deliveryTimeoutMs: patienceMs,
  };
  await using admin = await openAdmin(options);
  const replicationFactor = Math.min(MAX_REPLICAS, brokers.split(",").length);
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

/** One after the other: what costs a broker are requests. */
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

/** A broker that has not heard of the topic yet, or that is not there yet, soon has. */
async function poll(consumer: Consumer): Promise<ConsumedBatch | null> {
  try {
    return await consumer.poll({ maxMessages: REQUESTS, waitMs: POLL_WAIT_MS, lingerMs: 0 });
  } catch (error) {
    if (!(error instanceof AppError && (error.canRetry || error.code === "KAFKA_TOPIC_MISSING"))) throw error;
    await Bun.sleep(POLL_WAIT_MS);
    return null;
  }
}
