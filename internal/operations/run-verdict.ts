// Decides what a run does with an item at its turn. Whatever the plan said, an item is sent only if it may be sent now: a saga that
// moved on is refused, not forced. Pure; called by run-replay.ts.
import type { Message } from "../../schemas/registry.ts";
import { assertNever } from "../kernel/errors.ts";
import { isQuarantined, type ItemOutcome, quarantineText } from "./plan.ts";
import type { Outcome } from "./replay-send.ts";
import type { ReplayDecision } from "./replay-plan.ts";
import type { SentMessage } from "./replay-store.ts";
import type { AfterBatch, ItemUpdate, LeasedRun, RunItem, Steered } from "./run-store.ts";
import { failsTooOften, pauseAfter } from "./ramp.ts";
import { pausedText } from "./run-progress.ts";

export type Verdict =
  | { readonly kind: "send"; readonly sent: SentMessage; readonly lost: Message | null }
  /** An executor that died had put it back already: only its outcome is missing. */
  | { readonly kind: "watch"; readonly sent: SentMessage }
  | {
      readonly kind: "settle";
      readonly outcome: "skipped" | "refused";
      readonly result: "handled" | "left" | "refused";
      readonly why: string;
      /** An attempt before, whose outcome is not known, has ended: it was handled, or its saga no longer wants the message. */
      readonly endsAttempt: boolean;
    };

export interface AtItsTurn {
  readonly item: RunItem;
  /** Undefined if the dead letter is no longer on its topic. */
  readonly decision: ReplayDecision | undefined;
  /** The message as its outbox has it now; undefined if it is not there. */
  readonly kept: SentMessage | undefined;
  /** How often other runs replayed it without success. */
  readonly replays: number;
  readonly allowsQuarantined: boolean;
}

export function verdictOn({ item, decision, kept, replays, allowsQuarantined }: AtItsTurn): Verdict {
  const { planned, why } = item;
  // Its attempt before has ended well, and the audit trail does not know it yet.
  if (planned !== "send" && decision?.kind === "handled") return ended("skipped", "handled", decision.why);
  if (planned === "skip") return settled("skipped", "left", why ?? "as planned");
  if (planned === "refuse") return settled("refused", "refused", why ?? "as planned");
  if (
    item.outcome === "in flight" &&
    kept !== undefined &&
    kept.written_at !== (item.written_at ?? undefined)
  )
    return { kind: "watch", sent: kept };
  if (decision === undefined)
    return settled("refused", "refused", "its dead letter is no longer on the topic");
  switch (decision.kind) {
    case "send":
      return isQuarantined(replays) && !allowsQuarantined
        ? settled("refused", "refused", quarantineText(replays))
        : decision;
    case "handled":
      return ended("skipped", "handled", decision.why);
    case "left":
      return settled("skipped", "left", decision.why);
    case "refused":
      return ended("refused", "refused", decision.why);
    default:
      return assertNever(decision);
  }
}

function settled(
  outcome: "skipped" | "refused",
  result: "handled" | "left" | "refused",
  why: string,
): Verdict {
  return { kind: "settle", outcome, result, why, endsAttempt: false };
}

function ended(outcome: "skipped" | "refused", result: "handled" | "refused", why: string): Verdict {
  return { kind: "settle", outcome, result, why, endsAttempt: true };
}

/** What the outcome at the consumer means for the item. Undefined: none was seen in time. */
export function outcomeOf(
  seen: Outcome | undefined,
): Pick<ItemUpdate, "result" | "detail"> & { readonly outcome: ItemOutcome } {
  switch (seen) {
    case "handled":
    case "published":
      return { outcome: "sent", result: seen, detail: null };
    case "refused":
      return { outcome: "refused", result: seen, detail: "its service refused it: an undo came first" };
    case "retry pending":
      return { outcome: "failed", result: seen, detail: "it failed again, and its service keeps trying" };
    case "dead-lettered":
      return {
        outcome: "failed",
        result: seen,
        detail: "it failed again for good: a new dead letter is open",
      };
    case undefined:
      // A failure: the consumer is down or overloaded.
      return { outcome: "failed", result: "not seen", detail: "no outcome was seen in time" };
    default:
      return assertNever(seen);
  }
}

/** A batch that was just settled. */
export interface BatchResult {
  /** Items sent or discarded, whatever became of them. */
  readonly acted: number;
  readonly failed: number;
  readonly tookMs: number;
  /** The size that the batch was allowed. */
  readonly size: number;
  /** No item is left. */
  readonly isLast: boolean;
}

/** The run after a batch. `now`: an operator may have paused, resumed or stopped the run meanwhile. */
export function afterBatch(
  run: Pick<
    LeasedRun,
    | "generation"
    | "rate_per_second"
    | "max_error_rate"
    | "batch_size"
    | "pause_after"
    | "tested_count"
    | "failed_count"
  >,
  { state, generation }: Steered,
  { acted, failed, tookMs, size, isLast }: BatchResult,
): AfterBatch {
  const tested_count = run.tested_count + acted;
  const failed_count = run.failed_count + failed;
  const stays = { batch_size: 0, tested_count: 0, failed_count: 0, halted_because: null, pauseMs: 0 };
  if (state !== "running") return { ...stays, state };
  if (isLast) return { ...stays, state: "done" };
  // Resumed meanwhile: it tests the ground again, canary first.
  if (generation !== run.generation) return { ...stays, state };
  if (failsTooOften(tested_count, failed_count, run.max_error_rate)) {
    const halted_because = `${failed_count} of ${tested_count} failed again, more than ${run.max_error_rate * 100} %`;
    return { ...stays, state: "paused", halted_because };
  }
  if (run.pause_after !== null && tested_count >= run.pause_after) return { ...stays, state: "paused" };
  return {
    state,
    // A batch that acted on nothing has tested nothing, so the size stays.
    batch_size: acted > 0 ? size : run.batch_size,
    tested_count,
    failed_count,
    halted_because: null,
    pauseMs: pauseAfter(acted, tookMs, run.rate_per_second),
  };
}

/** `halted`: it paused itself, and a person must look. `paused`: it paused itself as it was asked to. */
export type RunEnd = "done" | "stopped" | "halted" | "paused";

/**
 * How the run came to an end with this batch; null if it did not. `before`: as an operator wanted it when the batch was over. A person's pause is no
 * end, and has a line of its own. So has a stop, which does not know yet what becomes of the batch in flight.
 */
export function endOf(
  before: Pick<Steered, "state">,
  after: Pick<AfterBatch, "state" | "halted_because">,
): RunEnd | null {
  if (after.state === "done" || after.state === "stopped") return after.state;
  if (before.state !== "running" || after.state !== "paused") return null;
  return after.halted_because === null ? "paused" : "halted";
}

/** For the audit trail; null if the end says it all. */
export function whyOf(
  { pause_after }: Pick<LeasedRun, "pause_after">,
  end: RunEnd,
  { halted_because }: Pick<AfterBatch, "halted_because">,
): string | null {
  return end === "paused" && pause_after !== null ? pausedText(pause_after) : halted_because;
}
