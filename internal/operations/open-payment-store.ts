// Payments and refunds without an end, oldest first. Read through the indexes of what is due. Times are epoch ms. Called by the console.
import type { Sql } from "postgres";

export interface OpenPayment {
  readonly id: string;
  readonly saga_id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly currency: string;
  readonly provider: string;
  /** The provider's id; null while it is not known. */
  readonly provider_id: string | null;
  readonly idempotency_key: string;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly created_at: number;
  /** Null if the provider was never asked. */
  readonly first_attempt_at: number | null;
  /** Null if nothing is to be asked: the money is held, and the saga has not decided. */
  readonly next_attempt_at: number | null;
}

export function openPayments(
  sql: Sql,
  { status, limit }: { readonly status: "PENDING" | "UNKNOWN"; readonly limit: number },
): Promise<OpenPayment[]> {
  return sql<OpenPayment[]>`
    select payment_id as id, saga_id, status, amount_cents::float8, currency, provider,
           coalesce(provider_txn_id, action_txn_id) as provider_id, idempotency_key, attempts, error_code,
           (extract(epoch from created_at) * 1000)::float8 as created_at,
           (extract(epoch from first_attempt_at) * 1000)::float8 as first_attempt_at,
           (extract(epoch from next_attempt_at) * 1000)::float8 as next_attempt_at
      from payments where status in ('PENDING', 'UNKNOWN') and status = ${status}
     order by created_at limit ${limit}`;
}

/** Payments whose money is held. `attempts` counts the requests to take or release it. */
export function heldPayments(sql: Sql, limit: number): Promise<OpenPayment[]> {
  return sql<OpenPayment[]>`
    select payment_id as id, saga_id, status, amount_cents::float8, currency, provider, provider_txn_id as provider_id,
           idempotency_key, hold_attempts as attempts, error_code,
           (extract(epoch from created_at) * 1000)::float8 as created_at,
           (extract(epoch from first_attempt_at) * 1000)::float8 as first_attempt_at,
           (extract(epoch from next_attempt_at) * 1000)::float8 as next_attempt_at
      from payments where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')
     order by created_at limit ${limit}`;
}

export function openRefunds(sql: Sql, limit: number): Promise<OpenPayment[]> {
  return sql<OpenPayment[]>`
    select r.refund_id as id, p.saga_id, r.status, r.amount_cents::float8, p.currency, p.provider,
           r.provider_refund_id as provider_id, r.idempotency_key, r.attempts, r.error_code,
           (extract(epoch from r.created_at) * 1000)::float8 as created_at, null as first_attempt_at,
           (extract(epoch from r.next_attempt_at) * 1000)::float8 as next_attempt_at
      from refunds r join payments p using (payment_id)
     where r.status = 'PENDING' order by r.created_at limit ${limit}`;
}
