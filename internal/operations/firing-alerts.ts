// What fires in Alertmanager (API version 2). Called by the console's collector.
import { Type } from "@sinclair/typebox";
import { AppError } from "../kernel/errors.ts";
import { LateCheck } from "../../schemas/late-check.ts";

export interface FiringAlert {
  readonly name: string;
  readonly severity: string;
  /** For people. */
  readonly summary: string;
  /** Epoch ms. */
  readonly since: number;
}

const answer = new LateCheck(
  Type.Array(
    Type.Object({
      labels: Type.Record(Type.String(), Type.String()),
      annotations: Type.Record(Type.String(), Type.String()),
      startsAt: Type.String(),
    }),
  ),
);

/** Only proves that alerts would arrive; it always fires. */
const WATCHDOG = "Watchdog";

/** The longest-firing first; silenced and inhibited ones are left out. Throws SERVICE_UNAVAILABLE. */
export async function firingAlerts(
  alertmanagerUrl: string,
  signal: AbortSignal,
): Promise<readonly FiringAlert[]> {
  // Alertmanager may be behind a path (its --web.route-prefix, or a proxy).
  const base = alertmanagerUrl.replace(/\/+$/, "");
  const url = new URL(`${base}/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false`);
  const found = await alertsAt(url, signal);
  return found
    .map(({ labels, annotations, startsAt }) => ({
      name: labels["alertname"] ?? "",
      severity: labels["severity"] ?? "",
      summary: annotations["summary"] ?? annotations["description"] ?? "",
      since: Date.parse(startsAt),
    }))
    .filter(({ name }) => name !== WATCHDOG)
    .toSorted((one, other) => one.since - other.since);
}

async function alertsAt(url: URL, signal: AbortSignal) {
  try {
    const response = await fetch(url, { signal });
    const body: unknown = await response.json();
    if (answer.Check(body)) return body;
  } catch (cause) {
    throw new AppError("SERVICE_UNAVAILABLE", `Alertmanager does not answer at ${url.origin}`, { cause });
  }
  throw new AppError(
    "SERVICE_UNAVAILABLE",
    `what answers at ${url.origin} is no Alertmanager: correct ALERTMANAGER_URL`,
  );
}
