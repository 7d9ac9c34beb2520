// What a plan and its run are, and every rule about them: who may do what, what may start, what counts as success. Pure; called by
// plans.ts, runs.ts and run-executor.ts.
import type { Actor } from "../kernel/actor.ts";
import { AppError } from "../kernel/errors.ts";
import { moneyText } from "../kernel/money.ts";
import { MESSAGES } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { isMessageType } from "../messaging/envelope.ts";

/** How long a plan may wait for its start. */
export const PLAN_EXPIRES_MS = 15 * 60_000;
/** A plan of more messages, or of any money, starts only with the typed count. */
export const COUNT_UNTYPED = 20;
export const MIN_REASON_LENGTH = 10;
/** So many replays without success quarantine a message. */
export const QUARANTINE_REPLAYS = 3;
/** Maximum items in a plan. Larger backlogs are handled in parts, each with a plan of its own. */
export const MAX_PLAN_ITEMS = 10_000;

export const BULK_KINDS = ["dead-letter.replay", "dead-letter.discard", "outbox.republish"] as const;
export type BulkKind = (typeof BULK_KINDS)[number];

/**
 * `draft`: planned, not started. `paused`: by an operator, or by itself when too many items failed. `stopped` and `done` are final.
 * `expired`: a draft that was not started in time.
 */
export type RunState = "draft" | "running" | "paused" | "stopped" | "done" | "expired";
export const RUN_STATES: readonly RunState[] = ["draft", "running", "paused", "stopped", "done", "expired"];

export type Planned = "send" | "discard" | "skip" | "refuse";

/** `in flight`: sent, its outcome is not known yet. An item that the run has not reached has no outcome. */
export type ItemOutcome = "in flight" | "sent" | "discarded" | "skipped" | "refused" | "failed";
export const ITEM_OUTCOMES: readonly ItemOutcome[] = [
  "in flight",
  "sent",
  "discarded",
  "skipped",
  "refused",
  "failed",
];

export interface MoneyTouched {
  readonly currency: string;
  /** Minor units: the totals of the checkouts, each counted once. */
  readonly amount_cents: number;
  readonly sagas: number;
}

/** As planned. */
export interface Totals {
  /** Items to send or to discard. */
  readonly acts: number;
  /** The messages that these items stand for. This is the count to type. */
  readonly units: number;
  readonly skipped: number;
  readonly refused: number;
  /** Of the items to send or to discard, per currency. Without mails and words of parcels, which move neither money nor stock. */
  readonly money: readonly MoneyTouched[];
}

/** An item as planned. */
export interface PlanItem {
  /** Its place in the order of execution, from 0. */
  readonly position: number;
  /** The id of a dead letter, or the name of a database. */
  readonly subject: string;
  readonly saga_id: string | null;
  readonly message_id: string | null;
  readonly message_type: string;
  readonly service: string;
  /** How often this message was replayed without success before. */
  readonly replays: number;
  /** The total of its checkout, in minor units; null if there is none or it is not priced yet. */
  readonly amount_cents: number | null;
  readonly currency: string | null;
  readonly units: number;
  readonly planned: Planned;
  /** Why it is skipped or refused; otherwise null. */
  readonly why: string | null;
}

/** Who acts, from a verified token, never typed. */
export interface Operator extends Pick<Actor, "name" | "role"> {
  /** Where they are, an IP address; absent if it is not known, as for the command line. */
  readonly address?: string;
}

export type Refusal =
  /** The role may not do this. */
  | "not-permitted"
  /** There is no plan with this id, or no dead letter with one of the ids. */
  | "not-found"
  /** No dead letter matches the filter. */
  | "nothing-matches"
  /** All that match are handled. */
  | "nothing-open"
  | "too-many"
  /** The selection, the reason or the rate is malformed. */
  | "invalid"
  | "reason-too-short"
  /** The typed count is missing or wrong, or for a quarantined message the typed id. */
  | "wrong-confirmation"
  | "expired"
  /** The state does not allow it; the message names the state. */
  | "wrong-state"
  /** A quarantined message needs a plan of its own, by its id. */
  | "quarantined";

/** An act on a plan or run that was refused. `message` says why and what to do, for people; `refusal` is for programs. */
export class PlanRefused extends AppError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string) {
    super("MESSAGE_INVALID", message);
    this.name = "PlanRefused";
    this.refusal = refusal;
  }
}

/** True if the message may only be replayed by its id, with its own confirmation. */
export function isQuarantined(replays: number): boolean {
  return replays >= QUARANTINE_REPLAYS;
}

export function quarantineText(replays: number): string {
  return `quarantined: it was replayed ${replays} times without success, so only a plan of its id alone may send it again`;
}

/**
 * A mail, or word of a parcel, which leads to a mail at most. Every other message may move money or stock, an event by the commands that
 * follow it.
 */
function movesNothing(type: string): boolean {
  if (type === "OrderShipped" || type === "OrderDelivered") return true;
  return isMessageType(type) && MESSAGES[type].topic === TOPICS.notifications;
}

