// UUID helpers of the audit. Some ids come from outside and may be anything.

/** Whether a `uuid` column could hold the text. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** The time in the first 48 bits of a UUIDv7, in milliseconds since the epoch. */
export function timeOfUuid(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** The least UUIDv7 of this time, in milliseconds since the epoch. */
export function firstUuidOf(at: number): string {
  const time = Math.max(Math.floor(at), 0).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
