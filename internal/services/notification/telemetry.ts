// What the notification service tells the operator. Alert rules and dashboards use these names.
import type { Meter } from "../../kernel/telemetry.ts";

/** Register once per process. */
export function notificationMetrics(meter: Meter) {
  const template = ["template"];
  return {
    sent: meter.counter("mails_sent_total", "Mails the mail server has taken", template),
    failures: meter.counter("mails_failed_total", "Attempts to send a mail that failed", template),
    duplicates: meter.counter("mails_duplicate_total", "Mails not sent because they had been", []),
    deadLettered: meter.counter(
      "mails_dead_lettered_total",
      "Mails given to the dead-letter queue",
      template,
    ),
    waiting: meter.gauge("mails_waiting", "Mails that wait for a further attempt", []),
    oldestSeconds: meter.gauge(
      "mails_waiting_oldest_seconds",
      "How long the oldest waiting mail has waited",
      [],
    ),
    unusable: meter.gauge("mail_server_unusable", "1 while no mail can be sent at all", []),
    errors: meter.counter("mail_server_errors_total", "Times the mail server refused to work, by kind", [
      "kind",
    ]),
    perSecond: meter.gauge(
      "mails_per_second_limit",
      "Mails a second the server takes, as found out; 0: no limit",
      [],
    ),
  };
}

export type NotificationMetrics = ReturnType<typeof notificationMetrics>;
