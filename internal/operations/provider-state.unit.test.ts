import { expect, test } from "bun:test";
import { samplesOf } from "./prometheus-text.ts";
import { providerStates } from "./provider-state.ts";

const METRICS = `
# TYPE checkout_payment_breaker_open gauge
checkout_payment_breaker_open{provider="stripe"} 1
checkout_payment_breaker_open{provider="paypal"} 0
checkout_payment_charges_held{provider="paypal"} 1
checkout_payment_provider_results_total{provider="stripe",request="charge",outcome="timeout"} 3
checkout_payment_provider_results_total{provider="stripe",request="refund",outcome="timeout"} 4
checkout_payment_provider_results_total{provider="stripe",request="charge",outcome="succeeded"} 12
checkout_payment_provider_results_total{provider="stripe",request="charge",outcome="declined"} 0
`;

test("the breaker of each provider, whether charges are held, and its answers over all kinds of requests", () => {
  expect(providerStates(samplesOf(METRICS))).toEqual([
    { provider: "paypal", breaker_open: false, charges_held: true, results: [] },
    {
      provider: "stripe",
      breaker_open: true,
      charges_held: false,
      results: [
        { outcome: "succeeded", count: 12 },
        { outcome: "timeout", count: 7 },
      ],
    },
  ]);
});

test("a role without providers has none", () => {
  expect(providerStates(samplesOf("checkout_redis_up 1\n"))).toEqual([]);
});
