// The notification service's metrics. Alert rules and dashboards use these names.
import type { Meter } from "../../kernel/telemetry.ts";

/** Register once per process. */
export function notificationMetrics(meter: Meter) {
  const template = ["template"];
  return {
    sent: meter.counter("mails_sent_total", "Mails that the mail server has accepted", template),
    failures: meter.counter("mails_failed_total", "Failed attempts to send a mail", template),
    duplicates: meter.counter(
      "mails_duplicate_total",
      "Requests for mails that were already sent or already wait",
      [],
    ),
    deadLettered: meter.counter("mails_dead_lettered_total", "Mails that were dead-lettered", template),
    waiting: meter.gauge("mails_waiting", "Mails that wait for another attempt", []),
    oldestSeconds: meter.gauge(
      "mails_waiting_oldest_seconds",
      "Seconds that the oldest waiting mail has waited",
      [],
    ),
    unusable: meter.gauge("mail_server_unusable", "1 while no mail can be sent at all", []),
    errors: meter.counter("mail_server_errors_total", "Mail server errors that concern all mails, by kind", [
      "kind",
    ]),
    perSecond: meter.gauge(
      "mails_per_second_limit",
      "Measured limit of the mail server in mails per second; 0: no limit",
      [],
    ),
  };
}

export type NotificationMetrics = ReturnType<typeof notificationMetrics>;
