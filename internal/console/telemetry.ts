// The console's metrics. Called by cmd/console.
import type { Meter } from "../kernel/telemetry.ts";
import type { ConsoleCounts } from "./options.ts";

export function consoleMetrics(meter: Pick<Meter, "counter" | "gauge">): ConsoleCounts {
  const pages = meter.counter("console_pages_total", "Answers of the console, by page and HTTP status", [
    "page",
    "status",
  ]);
  const signIns = meter.counter("console_sign_ins_total", "Attempts to sign in to the console, by result", [
    "result",
  ]);
  const refusals = meter.counter(
    "console_refusals_total",
    "Acts that the console refused: the role of the person, a read-only console, or a form of another site",
    ["reason"],
  );
  const streams = meter.gauge(
    "console_event_streams_open",
    "Pages of the console that are open and follow live",
  );
  streams.set({}, 0);
  return {
    page: (page, status) => pages.inc({ page, status: String(status) }),
    signIn: (result) => signIns.inc({ result }),
    refused: (reason) => refusals.inc({ reason }),
    streams: (open) => streams.set({}, open),
  };
}
