// The settings of the gateway.
import { Type } from "@sinclair/typebox";
import { commonConfig, httpConfig, secret } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...httpConfig("the API"),
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's API" }),
  JWT_HS256_SECRET: secret(
    Type.String({ format: "shared-secret", description: "secret that signs the shoppers' tokens" }),
  ),
  JWT_ISSUER: Type.Optional(Type.String({ description: "tokens of other issuers are rejected" })),
  JWT_AUDIENCE: Type.Optional(Type.String({ description: "tokens for other audiences are rejected" })),
  // Read by Bun itself, at start only; that it is set here is all this role can check.
  BUN_CONFIG_MAX_HTTP_REQUESTS: Type.Integer({
    minimum: 1_024,
    maximum: 65_535,
    description:
      "maximum of calls to the orchestrator at once; each shopper who waits for a saga takes one. Bun's own limit of 256 would let them block new checkouts",
  }),
  PAYMENT_PUBLIC_JWK: Type.String({
    minLength: 2,
    description: "public key (JWK) of the payment service; `checkoutctl keys generate` makes a pair",
  }),
});
