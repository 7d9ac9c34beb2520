// Rows of overview.ts: topics with their lag, outboxes with the relay, dead letters.
import type { Panel, Row } from "./panel.ts";

/** A graph of one query, which most of these are. */
type Simple = Omit<Panel, "queries"> & { readonly expr: string; readonly legend: string };
const graph = ({ expr, legend, ...panel }: Simple): Panel => ({ ...panel, queries: [{ expr, legend }] });

export const TOPICS: Row = {
  title: "Topics: lag and throughput",
  panels: [
    graph({
      title: "Lag by topic",
      about: "Messages in Kafka that a service has not read yet.",
      unit: "short",
      runbook: "orders-do-not-finish",
      limit: 1000,
      expr: "sum by (topic, service) (checkout_consumer_lag)",
      legend: "{{topic}} → {{service}}",
    }),
    graph({
      title: "Messages handled",
      about: "Messages per second whose effect was committed.",
      unit: "ops",
      runbook: "orders-do-not-finish",
      expr: "sum by (service) (rate(checkout_messages_handled_total[$__rate_interval]))",
      legend: "{{service}}",
    }),
    graph({
      title: "Time of a batch, p99",
      about: "From the end of a poll to its committed offsets.",
      unit: "s",
      runbook: "orders-do-not-finish",
      expr: "histogram_quantile(0.99, sum by (service, le) (rate(checkout_messages_batch_seconds_bucket[$__rate_interval])))",
      legend: "{{service}}",
    }),
    graph({
      title: "Messages per transaction",
      about: "Larger under load: one transaction then serves more messages.",
      unit: "short",
      runbook: "orders-do-not-finish",
      expr: "sum by (service) (rate(checkout_messages_batch_size_sum[$__rate_interval])) / sum by (service) (rate(checkout_messages_batch_size_count[$__rate_interval]))",
      legend: "{{service}}",
    }),
    graph({
      title: "Duplicates",
      about: "Dropped, so they do no harm. More than 1 % of the messages raise ManyDuplicates.",
      unit: "ops",
      runbook: "what-to-watch",
      expr: "sum by (service, found_by) (rate(checkout_messages_duplicate_total[$__rate_interval]))",
      legend: "{{service}}, found by {{found_by}}",
    }),
    {
      title: "Failed, held, retried",
      about: "Held: a row that the message needs is locked. Failures are retried.",
      unit: "ops",
      runbook: "a-row-is-locked",
      queries: [
        {
          expr: "sum by (service, type) (rate(checkout_messages_failed_total[$__rate_interval]))",
          legend: "failed {{service}} {{type}}",
        },
        {
          expr: "sum by (service) (rate(checkout_messages_held_total[$__rate_interval]))",
          legend: "held {{service}}",
        },
        {
          expr: "sum by (service, outcome) (rate(checkout_messages_retried_total[$__rate_interval]))",
          legend: "retried {{service}} {{outcome}}",
        },
      ],
    },
  ],
};

