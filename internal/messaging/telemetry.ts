// The measurements of messages. Every metric name that an alert rule or a dashboard uses for messages is declared here.
import type { Meter } from "../kernel/telemetry.ts";

const BATCH_SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];
const SECONDS_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Of everyone who consumes messages. Register once per process. */
export function consumerMetrics(meter: Meter) {
  return {
    handled: meter.counter("messages_handled_total", "Messages whose effect was committed", [
      "service",
      "type",
    ]),
    duplicates: meter.counter("messages_duplicate_total", "Messages dropped because their effect was there", [
      "service",
      "found_by",
    ]),
    dedupFalsePositives: meter.counter(
      "dedup_cache_false_positives_total",
      "Ids Redis called seen that the inbox did not have",
      ["service"],
    ),
    failures: meter.counter("messages_failed_total", "Attempts on single messages that failed", [
      "service",
      "type",
    ]),
    held: meter.counter("messages_held_total", "Messages set aside because a row they want is locked", [
      "service",
    ]),
    retried: meter.counter("messages_retried_total", "Attempts made from the retry table", [
      "service",
      "outcome",
    ]),
    overdue: meter.counter(
      "messages_retried_beyond_limit_total",
      "Attempts on commands that are never given up, past the limit",
      ["service", "type"],
    ),
    deadLettered: meter.counter("messages_dead_lettered_total", "Messages given to the dead-letter queue", [
      "service",
      "code",
    ]),
    batchSize: meter.histogram(
      "messages_batch_size",
      "Messages per transaction",
      ["service"],
      BATCH_SIZE_BUCKETS,
    ),
    batchSeconds: meter.histogram(
      "messages_batch_seconds",
      "From the end of a poll to its committed offsets",
      ["service"],
      SECONDS_BUCKETS,
    ),
  };
}

export type ConsumerMetrics = ReturnType<typeof consumerMetrics>;

/** Of a process that publishes what it has written. Register once per process. */
export function publisherMetrics(meter: Meter) {
  return {
    ...publishingMetrics(meter),
    declined: meter.counter(
      "outbox_left_to_relay_total",
      "Events that their process did not try to publish: Kafka was away or too slow",
      ["database"],
    ),
  };
}

export type PublisherMetrics = ReturnType<typeof publisherMetrics>;

/** Of whoever publishes; `database` tells the outboxes apart. */
function publishingMetrics(meter: Meter) {
  return {
    published: meter.counter("outbox_published_total", "Events Kafka has taken", ["database"]),
    failed: meter.counter("outbox_publish_failed_total", "Events Kafka did not take this time", [
      "database",
      "code",
    ]),
  };
}

/** Of the relay. Register once per process. */
export function relayMetrics(meter: Meter) {
  return {
    ...publishingMetrics(meter),
    unpublished: meter.gauge("outbox_unpublished", "Events waiting for Kafka", ["database"]),
    oldestSeconds: meter.gauge("outbox_oldest_unpublished_seconds", "Age of the oldest waiting event", [
      "database",
    ]),
    walkSeconds: meter.gauge(
      "outbox_walk_seconds",
      "Time of the last claim that looked through all that waits; grows with what an old snapshot keeps",
      ["database"],
    ),
    snapshotSeconds: meter.gauge(
      "database_oldest_snapshot_seconds",
      "Age of the oldest transaction that keeps the database from cleaning up, a dump for example",
      ["database"],
    ),
  };
}

export type RelayMetrics = ReturnType<typeof relayMetrics>;
