// A payment provider that is up but limits its calls, set through its control API. Used by the chaos runs, the benchmark and the
// outage tests.

/** The settings of the simulator that reject calls. */
type Limits =
  | { readonly calls_per_second: number }
  | { readonly unavailable_rate: number; readonly retry_after_seconds: number };

/**
 * Limits the simulator at `url`. The returned function ends that; a simulator that was killed meanwhile has already forgotten the
 * limits.
 */
export async function limitProvider(url: string, limits: Limits): Promise<() => Promise<void>> {
  await putFaults(url, limits);
  return () => putFaults(url, {});
}

/** A setting that is left out is no fault; the latency stays. */
async function putFaults(url: string, faults: Partial<Limits>): Promise<void> {
  const response = await fetch(`${url}/_sim/faults`, { method: "PUT", body: JSON.stringify(faults) });
  if (!response.ok) throw new Error(`PUT ${url}/_sim/faults: ${response.status} ${await response.text()}`);
}
