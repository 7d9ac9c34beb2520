// A charge that waits for the shopper, who must confirm it at the bank. The saga stays in its step and waits longer, and its stock is
// held longer. Nothing waits for the reply to that: if the hold is gone, inventory answers ReservationExpired, which starts the
// compensation as ever; if the reply is lost, the hold expires, with the same event. Pure; called by saga.ts.
import { MAX_HOLD_FOR_MS } from "../../schemas/commands.ts";
import type { PaymentActionRequired } from "../../schemas/events.ts";
import { epochMsOf } from "../kernel/timestamp.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { type Failure, ownFailure, type Saga } from "./state.ts";

/** The longest time for which a saga waits for its shopper: one must be able to find a phone, and stock is held meanwhile. */
export const MAX_ACTION_MS = 10 * 60 * 1_000;

interface ActionPolicy {
  readonly actionDeadlineMs: number;
  readonly forwardDeadlineMs: number;
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
): { readonly saga: Saga; readonly out: readonly Outgoing[] } {
  const offeredMs = Math.max(0, epochMsOf(event.expires_at) - epochMsOf(event.occurred_at));
  const waitMs = Math.min(offeredMs, policy.actionDeadlineMs, MAX_ACTION_MS);
  const action_expires_at = now + waitMs;
  const { saga_id } = saga;
  const extend: Outgoing = {
    type: "ExtendReservation",
    saga_id,
    idempotency_key: `${saga_id}:reserve:extend`,
    // For the rest of the way too: the shopper may confirm at the last moment.
    hold_for_ms: Math.min(waitMs + policy.forwardDeadlineMs, MAX_HOLD_FOR_MS),
  };
  const waiting = { ...saga, action_expires_at, deadline_at: action_expires_at, updated_at: now };
  return { saga: waiting, out: [extend] };
}

/** The shopper was the slow part of the charge: the rest of the way has the time of a whole one. */
export function afterAction(saga: Saga, now: number, policy: ActionPolicy): Saga {
  if (!isAtCharge(saga) || saga.action_expires_at === null) return saga;
  return { ...saga, action_expires_at: null, deadline_at: now + policy.forwardDeadlineMs };
}

/** Why a saga starts to compensate when its deadline passes while `command` has no reply. */
export function lateness(saga: Saga, command: string): Failure {
  return isAtCharge(saga) && saga.action_expires_at !== null
    ? ownFailure("PAYMENT_NOT_CONFIRMED", "the shopper did not confirm the payment in time")
    : ownFailure("DEADLINE_EXCEEDED", `no reply to ${command} in time`);
}

/** Older binaries leave the time of the action behind when the charge has succeeded. */
function isAtCharge({ position }: Saga): boolean {
  return position.kind === "forward" && position.at === "charge";
}
