// How payment providers answer, as one process of the payment role counts it. Pure: reads its metrics. Called by role-state.ts.
import type { ProviderState } from "../../schemas/overview.ts";
import type { Sample } from "./prometheus-text.ts";

const BREAKER = "checkout_payment_breaker_open";
const HELD = "checkout_payment_charges_held";
const RESULTS = "checkout_payment_provider_results_total";

/** By provider; empty for every other role. */
export function providerStates(samples: readonly Sample[]): readonly ProviderState[] {
  const of = (metric: string, provider: string) =>
    samples.filter(({ name, labels }) => name === metric && labels["provider"] === provider);
  const providers = new Set(
    samples.flatMap(({ name, labels: { provider } }) =>
      name === BREAKER && provider !== undefined ? [provider] : [],
    ),
  );
  return [...providers].toSorted().map((provider) => ({
    provider,
    breaker_open: of(BREAKER, provider).some(({ value }) => value === 1),
    charges_held: of(HELD, provider).some(({ value }) => value === 1),
    results: outcomes(of(RESULTS, provider)),
  }));
}

/** Over all kinds of requests, most frequent first. */
function outcomes(samples: readonly Sample[]): ProviderState["results"] {
  const counts = new Map<string, number>();
  for (const { labels, value } of samples) {
    const outcome = labels["outcome"] ?? "";
    counts.set(outcome, (counts.get(outcome) ?? 0) + value);
  }
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => ({ outcome, count }))
    .toSorted((one, other) => other.count - one.count);
}
