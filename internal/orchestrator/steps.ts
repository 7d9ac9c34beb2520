// The saga as a table, in two versions. saga.ts walks it: it names the first step, the last event and what a reply brings, commands.ts what
// each command carries. docs/saga.md is drawn from it.
import type { Event } from "../../schemas/events.ts";
import type { Command } from "../../schemas/commands.ts";
import type { SagaStatus } from "../../schemas/http.ts";
import { AssertionError } from "../kernel/errors.ts";

export type Step = "reserve" | "charge" | "authorize" | "confirm" | "capture" | "order";

export interface Undo {
  /** The command while it is unknown whether the step happened. */
  readonly command: Command["type"];
  /** The command once the saga knows that money was taken, if that makes a difference. */
  readonly commandOncePaid?: Command["type"];
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
   * A hold that expires during this step makes the saga compensate. Not in `confirm`, whose reply says whether the stock
   * could be taken again, and not after it.
   */
  readonly compensateOnHoldExpiry: boolean;
  /** Skipped in a checkout that costs nothing, because no provider charges nothing: no command, and so no undo. */
  readonly onlyForMoney: boolean;
  /** The bank may want the shopper to confirm the payment in this step (action.ts). A table has one such step: the first about money. */
  readonly mayAskShopper: boolean;
}

export type Table = readonly StepRow[];

const RESERVE: StepRow = {
  step: "reserve",
  command: "ReserveInventory",
  success: "InventoryReserved",
  refusal: "InsufficientStock",
  statusAfter: "INVENTORY_RESERVED",
  undo: { command: "ReleaseInventory", replies: ["InventoryReleased"] },
  compensateOnHoldExpiry: true,
  onlyForMoney: false,
  mayAskShopper: false,
};

const CONFIRM = {
  step: "confirm",
  command: "ConfirmReservation",
  success: "ReservationConfirmed",
  refusal: "ReservationLost",
  undo: null,
  compensateOnHoldExpiry: false,
  onlyForMoney: false,
  mayAskShopper: false,
} as const;

const ORDER: StepRow = {
  step: "order",
  command: "CreateOrder",
  success: "OrderCreated",
  refusal: "OrderFailed",
  statusAfter: "ORDER_CREATED",
  undo: { command: "CancelOrder", replies: ["OrderCancelled"] },
  compensateOnHoldExpiry: false,
  onlyForMoney: false,
  mayAskShopper: false,
};

const SETTLE_PAYMENT: Undo = {
  command: "CancelPayment",
  commandOncePaid: "RefundPayment",
  replies: ["PaymentCancelled", "RefundCompleted"],
};

/** The money is taken before the stock is confirmed. */
const CHARGE_FIRST: Table = [
  RESERVE,
  {
    step: "charge",
    command: "ChargePayment",
    success: "PaymentSucceeded",
    refusal: "PaymentFailed",
    statusAfter: "PAYMENT_CHARGED",
    undo: SETTLE_PAYMENT,
    compensateOnHoldExpiry: true,
    onlyForMoney: true,
    mayAskShopper: true,
  },
  { ...CONFIRM, statusAfter: "PAYMENT_CHARGED" },
  ORDER,
];

/** The money is held at the bank, and taken once the stock is confirmed: a lost reservation costs the shopper nothing. */
const AUTHORIZE_FIRST: Table = [
  RESERVE,
  {
    step: "authorize",
    command: "AuthorizePayment",
    success: "PaymentAuthorized",
    refusal: "PaymentFailed",
    statusAfter: "INVENTORY_RESERVED",
    undo: SETTLE_PAYMENT,
    compensateOnHoldExpiry: true,
    onlyForMoney: true,
    mayAskShopper: true,
  },
  { ...CONFIRM, statusAfter: "INVENTORY_RESERVED" },
  {
    step: "capture",
    command: "CapturePayment",
    success: "PaymentSucceeded",
    refusal: "PaymentFailed",
    statusAfter: "PAYMENT_CHARGED",
    undo: null,
    compensateOnHoldExpiry: false,
    onlyForMoney: true,
    mayAskShopper: false,
  },
  ORDER,
];

/**
 * By version, which is stored with each saga: a saga ends on the table on which it started. A change of a table needs a new version. A
 * binary refuses to start while a saga of a version that is not here is in progress (versions.ts).
 * In table 1, skipping a step that costs nothing (`onlyForMoney`) did not need one: older binaries continue such a saga from wherever it
 * stands. If they compensate it, they undo a charge that never happened, which leaves a tombstone.
 * Waiting for the shopper (action.ts) did not need one either: the saga stays in its step, and older binaries see only a later deadline.
 */
export const TABLES: ReadonlyMap<number, Table> = new Map([
  [1, CHARGE_FIRST],
  [2, AUTHORIZE_FIRST],
]);

/** The table of a saga. */
export function tableOf({ table_version }: { readonly table_version: number }): Table {
  const table = TABLES.get(table_version);
  if (table === undefined) throw new AssertionError(`no version ${table_version} of the saga table`);
  return table;
}

export function rowOf(table: Table, step: Step): StepRow {
  const row = table.find((candidate) => candidate.step === step);
  if (row === undefined) throw new AssertionError(`no step ${step} in the saga table`);
  return row;
}

export function indexOf(table: Table, step: Step): number {
  return table.indexOf(rowOf(table, step));
}

/** The index of the first step about money. */
export function paymentIndex(table: Table): number {
  return table.findIndex(({ mayAskShopper }) => mayAskShopper);
}

/** The status shown while `step` is in progress: what the step before it has reached. */
export function statusDuring(table: Table, step: Step): SagaStatus {
  return table[indexOf(table, step) - 1]?.statusAfter ?? "STARTED";
}

/** Whether a saga with this total skips the step. */
export function isLeftOut({ onlyForMoney }: StepRow, total_cents: number | null): boolean {
  return onlyForMoney && total_cents === 0;
}

/** The steps to undo, last first, when the saga starts to compensate with steps 0..`until` (exclusive) written. */
export function undoOrder(table: Table, until: number): readonly Step[] {
  return table
    .slice(0, until)
    .filter((row) => row.undo !== null)
    .map((row) => row.step)
    .toReversed();
}
