// The gateway's metrics of requests and event streams. Called by cmd/gateway.
import type { Meter } from "../kernel/telemetry.ts";

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

interface AnsweredRequest {
  readonly method: string;
  /** As in the routing table; empty for an address that leads nowhere. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Register once per process. */
export function httpMetrics(meter: Pick<Meter, "histogram">) {
  const duration = meter.histogram(
    "http_request_duration_seconds",
    "Time from a request to the beginning of its answer, by route and class of the status",
    ["method", "route", "status"],
  );
  return {
    /** `trace_id`: if the request is traced. */
    answered({ method, route, status, seconds }: AnsweredRequest, trace_id?: string): void {
      duration.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds, trace_id);
    },
  };
}

export type HttpMetrics = ReturnType<typeof httpMetrics>;
