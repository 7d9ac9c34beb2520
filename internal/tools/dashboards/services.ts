// The dashboard of the processes: is each up, what does it use, does it wait for its database. The reader chooses the roles.
import type { DashboardSpec } from "./dashboard.ts";
import type { Row } from "./panel.ts";

const HEALTH: Row = {
  title: "Health of each service",
  panels: [
    {
      title: "Instances that answer",
      about: "By role. RoleAbsent fires at 0, InstanceDown when one of several is missing.",
      unit: "short",
      runbook: "a-role-or-its-metrics-are-missing",
      queries: [{ expr: 'sum by (job) (up{job=~"$job"})', legend: "{{job}}" }],
    },
    {
      title: "Time since the start",
      about: "It falls to 0 when a role is started again.",
      unit: "s",
      runbook: "a-role-or-its-metrics-are-missing",
      queries: [{ expr: 'time() - process_start_time_seconds{job=~"$job"}', legend: "{{job}} {{instance}}" }],
    },
    {
      title: "Versions that run",
      about: "Processes by version. Two for long: a deployment has stopped half-way.",
      unit: "short",
      runbook: "a-new-version",
      queries: [
        { expr: 'sum by (job, version) (checkout_build_info{job=~"$job"})', legend: "{{job}} {{version}}" },
      ],
    },
    {
      title: "Redis, as each role sees it",
      about: "1 while it answers. Nothing is lost without it; calls that failed or were skipped are counted.",
      unit: "short",
      runbook: "redis",
      queries: [
        { expr: 'min by (job) (checkout_redis_up{job=~"$job"})', legend: "{{job}} up" },
        {
          expr: 'sum by (job, operation) (rate(checkout_redis_failures_total{job=~"$job"}[$__rate_interval]))',
          legend: "{{job}} {{operation}} failed/s",
        },
      ],
    },
    {
      title: "What is refused to a role",
      about:
        "By Kafka, to each of its clients; by Redis and its Sentinels; rights that its user of a database lacks. Must be 0.",
      unit: "short",
      runbook: "kafka-access",
      queries: [
        {
          expr: 'max by (job, client) (checkout_kafka_denied{job=~"$job"})',
          legend: "{{job}} {{client}} in Kafka",
        },
        {
          expr: 'max by (job, database) (checkout_database_denied{job=~"$job"})',
          legend: "{{job}} rights in {{database}}",
        },
        {
          expr: 'max by (job, database) (checkout_database_refusing{job=~"$job"})',
          legend: "{{job}} was refused by {{database}}",
        },
        {
          expr: 'max by (job, server) (checkout_redis_denied{job=~"$job"})',
          legend: "{{job}} was refused by {{server}} of Redis",
        },
      ],
    },
    {
      title: "Databases behind their messages",
      about:
        "1 while a database lacks what its role sent to Kafka: a standby was promoted that was behind, or a backup was restored.",
      unit: "short",
      runbook: "a-standby-was-promoted-that-was-behind",
      queries: [
        {
          expr: 'max by (job, database) (checkout_database_behind{job=~"$job"})',
          legend: "{{job}}: {{database}}",
        },
      ],
    },
    {
      title: "Time until a certificate ends",
      about: "Of each file that a role has read: its own certificates, and the authorities that it trusts.",
      unit: "s",
      runbook: "a-certificate-ends",
      queries: [
        {
          expr: 'min by (job, purpose) (checkout_certificate_expires_timestamp_seconds{job=~"$job"}) - time()',
          legend: "{{job}} {{purpose}}",
        },
      ],
    },
    {
      title: "Messages handled and failed",
      about: "Per second.",
      unit: "ops",
      runbook: "orders-do-not-finish",
      queries: [
        {
          expr: 'sum by (job) (rate(checkout_messages_handled_total{job=~"$job"}[$__rate_interval]))',
          legend: "{{job}}",
        },
        {
          expr: 'sum by (job) (rate(checkout_messages_failed_total{job=~"$job"}[$__rate_interval]))',
          legend: "{{job}} failed",
        },
      ],
    },
    {
      title: "Lag",
      about: "Messages in Kafka that the service has not read yet.",
      unit: "short",
      runbook: "orders-do-not-finish",
      limit: 1000,
      queries: [{ expr: 'sum by (job) (checkout_consumer_lag{job=~"$job"})', legend: "{{job}}" }],
    },
    {
      title: "Outbox depth",
      about: "Events that Kafka does not have yet, seen by the relay in each service's database.",
      unit: "short",
      runbook: "no-relay-runs",
      limit: 100,
      queries: [{ expr: "max by (database) (checkout_outbox_unpublished)", legend: "{{database}}" }],
    },
  ],
};

const POOLS: Row = {
  title: "Database pools",
  panels: [
    {
      title: "Transactions that run, and the limit",
      about: "Each on its own connection of the pool (DATABASE_POOL_SIZE / 2).",
      unit: "short",
      runbook: "settings",
      columns: 12,
      queries: [
        {
          expr: 'max by (job, database) (checkout_database_transactions_running{job=~"$job"})',
          legend: "{{job}} {{database}}",
        },
        {
          expr: 'min by (job, database) (checkout_database_transactions_limit{job=~"$job"})',
          legend: "{{job}} {{database}} limit",
        },
      ],
    },
    {
      title: "Transactions that wait for a connection",
      about: "Above 0 for long: the pool is too small, or its transactions wait for locked rows.",
      unit: "short",
      runbook: "a-row-is-locked",
      columns: 12,
      queries: [
        {
          expr: 'sum by (job, database) (checkout_database_transactions_waiting{job=~"$job"})',
          legend: "{{job}} {{database}}",
        },
      ],
    },
  ],
};

