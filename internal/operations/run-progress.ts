// How far a run is, what became of an item, and how many messages may fail, in words. Pure; called by checkoutctl and the console.
import type { ItemRow } from "./plan-store.ts";
import type { RunView } from "./plans.ts";

type Progress = Pick<RunView, "kind" | "totals" | "units_done" | "counts">;

/**
 * Every item is in one of its numbers. Of a run that publishes outboxes again, messages: its items are whole outboxes. `show` writes a
 * number.
 */
export function progressText(
  { kind, totals, units_done, counts }: Progress,
  show: (count: number) => string = String,
): string {
  if (kind === "outbox.republish") return `${show(units_done)} of ${show(totals.units)} messages sent`;
  const { sent, discarded, skipped, refused, failed, in_flight, not_reached } = counts;
  const handled = kind === "dead-letter.discard" ? `${show(discarded)} discarded` : `${show(sent)} sent`;
  const settled = `${handled}, ${show(failed)} failed, ${show(refused)} refused, ${show(skipped)} skipped`;
  return `${settled}, ${show(not_reached)} left${in_flight === 0 ? "" : `, ${show(in_flight)} in flight`}`;
}

/** Of a run that has paused itself as it was asked to. */
export function pausedText(pauseAfter: number): string {
  return `after ${pauseAfter} message${pauseAfter === 1 ? "" : "s"}, as it was asked to`;
}

/** A person's pause forgets `pause_after`. */
export function hasPausedAsAsked({
  state,
  pause_after,
  halted_because,
}: Pick<RunView, "state" | "pause_after" | "halted_because">): boolean {
  return state === "paused" && pause_after !== null && halted_because === null;
}

/** Whether it will pause itself, or has; null if nobody asked for it. */
export function pauseAfterText(
  run: Pick<RunView, "state" | "pause_after" | "halted_because">,
): string | null {
  const { pause_after } = run;
  if (pause_after === null) return null;
  if (hasPausedAsAsked(run)) return `paused ${pausedText(pause_after)}`;
  return `${pause_after} message${pause_after === 1 ? "" : "s"} from its start or its last resume`;
}

/** The result of an outbox whose messages are all sent. */
export const REPUBLISHED = "published again";

/** Of a mail: its service has read it, and nothing of the run says what the mail server answers. */
export const READ_MAIL = "published";
const RESULTS: ReadonlyMap<string, string> = new Map([
  ["handled", "its service handled it"],
  [READ_MAIL, "the mail service took it"],
]);

/** Null if the run has not reached the item. Of an outbox the outcome says it all. */
export function outcomeText({ outcome, result }: Pick<ItemRow, "outcome" | "result">): string | null {
  if (outcome === null || result === null || result === REPUBLISHED) return outcome;
  return `${outcome}: ${RESULTS.get(result) ?? result}`;
}

/** Null if nobody looks whether its messages are handled. */
export function mayFailText({
  kind,
  max_error_rate,
}: Pick<RunView, "kind" | "max_error_rate">): string | null {
  return kind === "outbox.republish" ? null : `at most ${max_error_rate * 100} % may fail`;
}
