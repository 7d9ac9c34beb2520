// Times inside the system are epoch milliseconds; messages carry them as RFC 3339 text. The one way between the two, here
// because pure files may not name `Date`.

/** `2026-11-23T20:10:00.000Z` for a time in epoch ms. */
export function timestampOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Epoch ms of a message's time. */
export function epochMsOf(timestamp: string): number {
  return Date.parse(timestamp);
}
