// Rows of overview.ts: the two objectives with what is left of a month's allowance, and how checkouts flow and end.
import { type Panel, type Query, type Row } from "./panel.ts";

/** 99.5 % end without a failure of the shop, 99 % within 10 s (slo.yml). */
const ALLOWED_FAILURES = 0.005;
const ALLOWED_SLOW = 0.01;

const FAILED_30D =
  "sum(increase(checkout_sagas_failed_by_shop_total[30d])) / sum(increase(checkout_sagas_ended_total[30d]))";
const SLOW_30D =
  '1 - sum(increase(checkout_saga_duration_seconds_bucket{le=~"10|10.0",waited_for_shopper="no"}[30d])) / sum(increase(checkout_saga_duration_seconds_count{waited_for_shopper="no"}[30d]))';

const DURATION = (quantile: number): Query => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(checkout_saga_duration_seconds_bucket{waited_for_shopper="no"}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
  exemplars: true,
});

const budget = (title: string, ratio: string, allowed: number, runbook: string): Panel => ({
  kind: "number",
  title,
  about: "What is left of the allowance of the last 30 days. Below 0 the objective is missed.",
  unit: "percentunit",
  runbook,
  limit: 0,
  goodAbove: true,
  queries: [{ expr: `1 - (${ratio}) / ${allowed}`, legend: "left" }],
});

const burnRate = (title: string, record: string, allowed: number, runbook: string): Panel => ({
  title,
  about:
    "1 uses up the allowance of a month in a month. Pages at 14.4 over 1 h and at 6 over 6 h, a ticket at 1 over 3 days.",
  unit: "short",
  runbook,
  columns: 12,
  limit: 1,
  queries: ["1h", "6h", "3d"].map((window) => ({
    expr: `checkout:${record}:ratio_rate${window} / ${allowed}`,
    legend: window,
  })),
});

const firing = (severity: "page" | "ticket"): Panel => ({
  kind: "number",
  title: severity === "page" ? "Pages" : "Tickets",
  about: `Alerts of the urgency "${severity}" that fire now, without the Watchdog.`,
  unit: "short",
  runbook: "alerts",
  limit: 1,
  queries: [
    {
      expr: `count(ALERTS{alertstate="firing",severity="${severity}",alertname!="Watchdog"}) or vector(0)`,
      legend: severity,
    },
  ],
});

export const OBJECTIVES: Row = {
  title: "Objectives and budget",
  panels: [
    firing("page"),
    firing("ticket"),
    budget("Failures: budget left", FAILED_30D, ALLOWED_FAILURES, "many-checkouts-fail"),
    budget("Slowness: budget left", SLOW_30D, ALLOWED_SLOW, "orders-do-not-finish"),
    {
      kind: "number",
      title: "Checkouts a minute",
      about: "Sagas started in the last minutes.",
      unit: "short",
      runbook: "what-to-watch",
      queries: [{ expr: "60 * sum(rate(checkout_sagas_started_total[5m]))", legend: "started" }],
    },
    {
      kind: "number",
      title: "99 % end within",
      about: "Of the last 15 min, without the time that shoppers take at their bank.",
      unit: "s",
      runbook: "orders-do-not-finish",
      limit: 10,
      queries: [
        {
          expr: 'histogram_quantile(0.99, sum by (le) (rate(checkout_saga_duration_seconds_bucket{waited_for_shopper="no"}[15m])))',
          legend: "p99",
        },
      ],
    },
    burnRate("Failures: burn rate", "sagas_failed_by_shop", ALLOWED_FAILURES, "many-checkouts-fail"),
    burnRate("Slowness: burn rate", "sagas_slow", ALLOWED_SLOW, "orders-do-not-finish"),
  ],
};

export const CHECKOUTS: Row = {
  title: "Checkouts: how they flow and end",
  panels: [
    {
      title: "Started and ended",
      about: "Checkouts per second. Ended below started: they pile up.",
      unit: "ops",
      runbook: "orders-do-not-finish",
      queries: [
        { expr: "sum(rate(checkout_sagas_started_total[$__rate_interval]))", legend: "started" },
        {
          expr: "sum by (status) (rate(checkout_sagas_ended_total[$__rate_interval]))",
          legend: "{{status}}",
        },
      ],
    },
    {
      title: "Ends without an order, by reason",
      about: "docs/failure-codes.md says which are failures of the shop.",
      unit: "ops",
      runbook: "many-checkouts-fail",
      stacked: true,
      queries: [
        {
          expr: 'sum by (failure_code) (rate(checkout_sagas_ended_total{failure_code!=""}[$__rate_interval]))',
          legend: "{{failure_code}}",
        },
      ],
    },
    {
      title: "From the checkout to its end",
      about: "Without checkouts that waited for their shopper. Points are sampled traces.",
      unit: "s",
      runbook: "orders-do-not-finish",
      limit: 10,
      queries: [DURATION(0.5), DURATION(0.95), DURATION(0.99)],
    },
    {
      title: "The steps",
      about: "Messages handled by type: the step where the flow becomes thin is the one that waits.",
      unit: "ops",
      runbook: "orders-do-not-finish",
      columns: 12,
      queries: [
        {
          expr: "sum by (service, type) (rate(checkout_messages_handled_total[$__rate_interval]))",
          legend: "{{service}} {{type}}",
        },
      ],
    },
    {
      title: "In progress",
      about: "Counted up to the admission limit. Rejecting is 1 while new checkouts get 503.",
      unit: "short",
      runbook: "checkouts-are-rejected-with-503",
      columns: 6,
      queries: [
        { expr: "max(checkout_sagas_in_progress)", legend: "in progress" },
        { expr: "max(checkout_admission_rejecting)", legend: "rejecting" },
      ],
    },
    {
      title: "Waiting for a person",
      about: "Checkouts that do not move, undos without a reply, cancelled orders without their refund.",
      unit: "short",
      runbook: "a-checkout-hangs",
      columns: 6,
      limit: 1,
      queries: [
        { expr: "max(checkout_sagas_stuck)", legend: "stuck" },
        { expr: "max(checkout_sagas_needing_operator)", legend: "checkouts" },
        { expr: "max(checkout_order_cancellations_needing_operator)", legend: "cancellations" },
      ],
    },
  ],
};
