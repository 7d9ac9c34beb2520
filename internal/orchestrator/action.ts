// A charge or an authorization that waits for the shopper, who must confirm it at the bank. The saga stays in its step and waits longer, and its stock is
// held longer; the shopper may ask for more time, once. Nothing waits for the replies to that: if the hold is gone, inventory answers
// ReservationExpired, which starts the compensation as ever; if a reply is lost, the hold expires, with the same event. Pure; called by
// saga.ts and more-time.ts.
import { MAX_HOLD_FOR_MS } from "../../schemas/commands.ts";
import type { PaymentActionRequired } from "../../schemas/events.ts";
import type { Message } from "../../schemas/registry.ts";
import { epochMsOf } from "../kernel/timestamp.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { type Failure, ownFailure, type Saga, statusOf, type Transition } from "./state.ts";
import { rowOf, tableOf } from "./steps.ts";

/** The longest time for which a saga waits for its shopper: one must be able to find a phone, and stock is held meanwhile. */
export const MAX_ACTION_MS = 10 * 60 * 1_000;
/** Leaves room for more time, which is as long again. */
export const DEFAULT_ACTION_MS = MAX_ACTION_MS / 2;

/** The time limit of a checkout that waits for nobody, in ms. */
export const DEFAULT_FORWARD_DEADLINE_MS = 30_000;

interface ActionPolicy {
  readonly actionDeadlineMs: number;
  readonly forwardDeadlineMs: number;
}

interface Waiting {
  readonly saga: Saga;
  readonly out: readonly Outgoing[];
  readonly history: readonly Transition[];
}

/**
 * The saga with the deadline of the action, and the command that extends its hold. The event's two times are by one clock, so only
 * their distance counts.
 */
export function waitForShopper(
  saga: Saga,
  event: PaymentActionRequired,
  now: number,
  policy: ActionPolicy,
): Waiting {
  const offeredMs = Math.max(0, epochMsOf(event.expires_at) - epochMsOf(event.occurred_at));
  const longestMs = Math.min(offeredMs, MAX_ACTION_MS);
  const waitMs = Math.min(longestMs, policy.actionDeadlineMs);
  return {
    saga: {
      ...saga,
      action_expires_at: now + waitMs,
      action_latest_at: waitMs < longestMs ? now + longestMs : null,
      deadline_at: now + waitMs,
      updated_at: now,
    },
    out: [extension(saga, "extend", waitMs, policy)],
    history: [stays(saga, "the bank wants the shopper to confirm the payment")],
  };
}

/** Why a shopper gets no more time. */
export type NoMoreTime =
  | "not waiting"
  /** It is over, even if the saga has not acted on that yet: what the shopper was told does not depend on who is faster. */
  | "over"
  /** The wait is as long as it may be from the start: by the settings, or by what the bank offers. */
  | "longest";

export type MoreTime =
  /** `until`: the end of the wait now, epoch ms. */
  | ({ readonly kind: "granted"; readonly until: number } & Waiting)
  /** Before: the same answer again. */
  | { readonly kind: "had"; readonly until: number }
  | { readonly kind: "refused"; readonly reason: NoMoreTime };

/**
 * The shopper needs more time: as much again, once, and never later than the wait may last. Counts from the old end and not from
 * `now`, so a second press and another host's clock change nothing.
 */
export function moreTime(saga: Saga, now: number, policy: ActionPolicy): MoreTime {
  const { action_expires_at: endsAt, action_latest_at: latestAt } = saga;
  if (!isAtPayment(saga) || endsAt === null) return { kind: "refused", reason: "not waiting" };
  if (latestAt === null) return { kind: "refused", reason: "longest" };
  if (latestAt <= endsAt) return { kind: "had", until: endsAt };
  if (now >= endsAt) return { kind: "refused", reason: "over" };
  const until = Math.min(endsAt + policy.actionDeadlineMs, latestAt);
  return {
    kind: "granted",
    until,
    saga: {
      ...saga,
      action_expires_at: until,
      action_latest_at: until,
      deadline_at: until,
      updated_at: now,
    },
    out: [extension(saga, "extend:2", until - now, policy)],
    history: [stays(saga, "the shopper needs more time")],
  };
}

/** A wait for the shopper, from the command that extended the hold. Epoch ms. */
export interface RecordedWait {
  readonly at: number;
  readonly until: number;
}

/** The waits that a saga's sent messages prove: the first one, and more time. Null for none. For rebuild.ts. */
export function recordedWaits(
  saga_id: string,
  sent: readonly Message[],
  { forwardDeadlineMs }: Pick<ActionPolicy, "forwardDeadlineMs">,
): { readonly first: RecordedWait | null; readonly more: RecordedWait | null } {
  const recorded = (extend: "extend" | "extend:2") => {
    for (const message of sent) {
      if (message.type !== "ExtendReservation" || message.idempotency_key !== keyOf(saga_id, extend))
        continue;
      const at = epochMsOf(message.occurred_at);
      return { at, until: at + Math.max(0, message.hold_for_ms - forwardDeadlineMs) };
    }
    return null;
  };
  return { first: recorded("extend"), more: recorded("extend:2") };
}

function keyOf(saga_id: string, extend: "extend" | "extend:2"): string {
  return `${saga_id}:reserve:${extend}`;
}

/** Holds the stock for the wait, and for the rest of the way too: the shopper may confirm at the last moment. */
function extension(
  { saga_id }: Saga,
  extend: "extend" | "extend:2",
  waitMs: number,
  policy: ActionPolicy,
): Outgoing {
  return {
    type: "ExtendReservation",
    saga_id,
    idempotency_key: keyOf(saga_id, extend),
    hold_for_ms: Math.min(waitMs + policy.forwardDeadlineMs, MAX_HOLD_FOR_MS),
  };
}

function stays(saga: Saga, note: string): Transition {
  const status = statusOf(saga);
  return { from: status, to: status, step: saga.position.at, note };
}

/** The shopper was the slow part of the payment: the rest of the way has the time of a whole one. */
export function afterAction(saga: Saga, now: number, policy: ActionPolicy): Saga {
  if (!isAtPayment(saga) || saga.action_expires_at === null) return saga;
  return { ...saga, action_expires_at: null, deadline_at: now + policy.forwardDeadlineMs };
}

/** Why a saga starts to compensate when its deadline passes while `command` has no reply. */
export function lateness(saga: Saga, command: string): Failure {
  return isAtPayment(saga) && saga.action_expires_at !== null
    ? ownFailure("PAYMENT_NOT_CONFIRMED", "the shopper did not confirm the payment in time")
    : ownFailure("DEADLINE_EXCEEDED", `no reply to ${command} in time`);
}

/** Older binaries leave the time of the action behind when the charge has succeeded. */
function isAtPayment(saga: Saga): boolean {
  const { position } = saga;
  return position.kind === "forward" && rowOf(tableOf(saga), position.at).mayAskShopper;
}
