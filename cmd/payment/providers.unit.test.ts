// The two providers of a payment process share nothing: what limits or stops one does not touch the other.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { parseConfig } from "../../internal/platform/config.ts";
import { Metrics } from "../../internal/platform/metrics.ts";
import { Resources } from "../../internal/platform/resources.ts";
import { TestPayPal } from "../../internal/paysim/paypal/test-paypal.ts";
import { PAYPAL_POLICY } from "../../internal/services/payment/providers/paypal/paypal-policy.ts";
import { paymentMetrics } from "../../internal/services/payment/telemetry.ts";
import { config } from "./config.ts";
import { noLog } from "../../internal/testkit/noop-telemetry.ts";
import { openProviders } from "./providers.ts";

let status = 429;
const stripe = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => Response.json({ error: { type: "api_error", code: "api_key_expired" } }, { status }),
});
const paypal = new TestPayPal();
const resources = new Resources();
beforeAll(() => {
  paypal.nowMs = Date.now();
});
afterAll(async () => {
  await resources.close();
  await stripe.stop(true);
  await paypal[Symbol.asyncDispose]();
});

const request = {
  idempotency_key: "k",
  saga_id: "0198c0de-0000-7000-8000-000000000001",
  amount_cents: 600,
  currency: "EUR",
  payment_method: "pm_card_visa",
  shopper_present: true,
  capture: "automatic",
} as const;

test("a provider that limits or rejects us does not limit the other", async () => {
  const env = {
    PORT: "0",
    KAFKA_BROKERS: "127.0.0.1:1",
    REDIS_URL: "redis://127.0.0.1",
    DATABASE_URL: "postgres://127.0.0.1/payment",
    STRIPE_API_KEY: "sk_test_1",
    STRIPE_WEBHOOK_SECRET: "whsec_0123456789",
    STRIPE_BASE_URL: stripe.url.origin,
    PAYPAL_CLIENT_ID: "client",
    PAYPAL_CLIENT_SECRET: "secret",
    PAYPAL_BASE_URL: paypal.url,
    PAYMENT_PRIVATE_JWK: "{}",
    INTERNAL_PORT: "0",
    SHOP_URL: "http://shop.test",
  };
  const context = {
    config: parseConfig("payment", config, env),
    log: noLog,
    resources,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of the context is used
  const registry = openProviders(context as never, paymentMetrics(new Metrics()));
  const [cards, accounts] = [registry.of("stripe"), registry.of("paypal")];
  expect([cards.provider.name, accounts.provider.name]).toEqual(["stripe", "paypal"]);
  expect(accounts.policy).toMatchObject({ keyTrustedMs: PAYPAL_POLICY.keyTrustedMs });
  expect(cards.policy.keyTrustedMs).not.toBe(accounts.policy.keyTrustedMs);

  expect(await cards.provider.charge(request)).toMatchObject({ kind: "deferred" });
  status = 401;
  for (let refusals = 0; refusals < 3; refusals += 1)
    expect(await cards.provider.charge(request)).toMatchObject({ kind: "request_refused" });
  expect(cards.hold.isHeld).toBe(true);
  expect(cards.pace.rate(performance.now())).not.toBeNull();

  expect(accounts.hold.isHeld).toBe(false);
  expect(accounts.pace.rate(performance.now())).toBeNull();
  expect(await accounts.provider.charge(request)).toMatchObject({ kind: "action_required" });
  expect(paypal.kinds()).toEqual(["order"]);
});
