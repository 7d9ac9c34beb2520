// How far a run is and how many of its messages may fail, in words. Pure; called by checkoutctl.
import type { RunView } from "./plans.ts";

type Progress = Pick<RunView, "kind" | "totals" | "units_done" | "counts">;

/** Of a run that publishes outboxes again, messages: its items are whole outboxes. */
export function progressText({ kind, totals, units_done, counts }: Progress): string {
  if (kind === "outbox.republish") return `${units_done} of ${totals.units} messages`;
  const { sent, discarded, skipped, refused, failed, not_reached } = counts;
  return `${sent + discarded} done, ${failed} failed, ${refused} refused, ${skipped} skipped, ${not_reached} left`;
}

/** Null if nobody looks whether its messages are handled. */
export function mayFailText({
  kind,
  max_error_rate,
}: Pick<RunView, "kind" | "max_error_rate">): string | null {
  return kind === "outbox.republish" ? null : `at most ${max_error_rate * 100} % may fail`;
}
