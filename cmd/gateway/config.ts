// The settings of the gateway.
import { type Static, Type } from "@sinclair/typebox";
import { TOKEN_TYPES } from "../../internal/gateway/auth.ts";
import { LONGEST_TOKEN_SECONDS } from "../../internal/kernel/revocation.ts";
import { commonConfig, httpConfig, redisConfig, secret, shopConfig } from "../../internal/platform/config.ts";

const DAY_SECONDS = 86_400;

const tokenConfig = {
  JWT_JWKS_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "the identity provider's JSON Web Key Set, over https; its keys (RSA, P-256, Ed25519) verify the shoppers' tokens",
    }),
  ),
  JWT_ISSUER: Type.Optional(
    Type.String({ description: "tokens of other issuers are rejected; required with JWT_JWKS_URL" }),
  ),
  JWT_AUDIENCE: Type.Optional(
    Type.String({ description: "tokens for other audiences are rejected; required with JWT_JWKS_URL" }),
  ),
  JWT_TYPES: Type.String({
    default: TOKEN_TYPES.join(","),
    pattern: "^[!-+.-~]+(,[!-+.-~]+)*$",
    description:
      "accepted types (typ) of tokens, separated by commas; a token without typ counts as JWT. at+jwt alone keeps ID tokens out",
  }),
  JWT_MAX_LIFETIME_SECONDS: Type.Integer({
    default: DAY_SECONDS,
    minimum: 60,
    maximum: LONGEST_TOKEN_SECONDS,
    description: "tokens that are valid for longer are rejected, in seconds",
  }),
  JWT_DEVELOPMENT: Type.Boolean({
    default: false,
    description:
      "true: accepts tokens signed with JWT_HS256_SECRET, whose holder can be any shopper, and key sets over http; never in production",
  }),
  JWT_HS256_SECRET: Type.Optional(
    secret(
      Type.String({
        format: "shared-secret",
        description: "secret that signs the shoppers' tokens; only with JWT_DEVELOPMENT=true",
      }),
    ),
  ),
};

export const config = Type.Object({
  ...commonConfig,
  ...httpConfig("the API"),
  ...redisConfig,
  ...shopConfig,
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's API" }),
  INVENTORY_URL: Type.String({ format: "url", description: "inventory's catalogue API" }),
  ORDER_URL: Type.String({ format: "url", description: "the order service's API" }),
  ...tokenConfig,
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

export type Config = Static<typeof config>;

/** Faults of settings that belong together. */
export function faultsOf(env: Pick<Config, keyof typeof tokenConfig>): readonly string[] {
  const { JWT_JWKS_URL: url, JWT_HS256_SECRET: sharedSecret, JWT_DEVELOPMENT: isDevelopment } = env;
  const faults: string[] = [];
  if (url === undefined && sharedSecret === undefined)
    faults.push(
      "JWT_JWKS_URL is missing: set it to the identity provider's JSON Web Key Set (for development, set JWT_DEVELOPMENT=true and JWT_HS256_SECRET instead)",
    );
  if (url !== undefined && sharedSecret !== undefined)
    faults.push("JWT_JWKS_URL and JWT_HS256_SECRET are both set: remove JWT_HS256_SECRET");
  if (url === undefined && sharedSecret !== undefined && !isDevelopment)
    faults.push(
      "JWT_HS256_SECRET is for development: set JWT_JWKS_URL instead, or JWT_DEVELOPMENT=true if this is no production system",
    );
  if (url === undefined) return faults;
  if (URL.parse(url)?.protocol !== "https:" && !isDevelopment)
    faults.push(
      "JWT_JWKS_URL must begin with https://, or somebody on the way could replace the keys (JWT_DEVELOPMENT=true allows http)",
    );
  for (const name of ["JWT_ISSUER", "JWT_AUDIENCE"] as const)
    if (env[name] === undefined)
      faults.push(
        `${name} is missing: with JWT_JWKS_URL set it to the ${name === "JWT_ISSUER" ? "iss" : "aud"} of the shop's tokens, or tokens for others would be accepted`,
      );
  return faults;
}
