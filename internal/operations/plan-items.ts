// Decides what a plan does with each dead letter, and why. Pure; called by plans.ts.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { assertNever } from "../kernel/errors.ts";
import { describeHandling, isOpen, typeOf } from "./dead-letters.ts";
import type { Handling } from "./dead-letter-store.ts";
import { isQuarantined, type Planned, type PlanItem, quarantineText } from "./plan.ts";
import type { ReplayDecision } from "./replay-plan.ts";

/** The price of a checkout, from its saga. */
export interface Priced {
  readonly total_cents: number | null;
  readonly currency: string;
}

export interface Candidate {
  readonly record: DeadLetter;
  /** Null if it is unreadable. */
  readonly messageId: string | null;
  readonly saga: Priced | undefined;
  /** How often this message was replayed without success. */
  readonly replays: number;
}

/** `allowsQuarantined`: the operator has asked for this quarantined message by its id. */
export function plannedReplay(
  candidate: Candidate,
  decision: ReplayDecision,
  allowsQuarantined: boolean,
): Omit<PlanItem, "position"> {
  switch (decision.kind) {
    case "send":
      return isQuarantined(candidate.replays) && !allowsQuarantined
        ? itemOf(candidate, "refuse", quarantineText(candidate.replays))
        : itemOf(candidate, "send", null);
    case "handled":
    case "left":
      return itemOf(candidate, "skip", decision.why);
    case "refused":
      return itemOf(candidate, "refuse", decision.why);
    default:
      return assertNever(decision);
  }
}

/** A dead letter that was handled is left alone; one that is being replayed at its turn, too (run-discard.ts). */
export function plannedDiscard(
  candidate: Candidate,
  handling: Handling | undefined,
): Omit<PlanItem, "position"> {
  return isOpen(handling)
    ? itemOf(candidate, "discard", null)
    : itemOf(candidate, "skip", describeHandling(handling));
}

/** In the order of execution. A dead letter's id starts with the Kafka timestamp of its message, so the messages of one saga keep their order. */
export function inOrder<Item extends Pick<PlanItem, "subject">>(items: readonly Item[]): readonly Item[] {
  return items.toSorted((one, other) => (one.subject < other.subject ? -1 : 1));
}

function itemOf(
  { record, messageId, saga, replays }: Candidate,
  planned: Planned,
  why: string | null,
): Omit<PlanItem, "position"> {
  const amount_cents = saga?.total_cents ?? null;
  return {
    subject: record.dead_letter_id,
    saga_id: record.saga_id,
    message_id: messageId,
    message_type: typeOf(record),
    service: record.service,
    replays,
    amount_cents,
    currency: amount_cents === null ? null : (saga?.currency ?? null),
    units: 1,
    planned,
    why,
  };
}
