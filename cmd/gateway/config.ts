// The settings of the gateway.
import { type Static, Type } from "@sinclair/typebox";
import { TOKEN_TYPES } from "../../internal/gateway/auth.ts";
import { LONGEST_TOKEN_SECONDS } from "../../internal/kernel/revocation.ts";
import {
  commonConfig,
  httpConfig,
  redisConfig,
  secret,
  shopConfig,
  shopNameConfig,
  trustedProxies,
} from "../../internal/platform/config.ts";

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

/** 0 switches a limit off. */
const limit = (fallback: number, description: string) =>
  Type.Integer({
    default: fallback,
    minimum: 0,
    maximum: 10_000_000,
    description: `${description}; 0: no limit`,
  });

const limitConfig = {
  TRUSTED_PROXIES: trustedProxies("the gateway"),
  RATE_LIMIT_ADDRESS: limit(1_200, "requests per minute from one address, or one /64 of IPv6"),
  RATE_LIMIT_USER: limit(600, "requests per minute of one user"),
  RATE_LIMIT_ADDRESS_CHECKOUTS: limit(120, "checkouts per minute from one address, or one /64 of IPv6"),
  RATE_LIMIT_USER_CHECKOUTS: limit(20, "checkouts per minute of one user"),
  RATE_LIMIT_USER_CARDS: limit(10, "different payment methods per hour in the checkouts of one user"),
  RATE_LIMIT_NETWORK_CARDS: limit(
    100,
    "different payment methods per hour in the checkouts from one /24, or one /48 of IPv6",
  ),
  RATE_LIMIT_USER_DECLINES: limit(
    10,
    "declined payments per hour of one user; further checkouts are refused",
  ),
  RATE_LIMIT_NETWORK_DECLINES: limit(
    50,
    "declined payments per hour from one /24, or one /48 of IPv6; further checkouts are refused",
  ),
  RATE_LIMIT_USER_OPEN: limit(
    10,
    "checkouts of one user that are not known to be finished, each counting for 15 minutes at most; further ones are refused",
  ),
  RATE_LIMIT_TOTAL: limit(60_000, "requests per second of this process"),
  RATE_LIMIT_TOTAL_CHECKOUTS: limit(2_000, "checkouts per second of this process"),
  RATE_LIMIT_FACTOR: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 1_000_000,
    description:
      "multiplies all limits but RATE_LIMIT_TOTAL and RATE_LIMIT_TOTAL_CHECKOUTS, for load tests with few users from one address",
  }),
};

const PICTURE_HOST = "https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?";

export const config = Type.Object({
  ...commonConfig,
  ...httpConfig("the API"),
  ...redisConfig,
  ...shopConfig,
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's API" }),
  INVENTORY_URL: Type.String({ format: "url", description: "inventory's catalogue API" }),
  ORDER_URL: Type.String({ format: "url", description: "the order service's API" }),
  PAYMENT_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "the payment service's internal API; without it, shoppers cannot confirm payments at their bank (3-D Secure)",
    }),
  ),
  GATEWAY_PRIVATE_JWK: secret(
    Type.String({
      minLength: 2,
      description:
        "private key (JWK, kind service) that the gateway proves itself with to the other roles; its public half belongs in their TRUSTED_CALLERS_JWKS; `checkoutctl keys caller` makes a pair",
    }),
  ),
  ...tokenConfig,
  ...limitConfig,
  // Bun reads this at start. The role can only check that it is set.
  BUN_CONFIG_MAX_HTTP_REQUESTS: Type.Integer({
    minimum: 1_024,
    maximum: 65_535,
    description:
      "maximum concurrent calls to the orchestrator; each shopper who waits for a saga or follows it holds one. With Bun's default of 256, waiting shoppers would block new checkouts",
  }),
  TRACE_SAMPLE_RATIO: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description:
      "share of the requests that are traced, and with them the whole checkout in every role; needs OTLP_URL, here and in the other roles",
  }),
  TRACE_ASKED_PER_SECOND: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 100_000,
    description:
      "traces per second that callers may ask for, by a traceparent header with the sampled flag; beyond that TRACE_SAMPLE_RATIO decides",
  }),
  MAX_EVENT_STREAMS: Type.Integer({
    default: 5_000,
    minimum: 1,
    maximum: 30_000,
    description:
      "maximum open event streams of all shoppers, API and shop's pages together, and as many long polls of pages; more get 503. Keep twice this number well below BUN_CONFIG_MAX_HTTP_REQUESTS",
  }),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: "^https?://[^/,\\s]+(,https?://[^/,\\s]+)*$",
      description:
        "origins whose scripts may call the API from a browser, separated by commas: https://shop.example; without it none may",
    }),
  ),
  STOREFRONT: Type.Boolean({
    default: true,
    description: "true: the gateway also serves the shop's pages; false: only the API",
  }),
  ...shopNameConfig,
  SHOP_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "public address of the shop, https://shop.example; needed where a proxy changes the Host header, and for HSTS",
    }),
  ),
  SIGN_IN_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "sign-in page of the shop's identity provider, which sends the browser to the address in `return` with `token` added; needs SHOP_URL; without it /signin takes a token by hand",
    }),
  ),
  PICTURE_HOSTS: Type.Optional(
    Type.String({
      // Nothing else may get into the policy of the pages.
      pattern: `^${PICTURE_HOST}(,${PICTURE_HOST})*$`,
      description:
        "origins of pictures that the catalogue names, besides the shop's own, separated by commas: https://cdn.example; browsers load pictures from no other host",
    }),
  ),
  SHOP_LINK_SECRET: Type.Optional(
    secret(
      Type.String({
        format: "shared-secrets",
        description:
          "secret of the links in mails that show a checkout without sign-in; the same as the notification service's; without it there are none. During a rotation several, separated by commas: a link counts if one of them has signed it",
      }),
    ),
  ),
  STRIPE_PUBLISHABLE_KEY: Type.Optional(
    Type.String({
      pattern: "^pk_[A-Za-z0-9_]+$",
      description: "Stripe's publishable key: the checkout page shows Stripe's card fields",
    }),
  ),
  TEST_CARDS: Type.Boolean({
    default: false,
    description:
      "true: the checkout page offers the named test cards of the payment simulator instead of card fields; never with a real provider",
  }),
  OFFER_PAYPAL: Type.Boolean({
    default: false,
    description: "true: the checkout page offers PayPal; the payment service needs PAYPAL_CLIENT_ID for it",
  }),
  PAYMENT_PUBLIC_JWK: Type.String({
    minLength: 2,
    description: "public key (JWK) of the payment service; `checkoutctl keys generate` makes a pair",
  }),
});

export type Config = Static<typeof config>;

/** Faults of settings that belong together. */
export function faultsOf(env: Config): readonly string[] {
  return [...tokenFaults(env), ...(env.STOREFRONT ? storefrontFaults(env) : [])];
}

function storefrontFaults(env: Config): readonly string[] {
  const faults: string[] = [];
  if (env.SIGN_IN_URL !== undefined && env.SHOP_URL === undefined)
    faults.push(
      "SHOP_URL is missing: with SIGN_IN_URL set it to the public address of the shop, to which shoppers come back; the Host header of a request may name any other",
    );
  if (env.TEST_CARDS && env.STRIPE_PUBLISHABLE_KEY !== undefined)
    faults.push("TEST_CARDS and STRIPE_PUBLISHABLE_KEY are both set: unset one");
  return faults;
}

function tokenFaults(env: Config): readonly string[] {
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
