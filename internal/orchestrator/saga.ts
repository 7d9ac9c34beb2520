// The one decision function of the saga: from where a saga stands and one input, it decides where the saga stands next and what it
// sends. Pure: no clock, no randomness, no I/O. Called by handler.ts for events, timers.ts for deadlines, and by the model explorer
// for everything.
import type { StartSaga } from "../../schemas/http.ts";
import { cappedBackoff } from "../kernel/backoff.ts";
import { assert, assertNever } from "../kernel/errors.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { afterAction, lateness, moreTime, waitForShopper } from "./action.ts";
import { firstCommand, notification, stepCommand, undoCommand } from "./commands.ts";
import { applyReply, checkPrice, failureOf, shortLines } from "./reply.ts";
import { isShippingEvent, shippingMail } from "./shipping.ts";
import {
  DEFAULT_PROVIDER,
  type Failure,
  ownFailure,
  type Saga,
  type SagaInput,
  statusOf,
  type Transition,
} from "./state.ts";
import {
  indexOf,
  isLeftOut,
  paymentIndex,
  rowOf,
  statusDuring,
  type Step,
  type StepRow,
  type Table,
  tableOf,
  undoOrder,
} from "./steps.ts";

export interface SagaPolicy {
  /** The deadline of the whole forward path, in milliseconds. After it the saga starts to compensate by itself. */
  readonly forwardDeadlineMs: number;
  /**
   * How long the saga waits for its shopper, when the bank wants the payment confirmed, and how much longer if they ask; at most
   * MAX_ACTION_MS in all.
   */
  readonly actionDeadlineMs: number;
  /** An undo without a reply is sent again after this time, which doubles up to `resendCapMs`. */
  readonly resendFirstMs: number;
  readonly resendCapMs: number;
  /** From this many resends on, an operator has to look. */
  readonly resendsBeforeOperator: number;
  /** New sagas of these providers authorize before they capture (table 2); those of others charge at once (table 1). */
  readonly authorizeFirst: ReadonlySet<string>;
}

/** The version of the saga table on which a new saga starts. */
function tableFor({ provider = DEFAULT_PROVIDER }: StartSaga, { authorizeFirst }: SagaPolicy): number {
  return authorizeFirst.has(provider) ? 2 : 1;
}

/** The result of every (state, input) pair. `alert` only occurs when something is broken. */
export type Verdict =
  | { readonly kind: "transition" }
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "alert"; readonly reason: string };

export interface Decision {
  readonly saga: Saga;
  readonly out: readonly Outgoing[];
  readonly history: readonly Transition[];
  readonly verdict: Verdict;
}

/** A new saga with its first command. `now` in epoch ms. `table_version` only if it is known: of a saga that is rebuilt. */
export function startSaga(
  saga_id: string,
  request: StartSaga,
  now: number,
  policy: SagaPolicy,
  table_version = tableFor(request, policy),
): Decision {
  const saga: Saga = {
    saga_id,
    user_id: request.user_id,
    email: request.email,
    items: request.items,
    currency: request.currency,
    expected_total_cents: request.expected_total_cents ?? null,
    shipping_address: request.shipping_address,
    payment_method: request.payment_method,
    shopper_present: request.shopper_present ?? false,
    language: request.language ?? null,
    provider: request.provider ?? null,
    table_version,
    position: { kind: "forward", at: "reserve" },
    priced_items: null,
    total_cents: null,
    lines_short: null,
    payment_succeeded: false,
    action_expires_at: null,
    card: null,
    action_latest_at: null,
    needs_operator: false,
    deadline_at: now + policy.forwardDeadlineMs,
    created_at: now,
    updated_at: now,
    completed_at: null,
  };
  const started: Transition = { from: "STARTED", to: "STARTED", step: "reserve", note: null };
  return {
    saga,
    out: [firstCommand(saga, request)],
    history: [started],
    verdict: { kind: "transition" },
  };
}

/** Decides one input. Repeated or reordered inputs lead to the same end. `now` in epoch ms. */
export function decide(saga: Saga, input: SagaInput, now: number, policy: SagaPolicy): Decision {
  if (isShippingEvent(input))
    return { ...ignore(saga, "shipping moves no saga"), out: shippingMail(saga, input) };
  switch (saga.position.kind) {
    case "forward":
      return decideForward(saga, saga.position.at, input, now, policy);
    case "compensating":
      return decideCompensating(saga, saga.position, input, now, policy);
    case "completed":
      // Only a compensating saga sends an undo, so a completed saga cannot get the reply of one.
      return isUndoReply(tableOf(saga), input)
        ? alert(saga, `${input.type} for a completed saga`)
        : ignore(saga, "saga is completed");
    case "compensated":
      return ignore(saga, "saga is compensated");
    default:
      return assertNever(saga.position);
  }
}

