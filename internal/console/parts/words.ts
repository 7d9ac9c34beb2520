// Times and durations in words. Pure.

/** `2.1 s`, `3 min`, `5 h`, `2 d`: one unit, as a person would say it. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `3 min ago`, or `in 27 s`. */
export function agoText(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 1_000) return "now";
  const seconds = Math.round(Math.abs(ms) / 1_000);
  const text = seconds < 120 ? `${seconds} s` : durationText(Math.abs(ms));
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}
