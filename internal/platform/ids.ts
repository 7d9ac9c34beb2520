// Ids of messages, sagas and rows: UUIDv7, whose order is their order in time. Used by every role through clock.ts.
import type { Clock } from "../kernel/ports.ts";

/**
 * How far an id's time may lie ahead of the clock. Bun's own generator never goes back, so after a clock that ran ahead is set
 * right it keeps the wrong time until the process ends: ids then lie in days that have no partition yet. Small steps back, as
 * NTP makes them, keep the order.
 */
const MAX_AHEAD_MS = 1_000;

/** Makes ids by this clock: each later than the one before, unless the clock was set back by more than a second. */
export function idSource(clock: Clock): () => string {
  let last = 0;
  return () => {
    const now = clock.now();
    if (now > last || last - now > MAX_AHEAD_MS) last = now;
    return Bun.randomUUIDv7("hex", last);
  };
}
