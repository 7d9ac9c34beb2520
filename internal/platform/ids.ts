// Ids of messages, sagas and rows: UUIDv7, which sorts by time. Used by every role through clock.ts.
import type { Clock } from "../kernel/ports.ts";

/**
 * How far an id's time may be ahead of the clock. Bun's own generator never goes back: when a fast clock is corrected, it keeps
 * the wrong time until the process ends, and ids land in days that have no partition yet. Small steps back, as NTP makes them,
 * keep the order.
 */
const MAX_AHEAD_MS = 1_000;

/** Makes ids from this clock. Each id is later than the one before, unless the clock goes back by more than a second. */
export function idSource(clock: Clock): () => string {
  let last = 0;
  return () => {
    const now = clock.now();
    if (now > last || last - now > MAX_AHEAD_MS) last = now;
    return Bun.randomUUIDv7("hex", last);
  };
}
