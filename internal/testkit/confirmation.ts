// The command for the mail that confirms an order, for the tests of mails: always the same one, because they compare texts. It has neither
// products nor a total; a test adds what it is about.
import type { SendNotification } from "../../schemas/notification.ts";

export const CONFIRMATION: SendNotification = {
  message_id: "01900000-0000-7000-8000-000000000002",
  type: "SendNotification",
  schema_version: 1,
  saga_id: "01900000-0000-7000-8000-000000000001",
  occurred_at: "2026-11-23T12:00:00.000Z",
  user_id: "01900000-0000-7000-8000-00000000f00d",
  email: "ada@example.com",
  template: "order_confirmed",
  currency: "EUR",
};
