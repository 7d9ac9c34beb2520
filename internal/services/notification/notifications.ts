// The topic that this service consumes, and the Redis key that marks a mail as sent. Shared by notifier.ts and waiting-mails.ts.
import { TOPICS } from "../../../schemas/topics.ts";

export const NOTIFICATIONS = {
  service: "notification",
  topics: [TOPICS.notifications],
  types: ["SendNotification"],
  ownsUnknown: true,
} as const;

export const SENT_TTL_SECONDS = 24 * 60 * 60;

export function sentKey(mailKey: string): string {
  return `idem:${NOTIFICATIONS.service}:${mailKey}`;
}
