// The settings of the gateway.
import { Type } from "@sinclair/typebox";
import { commonConfig, httpConfig, secret, shopConfig } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...httpConfig("the API"),
  ...shopConfig,
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's API" }),
  INVENTORY_URL: Type.String({ format: "url", description: "inventory's catalogue API" }),
  ORDER_URL: Type.Optional(
    Type.String({
      format: "url",
      description: "the order service's API; without it the order routes answer 503",
    }),
  ),
  JWT_HS256_SECRET: secret(
    Type.String({ format: "shared-secret", description: "secret that signs the shoppers' tokens" }),
  ),
  JWT_ISSUER: Type.Optional(Type.String({ description: "tokens of other issuers are rejected" })),
  JWT_AUDIENCE: Type.Optional(Type.String({ description: "tokens for other audiences are rejected" })),
  // Bun reads this at start. The role can only check that it is set.
  BUN_CONFIG_MAX_HTTP_REQUESTS: Type.Integer({
    minimum: 1_024,
    maximum: 65_535,
    description:
      "maximum concurrent calls to the orchestrator; each shopper who waits for a saga or follows it holds one. With Bun's default of 256, waiting shoppers would block new checkouts",
  }),
  MAX_EVENT_STREAMS: Type.Integer({
    default: 5_000,
    minimum: 1,
    maximum: 30_000,
    description:
      "maximum event streams that are open at once, of all shoppers; above this 503. Keep it well below BUN_CONFIG_MAX_HTTP_REQUESTS",
  }),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: "^https?://[^/,\\s]+(,https?://[^/,\\s]+)*$",
      description:
        "origins whose scripts may call the API from a browser, separated by commas: https://shop.example; without it none may",
    }),
  ),
  PAYMENT_PUBLIC_JWK: Type.String({
    minLength: 2,
    description: "public key (JWK) of the payment service; `checkoutctl keys generate` makes a pair",
  }),
});
