// Logs at the start of a role which of its ports other machines can reach. The roles speak plain HTTP; they cannot see what is in front
// of them. Called by serve-http.ts for HOST and by lifecycle.ts for OPS_HOST.
import { isIP } from "node:net";
import type { Log } from "../kernel/telemetry.ts";

/** True if only this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  if (bare === "localhost") return true;
  return isIP(bare) === 4 ? bare.startsWith("127.") : bare === "::1";
}

export interface Exposure {
  /** `api`, `ops port` */
  readonly what: string;
  readonly setting: "HOST" | "OPS_HOST" | "INTERNAL_HOST";
  readonly host: string;
  readonly port: number;
  /** What to do about it. */
  readonly advice: string;
}

export function warnIfExposed(log: Pick<Log, "warn">, { what, setting, host, port, advice }: Exposure): void {
  if (isLoopback(host)) return;
  log.warn(
    { host, port },
    `${setting} lets other machines reach the ${what} over plain HTTP: ${advice}, or set ${setting} to 127.0.0.1`,
  );
}
