-- Charges and refunds. Rows are the work list of the executor, too: `next_attempt_at` is its lease and its backoff.

create table payments (
  payment_id uuid primary key,
  saga_id uuid not null unique,
  amount_cents bigint not null check (amount_cents >= 0),
  currency text check (currency ~ '^[A-Z]{3}$'),
  -- sealed to this service; dropped once the outcome is known
  payment_method text,
  provider text not null,
  provider_txn_id text unique,
  idempotency_key text not null unique,
  -- PENDING: not asked, or being asked. UNKNOWN: asked, no definite answer yet. CANCELLED may be a tombstone (amount 0).
  status text not null check (status in ('PENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'REFUND_PENDING', 'REFUNDED')),
  error_code text,
  error_message text,
  -- the saga wants this charge undone, whatever its outcome turns out to be
  undo_requested boolean not null default false,
  attempts integer not null default 0 check (attempts >= 0),
  first_attempt_at timestamptz,
  next_attempt_at timestamptz,
  traceparent text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((next_attempt_at is not null) = (status in ('PENDING', 'UNKNOWN'))),
  check (status not in ('SUCCEEDED', 'REFUND_PENDING', 'REFUNDED') or provider_txn_id is not null),
  check (status <> 'FAILED' or error_code is not null),
  check (status = 'CANCELLED' or currency is not null)
) with (fillfactor = 70);
create index payments_due on payments (next_attempt_at) where status in ('PENDING', 'UNKNOWN');

create table refunds (
  refund_id uuid primary key,
  payment_id uuid not null unique references payments,
  amount_cents bigint not null check (amount_cents >= 0),
  idempotency_key text not null unique,
  status text not null check (status in ('PENDING', 'SUCCEEDED')),
  provider_refund_id text unique,
  error_code text,
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((next_attempt_at is not null) = (status = 'PENDING')),
  check (status <> 'SUCCEEDED' or provider_refund_id is not null)
);
create index refunds_due on refunds (next_attempt_at) where status = 'PENDING';