export const OUTBOXES: Row = {
  title: "Outboxes and relay",
  panels: [
    graph({
      title: "Events that Kafka does not have",
      about: "Under load some always wait. More than 100 that are older than 30 s page.",
      unit: "short",
      runbook: "no-relay-runs",
      limit: 100,
      expr: "max by (database) (checkout_outbox_unpublished)",
      legend: "{{database}}",
    }),
    graph({
      title: "The oldest of them",
      about: "Seconds since it was written.",
      unit: "s",
      runbook: "no-relay-runs",
      limit: 30,
      expr: "max by (database) (checkout_outbox_oldest_unpublished_seconds)",
      legend: "{{database}}",
    }),
    {
      title: "Published, and by whom",
      about: "A role publishes its own events after the commit. The relay sends what is left, 2 s later.",
      unit: "ops",
      runbook: "events-come-2-s-late",
      queries: [
        {
          expr: 'sum by (database) (rate(checkout_outbox_published_total{job!="checkout-relay"}[$__rate_interval]))',
          legend: "{{database}}",
        },
        {
          expr: 'sum by (database) (rate(checkout_outbox_published_total{job="checkout-relay"}[$__rate_interval]))',
          legend: "{{database}}, relay",
        },
      ],
    },
    {
      title: "Not published at once",
      about: "Left to the relay, or rejected by Kafka with this code.",
      unit: "ops",
      runbook: "events-come-2-s-late",
      queries: [
        {
          expr: "sum by (database) (rate(checkout_outbox_left_to_relay_total[$__rate_interval]))",
          legend: "{{database}} left to the relay",
        },
        {
          expr: "sum by (database, code) (rate(checkout_outbox_publish_failed_total[$__rate_interval]))",
          legend: "{{database}} {{code}}",
        },
      ],
    },
    graph({
      title: "Events that are refused",
      about: "This outbox may not send them: forged, or of a service newer than the relay. Any pages.",
      unit: "short",
      runbook: "an-outbox-may-not-send-an-event",
      limit: 1,
      expr: "max by (database) (checkout_outbox_refused)",
      legend: "{{database}}",
    }),
    {
      title: "What a long transaction costs",
      about:
        "The oldest snapshot keeps a database from cleaning up; then looking through the outbox takes longer.",
      unit: "s",
      runbook: "a-dump-or-a-forgotten-transaction",
      queries: [
        {
          expr: "max by (database) (checkout_database_oldest_snapshot_seconds)",
          legend: "{{database}} oldest snapshot",
        },
        { expr: "max by (database) (checkout_outbox_walk_seconds)", legend: "{{database}} walk" },
      ],
    },
    graph({
      title: "Old partitions not dropped",
      about: "Over their retention and still there.",
      unit: "short",
      runbook: "disk-space",
      limit: 1,
      expr: "max by (service) (checkout_outbox_partitions_undropped)",
      legend: "{{service}}",
    }),
  ],
};

export const DEAD_LETTERS: Row = {
  title: "Dead letters: age and error",
  panels: [
    graph({
      title: "Open",
      about: "Messages and mails that failed for good and wait for an operator.",
      unit: "short",
      runbook: "dead-letters",
      limit: 1,
      expr: "max by (service) (checkout_dead_letters_open)",
      legend: "{{service}}",
    }),
    graph({
      title: "The oldest open one",
      about: "Since its last failure. They are gone after their retention, handled or not.",
      unit: "s",
      runbook: "dead-letters",
      expr: "max by (service) (checkout_dead_letters_oldest_seconds)",
      legend: "{{service}}",
    }),
    {
      title: "New, by error",
      about: "In the time span of the graph's step. `checkoutctl dlq ls` groups the open ones by cause.",
      unit: "short",
      runbook: "dead-letters",
      stacked: true,
      queries: [
        {
          expr: "sum by (service, code) (increase(checkout_messages_dead_lettered_total[$__rate_interval]))",
          legend: "{{service}} {{code}}",
        },
        {
          expr: "sum by (template) (increase(checkout_mails_dead_lettered_total[$__rate_interval]))",
          legend: "mail {{template}}",
        },
      ],
    },
    {
      title: "Undos that keep failing, impossible messages",
      about: "An undo is never given up. An impossible message means that something is broken.",
      unit: "short",
      runbook: "what-to-watch",
      columns: 12,
      queries: [
        {
          expr: "sum by (service, type) (increase(checkout_messages_retried_beyond_limit_total[$__rate_interval]))",
          legend: "undo {{service}} {{type}}",
        },
        {
          expr: "sum by (type) (increase(checkout_saga_alerts_total[$__rate_interval]))",
          legend: "impossible {{type}}",
        },
      ],
    },
    {
      title: "Cancelled orders",
      about: "Overdue steps, and cancels of orders that are already shipped.",
      unit: "short",
      runbook: "cancel-an-order",
      columns: 12,
      queries: [
        {
          expr: "sum by (step) (increase(checkout_order_cancellations_overdue_total[$__rate_interval]))",
          legend: "overdue {{step}}",
        },
        {
          expr: "sum(increase(checkout_order_cancels_impossible_total[$__rate_interval]))",
          legend: "already shipped",
        },
      ],
    },
  ],
};
