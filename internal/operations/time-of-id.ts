// A UUIDv7 begins with 48 bits of time in ms. Pure. Called by saga-search.ts and replay-plan.ts.

export const FIRST_ID = "00000000-0000-0000-0000-000000000000";
export const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The least id of this time (epoch ms). */
export function firstIdOf(at: number): string {
  const time = Math.min(Math.max(Math.floor(at), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Epoch ms. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
