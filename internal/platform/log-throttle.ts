// A log throttle. When a dependency is down, the same error repeats many times a second; each kind is logged once a second with a
// suppressed count. Used by roles that serve HTTP, and for events of the Kafka client.
import { AppError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log } from "../kernel/telemetry.ts";

const INTERVAL_MS = 1_000;

interface Kind {
  /** Epoch ms. */
  loggedAt: number;
  leftOut: number;
}

/**
 * Call the returned function with the kind before each line. It returns extra fields for the line, or null to suppress it. Kinds
 * come from a closed list, so memory is bounded.
 */
export function throttle(clock: Clock): (kind: string) => { readonly suppressed?: number } | null {
  const kinds = new Map<string, Kind>();
  return (name) => {
    const kind = kinds.get(name) ?? { loggedAt: -Infinity, leftOut: 0 };
    kinds.set(name, kind);
    const now = clock.now();
    // A clock that went back must not silence the log until it catches up.
    if (now >= kind.loggedAt && now - kind.loggedAt < INTERVAL_MS) {
      kind.leftOut += 1;
      return null;
    }
    kinds.set(name, { loggedAt: now, leftOut: 0 });
    return kind.leftOut === 0 ? {} : { suppressed: kind.leftOut };
  };
}

export type LogError = (error: unknown, fields: object, message: string) => void;

/** Throttles errors. The kind is the error's code, or its name. */
export function logThrottled(log: Pick<Log, "error">, clock: Clock): LogError {
  const leftOutOf = throttle(clock);
  return (error, fields, message) => {
    const leftOut = leftOutOf(kindOf(error));
    if (leftOut !== null)
      log.error({ err: error, ...fields, ...leftOut }, `${message}: ${describeError(error)}`);
  };
}

function kindOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
