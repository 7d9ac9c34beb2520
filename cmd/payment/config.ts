// The settings of the payment service.
import { type Static, Type } from "@sinclair/typebox";
import { accessConfig, httpConfig, secret, serviceConfig } from "../../internal/platform/config.ts";
import { DEFAULT_POLICY } from "../../internal/services/payment/attempts/attempts.ts";
import { PAYPAL_API } from "../../internal/services/payment/providers/paypal/paypal-client.ts";
import { PAYPAL_POLICY } from "../../internal/services/payment/providers/paypal/paypal-policy.ts";

export const config = Type.Object({
  ...serviceConfig,
  ...httpConfig("the webhook endpoint", "only /webhooks/ may be reachable from outside"),
  INTERNAL_HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "listen address of the internal API (the gateway asks for the bank's page); keep it private",
  }),
  INTERNAL_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: "port of the internal API; without it, shoppers cannot confirm payments at their bank",
    }),
  ),
  ...accessConfig,
  TRUSTED_CALLERS_JWKS: Type.Optional(accessConfig.TRUSTED_CALLERS_JWKS),
  SHOP_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "the shop's address for shoppers: from the bank's page they come back to /checkout/SAGA there. Without it, a payment that the bank wants confirmed (3-D Secure) is declined",
    }),
  ),
  STRIPE_BASE_URL: Type.String({
    format: "url",
    default: "https://api.stripe.com",
    description: "Stripe's API, or the simulator's",
  }),
  STRIPE_API_KEY: secret(Type.String({ minLength: 1, description: "secret key of the Stripe account" })),
  STRIPE_WEBHOOK_SECRET: secret(
    Type.String({
      pattern: "^[^,\\s]{16,}(,[^,\\s]{16,})*$",
      description:
        "signing secret of the webhook endpoint, as Stripe shows it; during its rotation both, separated by a comma",
    }),
  ),
  PAYPAL_CLIENT_ID: Type.Optional(
    Type.String({
      pattern: "^[!-9;-~]+$",
      description: "client id of the PayPal REST app; without it, PayPal is off",
    }),
  ),
  PAYPAL_CLIENT_SECRET: Type.Optional(
    secret(Type.String({ minLength: 1, description: "secret of the PayPal REST app" })),
  ),
  PAYPAL_BASE_URL: Type.String({
    format: "url",
    default: PAYPAL_API.href,
    description: "PayPal's API, its sandbox's (https://api-m.sandbox.paypal.com), or the simulator's",
  }),
  PAYPAL_WEBHOOK_ID: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9]{1,50}$",
      description:
        "id of the webhook /webhooks/paypal in PayPal's dashboard; without it events are refused, and payments settle by look-ups alone",
    }),
  ),
  PAYPAL_CERTIFICATE_HOSTS: Type.String({
    default: "paypal.com",
    pattern: "^[a-z0-9.-]+(,[a-z0-9.-]+)*$",
    description:
      "hosts, separated by commas, from which the certificates of PayPal's events are fetched; includes their subdomains",
  }),
  PAYPAL_CERTIFICATE_ROOTS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "PEM file of the root certificates for PayPal's events; default: the public roots. The simulator needs its own",
    }),
  ),
  PAYPAL_SEARCH_LAG_MS: Type.Integer({
    default: PAYPAL_POLICY.searchLagMs,
    minimum: 0,
    description:
      "time after which a transaction is certain to appear in PayPal's Transaction Search, in ms; younger ones are not compared",
  }),
  PAYMENT_MARK: Type.String({
    default: "checkout",
    pattern: "^[A-Za-z0-9_.-]{1,40}$",
    description:
      "this shop's mark on every charge and refund (metadata `shop`); entries without it belong to others. Give each shop on a shared account its own",
  }),
  PAYMENT_PRIVATE_JWK: secret(
    Type.String({
      minLength: 2,
      description:
        "private key (JWK) that opens payment tokens, or a JWK set of several during a key rotation; `checkoutctl keys generate` makes a pair",
    }),
  ),
  PROVIDER_CONCURRENCY: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 4_096,
    description:
      "maximum concurrent calls to the provider; above 256, raise BUN_CONFIG_MAX_HTTP_REQUESTS too",
  }),
  SEARCH_LAG_MS: Type.Integer({
    default: DEFAULT_POLICY.searchLagMs,
    minimum: 0,
    description: "time after which a charge is certain to appear in the provider's search, in ms",
  }),
  CHARGE_EXECUTION_MS: Type.Integer({
    default: DEFAULT_POLICY.executionMs,
    minimum: 0,
    description:
      "time after a request during which the charge may still take place, in ms; a charge that is not found after this plus SEARCH_LAG_MS counts as failed",
  }),
  RECONCILE_INTERVAL_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    description: "interval between comparisons of payments and provider ledger, in ms",
  }),
  RECONCILE_GRACE_MS: Type.Integer({
    default: 300_000,
    minimum: 0,
    description: "minimum age of a provider ledger entry before it is compared, in ms",
  }),
});

export type PaymentConfig = Static<typeof config>;

/** Faults of settings that belong together. */
export function faultsOf(env: PaymentConfig): readonly string[] {
  const faults: string[] = [];
  if (env.INTERNAL_PORT !== undefined && env.TRUSTED_CALLERS_JWKS === undefined)
    faults.push(
      "TRUSTED_CALLERS_JWKS is missing: with INTERNAL_PORT set it to the public keys of those who may call the internal API; `checkoutctl keys caller` makes keys",
    );
  if ((env.PAYPAL_CLIENT_ID === undefined) !== (env.PAYPAL_CLIENT_SECRET === undefined))
    faults.push(
      "PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET belong together: set both, or none to do without PayPal",
    );
  return faults;
}