function decideForward(saga: Saga, at: Step, input: SagaInput, now: number, policy: SagaPolicy): Decision {
  const table = tableOf(saga);
  const row = rowOf(table, at);
  // A refusal means that nothing happened in this step: only the steps before it are undone. In every other case the command of the
  // step was sent and may still take effect, so the step is undone too.
  const uncertain = (failure: Failure) =>
    startCompensation(saga, at, indexOf(table, at) + 1, failure, now, policy);

  if (input.type === row.success) return succeed(saga, at, input, now, policy);
  if (input.type === row.refusal) {
    const lines_short = input.type === "InsufficientStock" ? shortLines(input) : null;
    return startCompensation(
      { ...saga, lines_short },
      at,
      indexOf(table, at),
      failureOf(input, saga),
      now,
      policy,
    );
  }

  switch (input.type) {
    case "DeadlinePassed":
      if (saga.deadline_at === null || now < saga.deadline_at)
        return ignore(saga, "the deadline has not passed");
      return uncertain(lateness(saga, row.command));
    case "OperatorCancel":
      return uncertain(ownFailure("OPERATOR_CANCELLED", input.reason));
    case "ReservationExpired":
      if (!row.compensateOnHoldExpiry)
        return ignore(saga, "the confirm decides whether the stock is still there");
      return uncertain(ownFailure("RESERVATION_EXPIRED", "the reservation expired"));
    case "PaymentActionRequired": {
      if (!row.mayAskShopper || saga.action_expires_at !== null) break;
      const waiting = waitForShopper(saga, input, now, policy);
      return transition(waiting.saga, waiting.out, waiting.history);
    }
    case "ShopperNeedsTime": {
      const more = moreTime(saga, now, policy);
      if (more.kind === "granted") return transition(more.saga, more.out, more.history);
      return ignore(
        saga,
        more.kind === "had" ? "the shopper has had more time" : `no more time: ${more.reason}`,
      );
    }
    case "CommandDeadLettered":
      if (input.command_type !== row.command)
        return ignore(saga, "the saga no longer waits for that command");
      // The saga stays where it is: an operator may replay the command before the deadline starts the compensation.
      return flagged(saga, input.command_type, now);
    case "CommandRefused":
      return alert(saga, `${input.command_type} was refused although the saga never undid that step`);
    default:
      break;
  }
  return isPast(saga, at, input)
    ? ignore(saga, "that step is already done")
    : alert(saga, `${input.type} in step ${at}`);
}

/** The input belongs to what the saga has behind it: a step that succeeded, or the shopper's action. */
function isPast(saga: Saga, at: Step, input: SagaInput): boolean {
  const table = tableOf(saga);
  const index = indexOf(table, at);
  if (input.type === "PaymentActionRequired")
    return index > paymentIndex(table) || saga.action_expires_at !== null;
  // Nothing waits for it (action.ts).
  if (input.type === "ReservationExtended") return saga.shopper_present && index >= paymentIndex(table);
  return table.slice(0, index).some((done) => done.success === input.type);
}

/** Stores the result of a step that succeeded, then starts the next step or finishes the saga. */
function succeed(saga: Saga, at: Step, input: SagaInput, now: number, policy: SagaPolicy): Decision {
  const table = tableOf(saga);
  const index = indexOf(table, at);
  const updated = { ...afterAction(applyReply(saga, input), now, policy), updated_at: now };
  const priceError = checkPrice(updated);
  if (priceError !== null) return startCompensation(updated, at, index + 1, priceError, now, policy);

  const before = statusOf(saga);
  const isTaken = (row: StepRow) => !isLeftOut(row, updated.total_cents);
  const ahead = table.slice(index + 1);
  const next = ahead.find(isTaken);
  if (next !== undefined) {
    const moved: Saga = { ...updated, position: { kind: "forward", at: next.step } };
    // The timeline also shows the skipped steps, so that it reads like any other.
    const way = [...ahead.slice(0, ahead.indexOf(next)), next].map(({ step }) => ({
      to: statusDuring(table, step),
      step,
      note: step === next.step ? null : "skipped: there is nothing to pay",
    }));
    const history = way.map((stop, nth) => ({ from: way[nth - 1]?.to ?? before, ...stop }));
    return transition(moved, [stepCommand(moved, next.step)], history);
  }
  assert(input.type === "OrderCreated", "the last step of the table creates the order");
  const completed = finish(updated, { kind: "completed", at, order_id: input.order_id }, now);
  const created = rowOf(table, at).statusAfter;
  return transition(
    completed,
    [notification(completed)],
    [
      { from: before, to: created, step: at, note: null },
      { from: created, to: "COMPLETED", step: at, note: null },
    ],
  );
}

