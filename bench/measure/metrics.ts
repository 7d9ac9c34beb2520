// Reads the roles' /metrics as sums. Used once a second during a run, and to detect when the system has finished.

/** Sums over all labels, by metric name, and each series as `name{label="value",...}`. Empty if there is no answer. */
export async function scrape(opsUrl: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
  return response?.ok === true ? parseMetrics(await response.text()) : new Map();
}

export function parseMetrics(text: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const end = line.lastIndexOf(" ");
    if (line.startsWith("#") || end < 0) continue;
    const series = line.slice(0, end);
    const name = /^[^{]+/.exec(series)?.[0] ?? series;
    const value = Number(line.slice(end + 1));
    sums.set(name, (sums.get(name) ?? 0) + value);
    if (series !== name) sums.set(series, value);
  }
  return sums;
}
