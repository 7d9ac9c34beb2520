// What the notification service tells the operator. Alert rules and dashboards use these names.
import type { Meter } from "../../messaging/telemetry.ts";

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
  };
}

export type NotificationMetrics = ReturnType<typeof notificationMetrics>;
