// Cancels the order of a completed checkout: a saga of its own, which only goes forward (docs/adr/0015). From where a cancellation
// stands and one input, it decides where it stands next and what it sends. Pure. Called by saga-batch.ts for replies,
// order-cancellation-timers.ts for deadlines and cancel-order.ts for the start.
import type { Event, OrderCancelRefused } from "../../schemas/events.ts";
import { ERASED } from "../../schemas/fields.ts";
import { cappedBackoff } from "../kernel/backoff.ts";
import { assert, assertNever } from "../kernel/errors.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { mailTo } from "./commands.ts";
import type { SagaPolicy } from "./saga.ts";
import type { Saga } from "./state.ts";

export type CancellationStep = "order" | "refund" | "release";

export interface OrderCancellation {
  readonly cancellation_id: string;
  /** The checkout. All messages carry its id, because the services find their rows by it. */
  readonly saga_id: string;
  readonly order_id: string;
  /** `REFUSED`: the order was on its way already, and nothing was done. */
  readonly status: "CANCELLING" | "CANCELLED" | "REFUSED";
  /** The step in progress, or the last one. */
  readonly step: CancellationStep;
  /** Why it was refused: the status that the order had. */
  readonly order_status: string | null;
  /** How often the command of the step was sent again. */
  readonly resend_count: number;
  readonly needs_operator: boolean;
  /** When the command is sent again. Epoch ms; null when finished. */
  readonly deadline_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

export interface CancellationDecision {
  /** The same object if nothing changed. */
  readonly cancellation: OrderCancellation;
  readonly out: readonly Outgoing[];
}

/** What a cancellation needs of its checkout. */
export type CancelledSaga = Pick<
  Saga,
  "saga_id" | "user_id" | "email" | "currency" | "language" | "total_cents"
>;

interface StepRow {
  readonly step: CancellationStep;
  readonly command: "CancelOrder" | "RefundPayment" | "ReleaseInventory";
  /** Each of these settles the step. */
  readonly replies: readonly Event["type"][];
}

/** The order first, because only its row decides between shipping and cancelling; money before stock, as in a checkout. */
const STEPS: readonly StepRow[] = [
  { step: "order", command: "CancelOrder", replies: ["OrderCancelled"] },
  { step: "refund", command: "RefundPayment", replies: ["RefundCompleted"] },
  { step: "release", command: "ReleaseInventory", replies: ["InventoryReleased"] },
];

/** The command whose reply moves a cancellation that is in this step. */
export function commandOfStep(wanted: CancellationStep): string {
  return STEPS.find(({ step }) => step === wanted)?.command ?? wanted;
}

const REPLIES: ReadonlySet<string> = new Set([
  ...STEPS.flatMap(({ replies }) => replies),
  "OrderCancelRefused",
  "PaymentCancelled",
]);

/** Whether a cancellation may wait for this event. No checkout that succeeds gets one. */
export function isCancellationReply({ type }: { readonly type: string }): boolean {
  return REPLIES.has(type);
}

/** A new cancellation with its first command. The checkout must be completed. `now` in epoch ms. */
export function startCancellation(
  cancellation_id: string,
  saga: Saga,
  now: number,
  policy: SagaPolicy,
): CancellationDecision {
  assert(saga.position.kind === "completed", "only the order of a completed checkout is cancelled");
  const cancellation: OrderCancellation = {
    cancellation_id,
    saga_id: saga.saga_id,
    order_id: saga.position.order_id,
    status: "CANCELLING",
    step: "order",
    order_status: null,
    resend_count: 0,
    needs_operator: false,
    deadline_at: now + policy.resendFirstMs,
    created_at: now,
    updated_at: now,
    completed_at: null,
  };
  return { cancellation, out: [commandOf(cancellation)] };
}

/** Decides one event. Repeated or reordered events lead to the same end. `now` in epoch ms. */
export function decideCancellation(
  cancellation: OrderCancellation,
  saga: CancelledSaga,
  event: Event,
  now: number,
  policy: SagaPolicy,
): CancellationDecision {
  const unchanged = { cancellation, out: [] };
  // A refused one whose order is cancelled all the same: an operator had set it back, and a late command found it. It needs its refund.
  const isReopened = cancellation.status === "REFUSED" && event.type === "OrderCancelled";
  if (cancellation.status !== "CANCELLING" && !isReopened) return unchanged;
  // The checkout was paid, so "no money was taken" means that the payment's row is wrong: a person has to look.
  if (event.type === "PaymentCancelled")
    return cancellation.step === "refund"
      ? { cancellation: { ...cancellation, needs_operator: true, updated_at: now }, out: [] }
      : unchanged;
  if (event.type === "OrderCancelRefused") {
    if (cancellation.step !== "order" || isOfAnother(cancellation, event)) return unchanged;
    return {
      cancellation: { ...ended(cancellation, now), status: "REFUSED", order_status: event.order_status },
      out: [],
    };
  }
  const at = STEPS.findIndex(({ step }) => step === cancellation.step);
  if (STEPS[at]?.replies.includes(event.type) !== true) return unchanged;
  const next = STEPS.slice(at + 1).find(({ step }) => step !== "refund" || saga.total_cents !== 0);
  if (next === undefined)
    return {
      cancellation: { ...ended(cancellation, now), status: "CANCELLED" },
      out: mailOf(saga, cancellation),
    };
  const moved: OrderCancellation = {
    ...cancellation,
    status: "CANCELLING",
    order_status: null,
    completed_at: null,
    step: next.step,
    resend_count: 0,
    needs_operator: false,
    deadline_at: now + policy.resendFirstMs,
    updated_at: now,
  };
  return { cancellation: moved, out: [commandOf(moved)] };
}

/** Whether this is the reply to a command of an earlier cancellation. Older order services do not say. */
function isOfAnother(
  { cancellation_id }: OrderCancellation,
  { idempotency_key }: OrderCancelRefused,
): boolean {
  return idempotency_key !== undefined && idempotency_key !== keyOf(cancellation_id, "order");
}

function keyOf(cancellation_id: string, step: CancellationStep): string {
  return `${cancellation_id}:${step}`;
}

/** Sends the command of the step again if its deadline has passed. */
export function resendCommand(
  cancellation: OrderCancellation,
  now: number,
  policy: SagaPolicy,
): CancellationDecision {
  if (
    cancellation.status !== "CANCELLING" ||
    cancellation.deadline_at === null ||
    now < cancellation.deadline_at
  )
    return { cancellation, out: [] };
  const resend_count = cancellation.resend_count + 1;
  const again: OrderCancellation = {
    ...cancellation,
    resend_count,
    // Only a reply settles what an operator was called for.
    needs_operator: cancellation.needs_operator || resend_count >= policy.resendsBeforeOperator,
    deadline_at: now + cappedBackoff(resend_count, policy.resendFirstMs, policy.resendCapMs),
    updated_at: now,
  };
  return { cancellation: again, out: [commandOf(again)] };
}

function ended(cancellation: OrderCancellation, now: number): OrderCancellation {
  return { ...cancellation, needs_operator: false, deadline_at: null, updated_at: now, completed_at: now };
}

/** The key has the cancellation's id: a rebuild must not take the command for an undo of the checkout. */
function commandOf({ cancellation_id, saga_id, step }: OrderCancellation): Outgoing {
  const key = { saga_id, idempotency_key: keyOf(cancellation_id, step) };
  switch (step) {
    case "order":
      return { type: "CancelOrder", ...key, refuse_if_shipped: true };
    case "refund":
      return { type: "RefundPayment", ...key };
    case "release":
      return { type: "ReleaseInventory", ...key };
    default:
      return assertNever(step);
  }
}

/** None after the shopper's address was erased. */
function mailOf(saga: CancelledSaga, { order_id }: OrderCancellation): readonly Outgoing[] {
  if (saga.email === ERASED.email) return [];
  const total = saga.total_cents === null ? {} : { total_cents: saga.total_cents };
  return [{ ...mailTo(saga), template: "order_cancelled", order_id, ...total }];
}
