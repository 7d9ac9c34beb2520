// Finds payments by saga or by the provider's ids, without locks: each with its refund, from one snapshot. Called by webhook.ts and
// by reconciliation/. To change a payment, read it again under a lock (store.ts).
import type { Sql } from "postgres";
import type { Payment } from "./payment.ts";
import { type PaymentRow, paymentOf, type RefundRow } from "./payment-rows.ts";

export interface Names {
  readonly sagas: readonly string[];
  /** The provider's ids. */
  readonly charges: readonly string[];
  readonly refunds?: readonly string[];
  /** Only payments of this provider; by default of all. What one provider says is never about a payment of another. */
  readonly provider?: string;
}

interface Row extends PaymentRow {
  readonly refund: RefundRow | null;
}

/** Every payment that has one of the names, each once. */
export async function findPayments(
  sql: Sql,
  { sagas, charges, refunds = [], provider }: Names,
): Promise<Payment[]> {
  // The array makes the planner look up the keys in the index, and `union all` keeps it from reading a whole index for its order.
  // One statement, because payment and refund must come from the same snapshot.
  const rows = await sql<Row[]>`
    select payment_id, saga_id, amount_cents, currency, payment_method, provider_txn_id, status, error_code, error_message,
           undo_requested, attempts, void_attempts, first_attempt_at, charge_asked_at, next_attempt_at, answer_by, traceparent,
           shopper_present, action_txn_id, action_expires_at, provider, capture, capture_before, hold_attempts, created_at,
           (select json_build_object('refund_id', refund_id, 'payment_id', payment_id,
                                     'provider_refund_id', provider_refund_id, 'error_code', error_code, 'attempts', attempts,
                                     'next_attempt_at', (extract(epoch from next_attempt_at) * 1000)::float8,
                                     'failed_ids', failed_ids, 'reported', reported,
                                     'created_at', (extract(epoch from created_at) * 1000)::float8)
              from refunds r where r.payment_id = p.payment_id) as refund
      from payments p
     where payment_id = any(array(
             select payment_id from payments where saga_id = any(${[...sagas]}::uuid[])
              union all select payment_id from payments where provider_txn_id = any(${[...charges]}::text[])
              union all select payment_id from refunds where provider_refund_id = any(${[...refunds]}::text[])))`;
  const wanted = provider === undefined ? rows : rows.filter((row) => row.provider === provider);
  return wanted.map(({ refund, ...payment }) => paymentOf(payment, refund ?? undefined));
}

/** Name of the provider of the saga's payment; undefined if there is no such payment. */
export async function providerOf(sql: Sql, saga_id: string): Promise<string | undefined> {
  const [row] = await sql<{ provider: string }[]>`select provider from payments where saga_id = ${saga_id}`;
  return row?.provider;
}
