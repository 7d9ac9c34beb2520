// The saga as a table. saga.ts walks it: it names the first step, the last event and what a reply brings, commands.ts what each command
// carries. docs/saga.md is drawn from it.
import type { Event } from "../../schemas/events.ts";
import type { Command } from "../../schemas/commands.ts";
import type { SagaStatus } from "../../schemas/http.ts";
import { AssertionError } from "../kernel/errors.ts";

/**
 * Stored with each saga. A change of STEPS needs a new version. A binary runs one version, and refuses to start while a saga of another
 * version is in progress (versions.ts).
 * Skipping a step that costs nothing (`onlyForMoney`) did not need one: older binaries continue such a saga from wherever it
 * stands. If they compensate it, they undo a charge that never happened, which leaves a tombstone.
 * Waiting for the shopper (action.ts) did not need one either: the saga stays in `charge`, and older binaries see only a later deadline.
 */
export const SAGA_TABLE_VERSION = 1;

export type Step = "reserve" | "charge" | "confirm" | "order";

export interface Undo {
  /** The command while it is unknown whether the step happened. */
  readonly command: Command["type"];
  /** The command once the step is known to have succeeded, if that makes a difference. */
  readonly commandAfterSuccess?: Command["type"];
  /** Each of these settles the step for good. */
  readonly replies: readonly Event["type"][];
}

export interface StepRow {
  readonly step: Step;
  readonly command: Command["type"];
  readonly success: Event["type"];
  readonly refusal: Event["type"];
  /** What the shopper sees after the step has succeeded. */
  readonly statusAfter: SagaStatus;
  /** Null when the undo of an earlier step covers this one. */
  readonly undo: Undo | null;
  /**
   * A hold that expires during this step makes the saga compensate. Not so in `confirm`, whose own reply tells whether the stock
   * could be taken again, nor after it.
   */
  readonly compensateOnHoldExpiry: boolean;
  /** Skipped in a checkout that costs nothing, because no provider charges nothing: no command, and so no undo. */
  readonly onlyForMoney: boolean;
}

export const STEPS: readonly StepRow[] = [
  {
    step: "reserve",
    command: "ReserveInventory",
    success: "InventoryReserved",
    refusal: "InsufficientStock",
    statusAfter: "INVENTORY_RESERVED",
    undo: { command: "ReleaseInventory", replies: ["InventoryReleased"] },
    compensateOnHoldExpiry: true,
    onlyForMoney: false,
  },
  {
    step: "charge",
    command: "ChargePayment",
    success: "PaymentSucceeded",
    refusal: "PaymentFailed",
    statusAfter: "PAYMENT_CHARGED",
    undo: {
      command: "CancelPayment",
      commandAfterSuccess: "RefundPayment",
      replies: ["PaymentCancelled", "RefundCompleted"],
    },
    compensateOnHoldExpiry: true,
    onlyForMoney: true,
  },
  {
    step: "confirm",
    command: "ConfirmReservation",
    success: "ReservationConfirmed",
    refusal: "ReservationLost",
    statusAfter: "PAYMENT_CHARGED",
    undo: null,
    compensateOnHoldExpiry: false,
    onlyForMoney: false,
  },
  {
    step: "order",
    command: "CreateOrder",
    success: "OrderCreated",
    refusal: "OrderFailed",
    statusAfter: "ORDER_CREATED",
    undo: { command: "CancelOrder", replies: ["OrderCancelled"] },
    compensateOnHoldExpiry: false,
    onlyForMoney: false,
  },
];

export function rowOf(step: Step): StepRow {
  const row = STEPS.find((candidate) => candidate.step === step);
  if (row === undefined) throw new AssertionError(`no step ${step} in the saga table`);
  return row;
}

export function indexOf(step: Step): number {
  return STEPS.indexOf(rowOf(step));
}

/** The status shown while `step` is in progress: what the step before it has reached. */
export function statusDuring(step: Step): SagaStatus {
  return STEPS[indexOf(step) - 1]?.statusAfter ?? "STARTED";
}

/** Whether a saga with this total skips the step. */
export function isLeftOut({ onlyForMoney }: StepRow, total_cents: number | null): boolean {
  return onlyForMoney && total_cents === 0;
}

/** The steps to undo, last first, when the saga starts to compensate with steps 0..`until` (exclusive) written. */
export function undoOrder(until: number): readonly Step[] {
  return STEPS.slice(0, until)
    .filter((row) => row.undo !== null)
    .map((row) => row.step)
    .toReversed();
}
