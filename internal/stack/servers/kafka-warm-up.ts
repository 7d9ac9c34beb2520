// Sends messages through brokers that have just started, until the Java code for it is compiled. Otherwise the first checkouts pay for
// that: the first second of a load takes the broker a whole core instead of a third of one. Called by stack.ts.
import { type BatchProducer, type Consumer, FIELD_SEPARATOR } from "../../kernel/ports.ts";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer } from "../../platform/kafka/producer.ts";

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

/**
 * Resolves when that is done, has taken too long, or `signal` aborts. Leaves no topic behind. `brokers` is a comma-separated list.
 * Throws AppError KAFKA_UNAVAILABLE.
 */
export async function warmUpKafka(brokers: string, signal: AbortSignal): Promise<void> {
  const options = { brokers, clientId: NAME };
  const ends = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  await using admin = await openAdmin(options);
  const replicationFactor = Math.min(MAX_REPLICAS, brokers.split(",").length);
  await admin.createTopics([{ topic: NAME, partitions: PARTITIONS, replicationFactor }]);
  {
    await using producer = await openProducer({ ...options, deliveryTimeoutMs: PATIENCE_MS });
    await using consumer = await openConsumer({ ...options, groupId: NAME, topics: [NAME], types: [] });
    const sent = new AbortController();
    await Promise.all([send(producer, ends).finally(() => sent.abort()), read(consumer, sent.signal)]);
  }
  if (!signal.aborted) await admin.deleteTopics([NAME]);
}

async function send(producer: BatchProducer, signal: AbortSignal): Promise<void> {
  for (let request = 0; request < REQUESTS && !signal.aborted; request += 1)
    await producer.produce([NAME, String(request), "", "{}"].join(FIELD_SEPARATOR));
}

async function read(consumer: Consumer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const batch = await consumer.poll({ maxMessages: REQUESTS, waitMs: POLL_WAIT_MS, gatherMs: 0 });
    batch?.done();
    batch?.release();
  }
}
