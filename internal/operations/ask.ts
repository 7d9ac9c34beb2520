// Asks one server with a time limit, and remembers since when there is no answer, so that nobody is shown 0 or an old number for something
// that is not known. Used by overview.ts and by the console's sources.
import { AppError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Part } from "../../schemas/overview.ts";

export interface AskOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Epoch ms of the first question without an answer; null if the last one was answered. */
  readonly unknownSince: number | null;
}

/** The answer, or since when and why there is none. `signal` aborts when the answer would come too late. Never throws. */
export async function ask<T>(
  read: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, unknownSince }: AskOptions,
): Promise<Part<T>> {
  const begun = clock.now();
  try {
    const value = await within(timeoutMs, read);
    return { at: clock.now(), value };
  } catch (error) {
    return { unknown_since: unknownSince ?? begun, why: describeError(error) };
  }
}

/** Throws SERVICE_UNAVAILABLE after `timeoutMs`; what comes later is dropped. */
export async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const abort = new AbortController();
  const timer = setTimeout(() => {
    const error = new AppError("SERVICE_UNAVAILABLE", `no answer within ${timeoutMs} ms`);
    abort.abort(error);
    late.reject(error);
  }, timeoutMs);
  try {
    return await Promise.race([work(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
