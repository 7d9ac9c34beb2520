// A UUIDv7 begins with 48 bits of time in ms. So ids sort by their time, and the ids of a time are a range. Pure.

export const FIRST_ID = "00000000-0000-0000-0000-000000000000";
export const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The least id of this time (epoch ms). */
export function firstIdOf(at: number): string {
  return timeText(at) + FIRST_ID.slice(TIME_LENGTH);
}

/** The greatest id of this time (epoch ms). */
export function lastIdOf(at: number): string {
  return timeText(at) + LAST_ID.slice(TIME_LENGTH);
}

/** Epoch ms. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, TIME_LENGTH), 16);
}

/** Of `0189abcd-ef01`. */
const TIME_LENGTH = 13;

/** A time that no id can carry becomes the nearest one. */
function timeText(at: number): string {
  const time = Math.min(Math.max(Math.floor(at), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}