export function totalsOf(items: readonly PlanItem[]): Totals {
  const acts = items.filter(({ planned }) => planned === "send" || planned === "discard");
  const priced = new Map<string, { readonly currency: string; readonly amount_cents: number }>();
  for (const { saga_id, amount_cents, currency, message_type } of acts)
    if (!movesNothing(message_type) && saga_id !== null && amount_cents !== null && currency !== null)
      priced.set(saga_id, { currency, amount_cents });
  const money = [...Map.groupBy(priced.values(), ({ currency }) => currency)]
    .map(([currency, sagas]) => ({
      currency,
      amount_cents: sagas.reduce((sum, saga) => sum + saga.amount_cents, 0),
      sagas: sagas.length,
    }))
    .toSorted((one, other) => (one.currency < other.currency ? -1 : 1));
  return {
    acts: acts.length,
    units: acts.reduce((sum, { units }) => sum + units, 0),
    skipped: items.filter(({ planned }) => planned === "skip").length,
    refused: items.filter(({ planned }) => planned === "refuse").length,
    money,
  };
}

/** True if the start needs the typed count. */
export function needsTypedCount({ units, money }: Totals): boolean {
  return units > COUNT_UNTYPED || money.length > 0;
}

/** `12 items, 40.00 EUR of 3 checkouts`, for people. */
export function describeTotals({ units, money }: Totals): string {
  const sums = money.map(
    ({ amount_cents, currency, sagas }) =>
      `${moneyText(amount_cents, currency)} of ${sagas} checkout${sagas === 1 ? "" : "s"}`,
  );
  return [`${units} message${units === 1 ? "" : "s"}`, ...sums].join(", ");
}

export interface StartRequest {
  readonly reason: string;
  /** The number that the operator typed; null if none was. */
  readonly typedCount: number | null;
  /** The dead letter id that the operator typed, for a quarantined message. */
  readonly typedId?: string | null;
  /** As `RunRow.pause_after`. */
  readonly pauseAfter?: number | null;
}

/** A plan at its start. */
export interface Startable {
  readonly state: RunState;
  readonly totals: Totals;
  readonly allows_quarantined: boolean;
  /** The only item of a plan that allows a quarantined message. */
  readonly only_subject: string | null;
}

/** Why the plan may not start; null if it may. */
export function refusalToStart(plan: Startable, request: StartRequest): PlanRefused | null {
  if (plan.state === "expired")
    return new PlanRefused(
      "expired",
      `the plan is older than ${PLAN_EXPIRES_MS / 60_000} minutes and has expired: make a new one`,
    );
  if (plan.state !== "draft")
    return new PlanRefused("wrong-state", `the plan was started before: it is ${plan.state}`);
  const refusal = reasonFault(request.reason);
  if (refusal !== null) return refusal;
  const fault = pauseAfterFault(request.pauseAfter ?? null);
  if (fault !== null) return fault;
  if (plan.allows_quarantined && request.typedId !== plan.only_subject)
    return new PlanRefused(
      "wrong-confirmation",
      `the message is quarantined: confirm its replay with its id, ${plan.only_subject}`,
    );
  if (plan.allows_quarantined || !needsTypedCount(plan.totals)) return null;
  if (request.typedCount === plan.totals.units) return null;
  const typed = request.typedCount === null ? "it was not typed" : `${request.typedCount} was typed`;
  return new PlanRefused(
    "wrong-confirmation",
    `the plan acts on ${describeTotals(plan.totals)}: confirm it with the count ${plan.totals.units} (${typed})`,
  );
}

/** A bulk act affects many people's checkouts, so "x" is no reason for it. Null if the reason will do. */
export function reasonFault(reason: string): PlanRefused | null {
  if (reason.trim().length >= MIN_REASON_LENGTH) return null;
  return new PlanRefused(
    "reason-too-short",
    `the reason must have at least ${MIN_REASON_LENGTH} characters: say why, for whoever reads the audit trail`,
  );
}

const MAX_PAUSE_AFTER = 1_000_000_000;

/** Null if a run can pause itself after this many messages, or is not asked to. */
export function pauseAfterFault(pauseAfter: number | null): PlanRefused | null {
  if (pauseAfter === null) return null;
  if (Number.isSafeInteger(pauseAfter) && pauseAfter >= 1 && pauseAfter <= MAX_PAUSE_AFTER) return null;
  return new PlanRefused(
    "invalid",
    `a run pauses itself after a whole number of messages, from 1 to ${MAX_PAUSE_AFTER}`,
  );
}

/** What a person does to a run, or to the rate of a plan. */
export type SteeringAct = "pause" | "resume" | "stop" | "change the rate of";

/** The states from which each act is possible. */
const POSSIBLE: Readonly<Record<SteeringAct, readonly RunState[]>> = {
  pause: ["running"],
  resume: ["paused"],
  stop: ["running", "paused"],
  "change the rate of": ["draft", "running", "paused"],
};

/** Why a run in this state cannot be paused, resumed, stopped or changed; null if it can. */
export function refusalToSteer(act: SteeringAct, state: RunState): PlanRefused | null {
  if (POSSIBLE[act].includes(state)) return null;
  return new PlanRefused("wrong-state", `cannot ${act} a run that is ${state}`);
}
