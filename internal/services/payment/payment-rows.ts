// Payments and refunds as rows of their tables, in both directions. Pure. Called by store.ts and lookup-store.ts.
import { assert, assertNever } from "../../kernel/errors.ts";
import { timestampOf, timestampOrNull } from "../../kernel/timestamp.ts";
import {
  chargeKey,
  factsOf,
  type CaptureMethod,
  isHeld,
  isOpen,
  type Payment,
  type PaymentStatus,
  type PendingRefund,
  refundKey,
  type ShopperAction,
} from "./payment.ts";

/** A row within the table's checks. Times in epoch ms. */
export interface PaymentRow {
  readonly payment_id: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  readonly currency: string | null;
  readonly payment_method: string | null;
  readonly provider_txn_id: string | null;
  readonly status: PaymentStatus;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly undo_requested: boolean;
  readonly attempts: number;
  readonly void_attempts: number;
  readonly first_attempt_at: number | null;
  readonly charge_asked_at: number | null;
  readonly next_attempt_at: number | null;
  readonly answer_by: number | null;
  readonly traceparent: string | null;
  readonly shopper_present: boolean;
  readonly action_txn_id: string | null;
  readonly action_expires_at: number | null;
  readonly provider: string;
  readonly capture: CaptureMethod;
  readonly capture_before: number | null;
  readonly hold_attempts: number;
  readonly created_at: number;
}

export interface RefundRow {
  readonly refund_id: string;
  readonly payment_id: string;
  readonly provider_refund_id: string | null;
  readonly error_code: string | null;
  readonly attempts: number;
  readonly next_attempt_at: number | null;
  /** The provider's ids of refunds that failed. */
  readonly failed_ids: readonly string[];
  readonly reported: boolean;
  readonly created_at: number;
}

export function paymentOf(row: PaymentRow, refund: RefundRow | undefined): Payment {
  const { status, currency, provider_txn_id, payment_method, next_attempt_at, error_code, error_message } =
    row;
  const facts = factsOf(row);
  if (status === "CANCELLED") return { ...facts, status, currency };
  assert(currency !== null, `payment ${row.payment_id} is ${status} without a currency`);
  switch (status) {
    case "PENDING":
    case "UNKNOWN":
      assert(
        payment_method !== null && next_attempt_at !== null,
        `payment ${row.payment_id} is ${status} without a token or a next attempt`,
      );
      return { ...facts, status, currency, payment_method, next_attempt_at, action: actionIn(row) };
    case "FAILED":
      assert(error_code !== null, `payment ${row.payment_id} failed without a reason`);
      return { ...facts, status, currency, error_code, error_message: error_message ?? "" };
    case "AUTHORIZED":
    case "CAPTURE_PENDING":
    case "VOID_PENDING":
      assert(provider_txn_id !== null, `payment ${row.payment_id} is ${status} without a charge`);
      return { ...facts, currency, provider_txn_id, ...holdState(row, status) };
    case "SUCCEEDED":
    case "REFUND_PENDING":
    case "REFUNDED":
      assert(provider_txn_id !== null, `payment ${row.payment_id} is ${status} without a charge`);
      return { ...facts, currency, provider_txn_id, ...refundState(row, status, refund) };
    default:
      return assertNever(status);
  }
}

function actionIn({ action_txn_id, action_expires_at }: PaymentRow): ShopperAction | null {
  if (action_txn_id === null || action_expires_at === null) return null;
  return { provider_txn_id: action_txn_id, expires_at: action_expires_at };
}

function holdState(row: PaymentRow, status: "AUTHORIZED" | "CAPTURE_PENDING" | "VOID_PENDING") {
  const { payment_id, capture_before, hold_attempts, next_attempt_at, error_code, error_message } = row;
  if (status === "AUTHORIZED") return { status, capture_before } as const;
  assert(next_attempt_at !== null, `payment ${payment_id} is ${status} without a next attempt`);
  const work = { capture_before, hold_attempts, next_attempt_at };
  if (status === "CAPTURE_PENDING") return { status, ...work } as const;
  const failure = error_code === null ? null : { error_code, error_message: error_message ?? "" };
  return { status, ...work, failure } as const;
}

function refundState(
  { payment_id }: PaymentRow,
  status: "SUCCEEDED" | "REFUND_PENDING" | "REFUNDED",
  row: RefundRow | undefined,
) {
  if (status === "SUCCEEDED") return { status } as const;
  assert(row !== undefined, `payment ${payment_id} is ${status} without a refund`);
  const { refund_id, attempts, created_at, provider_refund_id, next_attempt_at, error_code } = row;
  const facts = { refund_id, attempts, created_at, failed: row.failed_ids };
  if (status === "REFUNDED") {
    assert(provider_refund_id !== null, `refund ${refund_id} is done without the provider's id`);
    return { status, refund: { ...facts, reported: true, provider_refund_id } } as const;
  }
  assert(next_attempt_at !== null, `refund ${refund_id} is pending without a next attempt`);
  const { reported } = row;
  const refund: PendingRefund = { ...facts, reported, next_attempt_at, error_code, provider_refund_id };
  return { status, refund } as const;
}

export type StoredPayment = ReturnType<typeof rowOf>;
export type StoredRefund = ReturnType<typeof refundRowsOf>[number];

/** As the statements expect it: times as text, null for what the status does not have. */
export function rowOf(payment: Payment, now: number) {
  const { first_attempt_at, charge_asked_at, answer_by, created_at } = payment;
  const open = isOpen(payment) ? payment : null;
  const held = isHeld(payment) ? payment : null;
  const work = held === null || held.status === "AUTHORIZED" ? null : held;
  const failed =
    payment.status === "FAILED" ? payment : payment.status === "VOID_PENDING" ? payment.failure : null;
  return {
    ...factsOf(payment),
    status: payment.status,
    currency: payment.currency,
    payment_method: open?.payment_method ?? null,
    provider_txn_id: "provider_txn_id" in payment ? payment.provider_txn_id : null,
    idempotency_key: chargeKey(payment.saga_id),
    error_code: failed?.error_code ?? null,
    error_message: failed?.error_message ?? null,
    first_attempt_at: timestampOrNull(first_attempt_at),
    charge_asked_at: timestampOrNull(charge_asked_at),
    answer_by: timestampOrNull(answer_by),
    next_attempt_at: timestampOrNull((open ?? work)?.next_attempt_at ?? null),
    // The update keeps them when the payment is settled, for people.
    action_txn_id: open?.action?.provider_txn_id ?? null,
    action_expires_at: timestampOrNull(open?.action?.expires_at ?? null),
    capture_before: timestampOrNull(held?.capture_before ?? null),
    hold_attempts: work?.hold_attempts ?? null,
    created_at: timestampOf(created_at),
    updated_at: timestampOf(now),
  };
}

export function refundRowsOf(payment: Payment, now: number) {
  if (!("refund" in payment)) return [];
  const { payment_id, saga_id, amount_cents, refund } = payment;
  const pending = "next_attempt_at" in refund ? refund : null;
  return [
    {
      refund_id: refund.refund_id,
      payment_id,
      amount_cents,
      idempotency_key: refundKey(saga_id),
      status: pending === null ? "SUCCEEDED" : "PENDING",
      provider_refund_id: refund.provider_refund_id,
      error_code: pending?.error_code ?? null,
      failed_ids: refund.failed,
      reported: refund.reported,
      attempts: refund.attempts,
      next_attempt_at: timestampOrNull(pending?.next_attempt_at ?? null),
      created_at: timestampOf(refund.created_at),
      updated_at: timestampOf(now),
    },
  ];
}
