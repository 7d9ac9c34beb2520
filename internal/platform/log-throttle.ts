// What goes wrong goes wrong many times a second while something behind is away: each would be a line of its own. Of each kind
// one a second is logged, saying how many were left out. Called by the roles that serve HTTP, and for what Kafka's client says.
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
 * Asked before each line with its kind: what to add to the line's fields, or null where it is to be left out. Kinds come from a
 * closed list, so the memory is bounded.
 */
export function sparingly(clock: Clock): (kind: string) => { readonly suppressed?: number } | null {
  const kinds = new Map<string, Kind>();
  return (name) => {
    const kind = kinds.get(name) ?? { loggedAt: -Infinity, leftOut: 0 };
    kinds.set(name, kind);
    const now = clock.now();
    // A clock that was set back must not silence the log until it has caught up.
    if (now >= kind.loggedAt && now - kind.loggedAt < INTERVAL_MS) {
      kind.leftOut += 1;
      return null;
    }
    kinds.set(name, { loggedAt: now, leftOut: 0 });
    return kind.leftOut === 0 ? {} : { suppressed: kind.leftOut };
  };
}

export type LogError = (error: unknown, fields: object, message: string) => void;

/** For errors: kinds are told apart by the error's code, or its name. */
export function logThrottled(log: Pick<Log, "error">, clock: Clock): LogError {
  const leftOutOf = sparingly(clock);
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
