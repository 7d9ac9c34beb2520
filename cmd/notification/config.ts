// The settings of the notification service.
import { type Static, Type } from "@sinclair/typebox";
import {
  commonConfig,
  consumerConfig,
  postgresConfig,
  redisConfig,
  secret,
} from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...postgresConfig,
  ...redisConfig,
  SMTP_URL: secret(Type.String({ format: "smtp-url", description: "mail server" })),
  SMTP_MAX_CONNECTIONS: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 200,
    description:
      "maximum of connections to the mail server at once; fewer are used where the server says that these are too many",
  }),
  MAIL_FROM: Type.String({
    default: "Checkout <no-reply@checkout.example>",
    minLength: 3,
    description: "sender of the mails",
  }),
  MAIL_RETRY_HOURS: Type.Integer({
    default: 48,
    minimum: 1,
    maximum: 240,
    description: 'hours for which a mail that gets "later" is tried again before it becomes a dead letter',
  }),
});

export type NotificationConfig = Static<typeof config>;
