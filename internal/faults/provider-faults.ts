// A provider that is there and takes less than it is asked: told so by its control API. Used by faults.ts.

/** Of the simulator's settings, those that turn calls away. */
type Limits =
  | { readonly calls_per_second: number }
  | { readonly unavailable_rate: number; readonly retry_after_seconds: number };

/** Limits the simulator at `url`. Ends that when called back; a simulator that was killed meanwhile has forgotten it already. */
export async function limitProvider(url: string, limits: Limits): Promise<() => Promise<void>> {
  await putFaults(url, limits);
  return () => putFaults(url, {});
}

/** What is left out is no fault; the latency stays. */
async function putFaults(url: string, faults: Partial<Limits>): Promise<void> {
  const response = await fetch(`${url}/_sim/faults`, { method: "PUT", body: JSON.stringify(faults) });
  if (!response.ok) throw new Error(`PUT ${url}/_sim/faults: ${response.status} ${await response.text()}`);
}