function decideCompensating(
  saga: Saga,
  position: Extract<Saga["position"], { kind: "compensating" }>,
  input: SagaInput,
  now: number,
  policy: SagaPolicy,
): Decision {
  const table = tableOf(saga);
  const undo = rowOf(table, position.undoing).undo;
  assert(undo !== null, `step ${position.undoing} has no undo`);

  if (input.type === "DeadlinePassed") {
    if (saga.deadline_at === null || now < saga.deadline_at)
      return ignore(saga, "the deadline has not passed");
    const resends = position.resends + 1;
    const needs_operator = saga.needs_operator || resends >= policy.resendsBeforeOperator;
    const again: Saga = {
      ...saga,
      position: { ...position, resends },
      needs_operator,
      deadline_at: now + cappedBackoff(resends, policy.resendFirstMs, policy.resendCapMs),
      updated_at: now,
    };
    const asks = needs_operator && !saga.needs_operator ? ", an operator is needed" : "";
    const note = `no reply, sent again (${resends})${asks}`;
    return transition(
      again,
      [undoCommand(again, position.undoing)],
      [{ from: "COMPENSATING", to: "COMPENSATING", step: position.undoing, note }],
    );
  }
  if (input.type === "OperatorCancel" || input.type === "ShopperNeedsTime")
    return ignore(saga, "saga is already compensating");
  if (input.type === "CommandDeadLettered" && isUndoCommand(table, input.command_type))
    return flagged(saga, input.command_type, now);
  if (undo.replies.includes(input.type)) {
    const order = toUndo(saga, position.at, indexOf(table, position.undoing));
    return undoNext(applyReply(saga, input), position.at, order, position.failure, now, policy);
  }
  if (isUndoReply(table, input)) {
    const later = table.slice(indexOf(table, position.undoing) + 1);
    const asked = later.some((row) => row.undo?.replies.includes(input.type));
    return asked
      ? ignore(saga, "that undo is already done")
      : alert(saga, `${input.type} answers no undo of this saga`);
  }
  return ignore(saga, "the undo in progress settles it");
}

/** Starts the compensation: undoes the steps before index `until`, last first. */
function startCompensation(
  saga: Saga,
  at: Step,
  until: number,
  failure: Failure,
  now: number,
  policy: SagaPolicy,
): Decision {
  return undoNext(saga, at, toUndo(saga, at, until), failure, now, policy);
}

/**
 * The steps before index `until` whose command was written, last first. The command of step `at` was written, or the saga would not
 * stand there; that includes the charge of nothing that an older binary has sent.
 */
function toUndo(saga: Saga, at: Step, until: number): readonly Step[] {
  const table = tableOf(saga);
  return undoOrder(table, until).filter(
    (step) => step === at || !isLeftOut(rowOf(table, step), saga.total_cents),
  );
}

/** Sends the first undo of `order`, or finishes the saga when nothing is left to undo. */
function undoNext(
  saga: Saga,
  at: Step,
  order: readonly Step[],
  failure: Failure,
  now: number,
  policy: SagaPolicy,
): Decision {
  const from = statusOf(saga);
  const note = saga.position.kind === "forward" ? failure.code : null;
  const [undoing] = order;
  if (undoing === undefined) {
    const ended = finish(saga, { kind: "compensated", at, failure }, now);
    return transition(ended, [notification(ended)], [{ from, to: "COMPENSATED", step: at, note }]);
  }
  const moved: Saga = {
    ...saga,
    position: { kind: "compensating", at, undoing, failure, resends: 0 },
    action_expires_at: null,
    deadline_at: now + policy.resendFirstMs,
    updated_at: now,
  };
  return transition(
    moved,
    [undoCommand(moved, undoing)],
    [{ from, to: "COMPENSATING", step: undoing, note }],
  );
}

function isUndoReply(table: Table, input: SagaInput): boolean {
  return table.some((row) => row.undo?.replies.some((reply) => reply === input.type));
}

function isUndoCommand(table: Table, type: string): boolean {
  return table.some(({ undo }) => undo !== null && (undo.command === type || undo.commandOncePaid === type));
}

function finish(saga: Saga, position: Saga["position"], now: number): Saga {
  return {
    ...saga,
    position,
    // The sealed payment method is no longer needed, and data that is not kept cannot leak.
    payment_method: null,
    // A finished saga needs no operator. The history keeps that one was needed.
    needs_operator: false,
    action_expires_at: null,
    deadline_at: null,
    updated_at: now,
    completed_at: now,
  };
}

/** The saga stays where it is and asks for an operator. */
function flagged(saga: Saga, commandType: string, now: number): Decision {
  if (saga.needs_operator) return ignore(saga, "an operator is already needed");
  const status = statusOf(saga);
  const step = saga.position.kind === "compensating" ? saga.position.undoing : saga.position.at;
  const note = `${commandType} was dead-lettered, an operator is needed`;
  return transition(
    { ...saga, needs_operator: true, updated_at: now },
    [],
    [{ from: status, to: status, step, note }],
  );
}

function transition(saga: Saga, out: readonly Outgoing[], history: readonly Transition[]): Decision {
  return { saga, out, history, verdict: { kind: "transition" } };
}

function ignore(saga: Saga, reason: string): Decision {
  return { saga, out: [], history: [], verdict: { kind: "ignored", reason } };
}

function alert(saga: Saga, reason: string): Decision {
  return { saga, out: [], history: [], verdict: { kind: "alert", reason } };
}