const RUNTIME: Row = {
  title: "Runtime",
  panels: [
    {
      title: "CPU",
      about: "Cores in use, all threads.",
      unit: "short",
      runbook: "what-to-watch",
      queries: [
        {
          expr: 'sum by (job, instance) (rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval]))',
          legend: "{{job}} {{instance}}",
        },
      ],
    },
    {
      title: "Resident memory",
      about: "Of the whole process. Heap figures of Bun are not exposed: reading them stops the process.",
      unit: "bytes",
      runbook: "what-to-watch",
      queries: [{ expr: 'process_resident_memory_bytes{job=~"$job"}', legend: "{{job}} {{instance}}" }],
    },
    {
      title: "Event loop lag",
      about: "How long a task waited at the time of the scrape.",
      unit: "s",
      runbook: "orders-do-not-finish",
      queries: [{ expr: 'process_event_loop_lag_seconds{job=~"$job"}', legend: "{{job}} {{instance}}" }],
    },
  ],
};

const GATEWAY: Row = {
  title: "Gateway",
  panels: [
    {
      title: "Requests by route and class of status",
      about: "Of the API and the shop. 5xx are ours.",
      unit: "ops",
      runbook: "what-to-watch",
      columns: 12,
      queries: [
        {
          expr: "sum by (route, status) (rate(checkout_http_request_duration_seconds_count[$__rate_interval]))",
          legend: "{{route}} {{status}}",
        },
      ],
    },
    {
      title: "Time to the answer, p99",
      about: "By route, to the beginning of the answer. Points are sampled traces.",
      unit: "s",
      runbook: "orders-do-not-finish",
      columns: 12,
      queries: [
        {
          expr: "histogram_quantile(0.99, sum by (route, le) (rate(checkout_http_request_duration_seconds_bucket[$__rate_interval])))",
          legend: "{{route}}",
          exemplars: true,
        },
      ],
    },
    {
      title: "Pages of the shop, by status",
      about: "Answers per second.",
      unit: "ops",
      runbook: "what-to-watch",
      queries: [
        {
          expr: "sum by (status) (rate(checkout_storefront_pages_total[$__rate_interval]))",
          legend: "{{status}}",
        },
      ],
    },
    {
      title: "Requests that a limit refused",
      about: "By limit. Those of cards and declines: somebody may be testing stolen cards.",
      unit: "ops",
      runbook: "limits-on-requests",
      queries: [
        {
          expr: "sum by (policy) (rate(checkout_rate_limit_refusals_total[$__rate_interval]))",
          legend: "{{policy}}",
        },
        {
          expr: "sum(rate(checkout_rate_limit_local_total[$__rate_interval]))",
          legend: "decided without Redis",
        },
      ],
    },
    {
      title: "Event streams",
      about: "Shoppers who follow a checkout live, and streams that were refused, by reason.",
      unit: "short",
      runbook: "what-to-watch",
      queries: [
        { expr: "sum(checkout_event_streams_open)", legend: "open" },
        {
          expr: "sum by (reason) (increase(checkout_event_streams_refused_total[$__rate_interval]))",
          legend: "refused: {{reason}}",
        },
      ],
    },
    {
      title: "Age of what the gateway knows about sign-ins",
      about: "Keys of the identity provider, list of revoked sessions.",
      unit: "s",
      runbook: "users",
      queries: [
        { expr: "time() - min(checkout_token_keys_fetched_timestamp_seconds > 0)", legend: "keys" },
        { expr: "time() - min(checkout_revocations_read_timestamp_seconds > 0)", legend: "revocations" },
      ],
    },
    {
      title: "Requests between roles that were refused",
      about: "By reason. Unsigned ones are let in during an upgrade only.",
      unit: "ops",
      runbook: "who-may-call-the-services",
      queries: [
        {
          expr: "sum by (job, reason) (rate(checkout_internal_requests_refused_total[$__rate_interval]))",
          legend: "{{job}} {{reason}}",
        },
        {
          expr: "sum by (job) (rate(checkout_internal_requests_unsigned_total[$__rate_interval]))",
          legend: "{{job}} unsigned",
        },
      ],
    },
    {
      title: "Refused sign-ins and foreign forms",
      about: "Tokens of revoked sessions; forms that came from another site; blocked content, by directive.",
      unit: "ops",
      runbook: "end-a-session",
      queries: [
        { expr: "sum(rate(checkout_revoked_tokens_total[$__rate_interval]))", legend: "revoked tokens" },
        {
          expr: "sum(rate(checkout_storefront_foreign_posts_total[$__rate_interval]))",
          legend: "foreign forms",
        },
        {
          expr: "sum by (directive) (rate(checkout_storefront_csp_reports_total[$__rate_interval]))",
          legend: "blocked: {{directive}}",
        },
      ],
    },
  ],
};

export const SERVICES: DashboardSpec = {
  uid: "checkout-services",
  title: "Checkout: services",
  about: "Every role: instances, messages, outbox depth, database pool, runtime; and the gateway.",
  choosesRoles: true,
  rows: [HEALTH, POOLS, RUNTIME, GATEWAY],
};
