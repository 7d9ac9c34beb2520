// The clock and id source of every role. Tests use their own.
import type { Clock } from "../kernel/ports.ts";
import { idSource } from "./ids.ts";

export const systemClock: Clock = { now: () => Date.now() };
/** UUIDv7, monotonic within the process, because the relay claims in id order. */
export const newId = idSource(systemClock);
