// Rows of overview.ts: payments by provider and answer, stock, mails.
import type { Query, Row } from "./panel.ts";

const PROVIDER_DURATION = (quantile: number): Query => ({
  expr: `histogram_quantile(${quantile}, sum by (provider, request, le) (rate(checkout_payment_provider_request_duration_seconds_bucket[$__rate_interval])))`,
  legend: `{{provider}} {{request}} p${quantile * 100}`,
  exemplars: true,
});

export const PAYMENTS: Row = {
  title: "Payments by provider and answer",
  panels: [
    {
      title: "Answers of the provider",
      about: "Unknown means no answer. ProviderFails fires below 98 % definite answers.",
      unit: "ops",
      runbook: "the-provider-does-not-answer",
      stacked: true,
      queries: [
        {
          expr: "sum by (provider, request, outcome) (rate(checkout_payment_provider_results_total[$__rate_interval]))",
          legend: "{{provider}} {{request}} {{outcome}}",
        },
      ],
    },
    {
      title: "Time to the answer",
      about: "Points are sampled traces.",
      unit: "s",
      runbook: "the-provider-does-not-answer",
      queries: [PROVIDER_DURATION(0.5), PROVIDER_DURATION(0.99)],
    },
    {
      title: "Payments settled, by new status",
      about: "Changes of payments through results of the provider.",
      unit: "ops",
      runbook: "payment-alerts",
      stacked: true,
      queries: [
        {
          expr: "sum by (status) (rate(checkout_payment_settlements_total[$__rate_interval]))",
          legend: "{{status}}",
        },
      ],
    },
    {
      title: "Requests in flight, and the provider's limit",
      about: "The limit in calls per second is learned from refusals; 0 means that none is known.",
      unit: "short",
      runbook: "the-provider-limits-us",
      queries: [
        { expr: "sum by (provider) (checkout_payment_requests_in_flight)", legend: "{{provider}} in flight" },
        {
          expr: "max by (provider) (checkout_payment_provider_calls_per_second)",
          legend: "{{provider}} calls/s",
        },
        { expr: "max(checkout_intake_charge_wait_seconds)", legend: "seconds that a new charge would wait" },
      ],
    },
    {
      title: "Breaker and hold",
      about: "1 while the provider is not called, or while new charges wait because it rejects our requests.",
      unit: "short",
      runbook: "the-provider-does-not-answer",
      limit: 1,
      queries: [
        { expr: "max by (provider) (checkout_payment_breaker_open)", legend: "{{provider}} breaker open" },
        { expr: "max by (provider) (checkout_payment_charges_held)", legend: "{{provider}} charges held" },
      ],
    },
    {
      title: "The oldest without a result",
      about: "Since it was first requested. PaymentUnknown fires after half an hour.",
      unit: "s",
      runbook: "a-payment-stays-unknown",
      limit: 900,
      queries: [{ expr: "max(checkout_payment_oldest_unknown_seconds)", legend: "oldest" }],
    },
    {
      title: "Differences to the provider's ledger",
      about: "Open ones by kind. Most close by themselves when a late result comes.",
      unit: "short",
      runbook: "payment-alerts",
      queries: [{ expr: "max by (kind) (checkout_payment_alerts_open)", legend: "{{kind}}" }],
    },
    {
      title: "Time since the ledger was compared",
      about: "ReconciliationLate fires after half an hour.",
      unit: "s",
      runbook: "the-provider-does-not-answer",
      limit: 1800,
      queries: [
        {
          expr: "time() - max by (provider) (checkout_payment_reconciled_until_timestamp_seconds)",
          legend: "{{provider}}",
        },
      ],
    },
    {
      title: "Webhooks, tokens that no key opens",
      about: "Webhook requests by result; sealed payment methods that could not be opened, by reason.",
      unit: "ops",
      runbook: "webhooks",
      queries: [
        {
          expr: "sum by (result) (rate(checkout_payment_webhooks_total[$__rate_interval]))",
          legend: "webhook {{result}}",
        },
        {
          expr: "sum by (reason) (rate(checkout_payment_tokens_unopened_total[$__rate_interval]))",
          legend: "token {{reason}}",
        },
      ],
    },
  ],
};

export const STOCK: Row = {
  title: "Stock",
  panels: [
    {
      title: "Events of inventory",
      about: "Reserved, confirmed, released, expired, refused, by type.",
      unit: "ops",
      runbook: "orders-do-not-finish",
      columns: 12,
      queries: [
        {
          expr: "sum by (type) (rate(checkout_inventory_events_total[$__rate_interval]))",
          legend: "{{type}}",
        },
      ],
    },
    {
      title: "Reservations that expire",
      about: "Share of the last hour. ReservationsExpire fires above 0.5 %.",
      unit: "percentunit",
      runbook: "orders-do-not-finish",
      columns: 12,
      limit: 0.005,
      queries: [
        {
          expr: 'sum(increase(checkout_inventory_events_total{type="ReservationExpired"}[1h])) / sum(increase(checkout_inventory_events_total{type="InventoryReserved"}[1h]))',
          legend: "expired",
        },
      ],
    },
  ],
};

export const MAILS: Row = {
  title: "Mails",
  panels: [
    {
      title: "Sent and failed",
      about: "Failed attempts are repeated.",
      unit: "ops",
      runbook: "mails-are-late",
      queries: [
        {
          expr: "sum by (template) (rate(checkout_mails_sent_total[$__rate_interval]))",
          legend: "sent {{template}}",
        },
        {
          expr: "sum by (template) (rate(checkout_mails_failed_total[$__rate_interval]))",
          legend: "failed {{template}}",
        },
      ],
    },
    {
      title: "Waiting",
      about: "Mails that wait for another attempt, and the age of the oldest in seconds.",
      unit: "short",
      runbook: "mails-are-late",
      queries: [
        { expr: "sum(checkout_mails_waiting)", legend: "waiting" },
        { expr: "max(checkout_mails_waiting_oldest_seconds)", legend: "oldest, seconds" },
      ],
    },
    {
      title: "The mail server",
      about: "1 while it takes no mail at all; its errors by kind.",
      unit: "short",
      runbook: "no-mail-goes-out",
      queries: [
        { expr: "max(checkout_mail_server_unusable)", legend: "unusable" },
        {
          expr: "sum by (kind) (increase(checkout_mail_server_errors_total[$__rate_interval]))",
          legend: "{{kind}}",
        },
      ],
    },
  ],
};
