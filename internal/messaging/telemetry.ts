// The metrics of messages. Every message metric that an alert rule or a dashboard uses is declared here.
import type { Meter } from "../kernel/telemetry.ts";

const BATCH_SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];
const SECONDS_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Metrics of every message consumer. Register once per process. */
export function consumerMetrics(meter: Meter) {
  return {
    handled: meter.counter("messages_handled_total", "Messages whose effect was committed", [
      "service",
      "type",
    ]),
    duplicates: meter.counter("messages_duplicate_total", "Messages dropped as duplicates", [
      "service",
      "found_by",
    ]),
    dedupFalsePositives: meter.counter(
      "dedup_cache_false_positives_total",
      "Message ids that Redis reported as seen and the inbox does not contain",
      ["service"],
    ),
    failures: meter.counter("messages_failed_total", "Failed attempts to handle a message", [
      "service",
      "type",
    ]),
    held: meter.counter("messages_held_total", "Messages set aside because a row they need is locked", [
      "service",
    ]),
    retried: meter.counter("messages_retried_total", "Retries of messages from the retry table", [
      "service",
      "outcome",
    ]),
    overdue: meter.counter(
      "messages_retried_beyond_limit_total",
      "Failed retries past the limit of commands that are never dead-lettered",
      ["service", "type"],
    ),
    deadLettered: meter.counter("messages_dead_lettered_total", "Messages sent to the dead-letter queue", [
      "service",
      "code",
    ]),
    undropped: meter.gauge(
      "outbox_partitions_undropped",
      "Partitions of the outbox that are over its retention and still there: an event in them is unpublished, or the table is locked",
      ["service"],
    ),
    batchSize: meter.histogram(
      "messages_batch_size",
      "Messages per transaction",
      ["service"],
      BATCH_SIZE_BUCKETS,
    ),
    batchSeconds: meter.histogram(
      "messages_batch_seconds",
      "Time from the end of a poll to its committed offsets",
      ["service"],
      SECONDS_BUCKETS,
    ),
  };
}

/** Messages of a topic that wait in Kafka for this process. */
export interface TopicLag {
  readonly topic: string;
  readonly messages: number;
}

/** A meter whose gauge is read at each scrape. */
interface LagMeter {
  gauge(
    name: string,
    help: string,
    labels: readonly ("service" | "topic")[],
    read: () => Promise<readonly (readonly [{ readonly service: string; readonly topic: string }, number])[]>,
  ): unknown;
}

/** Shows the consumer's lag at each scrape. Register once per process. */
export function consumerLag(
  meter: LagMeter,
  service: string,
  read: () => Promise<readonly TopicLag[]>,
): void {
  meter.gauge(
    "consumer_lag",
    "Messages in Kafka that this process has not read yet",
    ["service", "topic"],
    async () => (await read()).map(({ topic, messages }) => [{ service, topic }, messages] as const),
  );
}

export type ConsumerMetrics = ReturnType<typeof consumerMetrics>;

/** Metrics of a process that publishes its own outbox events. Register once per process. */
export function publisherMetrics(meter: Meter) {
  return {
    ...publishingMetrics(meter),
    declined: meter.counter(
      "outbox_left_to_relay_total",
      "Events left to the relay because Kafka was unavailable or too slow",
      ["database"],
    ),
  };
}

export type PublisherMetrics = ReturnType<typeof publisherMetrics>;

/** Metrics of every publisher; `database` distinguishes the outboxes. */
function publishingMetrics(meter: Meter) {
  return {
    published: meter.counter("outbox_published_total", "Events that Kafka has taken", ["database"]),
    failed: meter.counter("outbox_publish_failed_total", "Failed attempts to publish an event", [
      "database",
      "code",
    ]),
  };
}

/** Metrics of the relay. Register once per process. */
export function relayMetrics(meter: Meter) {
  return {
    ...publishingMetrics(meter),
    unpublished: meter.gauge("outbox_unpublished", "Events waiting for Kafka", ["database"]),
    refused: meter.gauge(
      "outbox_refused",
      "Events that are not sent, because this outbox may not send their type to their topic",
      ["database"],
    ),
    oldestSeconds: meter.gauge("outbox_oldest_unpublished_seconds", "Age of the oldest waiting event", [
      "database",
    ]),
    walkSeconds: meter.gauge(
      "outbox_walk_seconds",
      "Duration of the last claim that scanned from the beginning; grows while an old snapshot blocks cleanup",
      ["database"],
    ),
    snapshotSeconds: meter.gauge(
      "database_oldest_snapshot_seconds",
      "Age of the oldest transaction that blocks database cleanup, for example a dump",
      ["database"],
    ),
  };
}

export type RelayMetrics = ReturnType<typeof relayMetrics>;
