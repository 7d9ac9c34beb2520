// Converts between epoch milliseconds, used inside the system, and RFC 3339 text, used in messages. Lives here because pure files
// may not use `Date`.

/** Epoch ms to text, for example `2026-11-23T20:10:00.000Z`. */
export function timestampOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The same for a column that may be empty. */
export function timestampOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : timestampOf(epochMs);
}

/** Text to epoch ms. */
export function epochMsOf(timestamp: string): number {
  return Date.parse(timestamp);
}
