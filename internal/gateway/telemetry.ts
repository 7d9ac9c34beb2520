// The gateway's metrics of event streams. Called by cmd/gateway.

interface Registrar {
  counter(name: string, help: string, labels: readonly "reason"[]): { inc(labels: { reason: string }): void };
  gauge(name: string, help: string, labels: readonly never[], read: () => number): unknown;
}

/** Register once per process. `open` counts the open streams at a scrape. */
export function streamMetrics(meter: Registrar, open: () => number) {
  const refused = meter.counter(
    "event_streams_refused_total",
    "Event streams that were refused, because of the limit of the user or of the gateway",
    ["reason"],
  );
  meter.gauge("event_streams_open", "Event streams that are open", [], open);
  return { refused: (reason: "user" | "gateway") => refused.inc({ reason }) };
}
