// The settings of the notification service.
import { type Static, Type } from "@sinclair/typebox";
import {
  commonConfig,
  consumerConfig,
  postgresConfig,
  redisConfig,
  secret,
  shopNameConfig,
} from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...postgresConfig,
  ...redisConfig,
  ...shopNameConfig,
  SMTP_URL: secret(Type.String({ format: "smtp-url", description: "mail server" })),
  SMTP_MAX_CONNECTIONS: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 200,
    description:
      "maximum connections to the mail server; the service uses fewer when the server reports too many",
  }),
  MAIL_FROM: Type.String({
    default: "no-reply@checkout.example",
    minLength: 3,
    description:
      "sender of the mails, an address or `Name <address>`; an address alone gets SHOP_NAME as its name",
  }),
  SHOP_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "public address of the shop, https://shop.example; with SHOP_LINK_SECRET, mails link to the checkout",
    }),
  ),
  SHOP_LINK_SECRET: Type.Optional(
    secret(
      Type.String({
        format: "shared-secrets",
        description:
          "secret of those links; the same as the gateway's; of several, separated by commas, the first one signs",
      }),
    ),
  ),
  INVENTORY_URL: Type.Optional(
    Type.String({
      format: "url",
      description: "inventory's address, for the names of products in mails; without it they show SKUs",
    }),
  ),
  NOTIFICATION_PRIVATE_JWK: Type.Optional(
    secret(
      Type.String({
        minLength: 2,
        description:
          "with INVENTORY_URL: private key (JWK, kind reader) that this service proves itself with to inventory; its public half belongs in inventory's TRUSTED_CALLERS_JWKS; `checkoutctl keys caller --kind reader` makes a pair",
      }),
    ),
  ),
  MAIL_RETRY_HOURS: Type.Integer({
    default: 48,
    minimum: 1,
    maximum: 240,
    description: "hours during which a temporarily rejected mail is retried before it is dead-lettered",
  }),
});

export type NotificationConfig = Static<typeof config>;

/** Faults of settings that belong together. */
export function faultsOf(env: NotificationConfig): readonly string[] {
  if (env.INVENTORY_URL === undefined || env.NOTIFICATION_PRIVATE_JWK !== undefined) return [];
  return [
    "NOTIFICATION_PRIVATE_JWK is missing: with INVENTORY_URL set it to a key whose public half is in inventory's TRUSTED_CALLERS_JWKS; `checkoutctl keys caller --kind reader` makes a pair",
  ];
}
