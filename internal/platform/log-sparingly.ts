// Request errors come as fast as requests do: while something behind is away, each of a thousand a second would be a line with
// a stack. Of each kind one a second is logged, saying how many were left out. Called by the roles that serve HTTP.
import { AppError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log } from "./log.ts";

const INTERVAL_MS = 1_000;

interface Kind {
  /** Epoch ms. */
  loggedAt: number;
  leftOut: number;
}

export type LogError = (error: unknown, fields: object, message: string) => void;

/** Kinds are told apart by the error's code, or its name: a closed list, so the memory is bounded. */
export function logSparingly(log: Pick<Log, "error">, clock: Clock): LogError {
  const kinds = new Map<string, Kind>();
  return (error, fields, message) => {
    const name = kindOf(error);
    const kind = kinds.get(name) ?? { loggedAt: -Infinity, leftOut: 0 };
    kinds.set(name, kind);
    const now = clock.now();
    // A clock that was set back must not silence the log until it has caught up.
    if (now >= kind.loggedAt && now - kind.loggedAt < INTERVAL_MS) {
      kind.leftOut += 1;
      return;
    }
    const leftOut = kind.leftOut === 0 ? {} : { alike_left_out: kind.leftOut };
    kinds.set(name, { loggedAt: now, leftOut: 0 });
    log.error({ err: error, ...fields, ...leftOut }, `${message}: ${describeError(error)}`);
  };
}

function kindOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
