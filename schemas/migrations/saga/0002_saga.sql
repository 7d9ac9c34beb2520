-- The orchestrator's own: one row per saga, one history row per transition.

create table saga_state (
  saga_id uuid primary key,
  user_id uuid not null,
  cart_items jsonb not null,
  status text not null check (status in
    ('STARTED', 'INVENTORY_RESERVED', 'PAYMENT_CHARGED', 'ORDER_CREATED', 'COMPLETED', 'COMPENSATING', 'COMPENSATED', 'FAILED')),
  current_step text not null check (current_step in ('reserve', 'charge', 'confirm', 'order')),
  compensation_step text check (compensation_step in ('order', 'charge', 'reserve')),
  -- the saga table's version this saga started on; a binary that does not know it must not touch it
  table_version integer not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  expected_total_cents bigint check (expected_total_cents >= 0),
  -- the cart with the prices the reservation froze; null until reserved
  priced_items jsonb,
  total_cents bigint check (total_cents >= 0),
  shipping_address jsonb not null,
  email text not null,
  -- sealed to the payment service; dropped once the saga is at rest
  payment_method text,
  payment_succeeded boolean not null default false,
  order_id uuid,
  failure_code text,
  failure_message text,
  needs_operator boolean not null default false,
  -- how often the current compensation command has been sent again
  resend_count integer not null default 0 check (resend_count >= 0),
  deadline_at timestamptz,
  client_key text not null,
  body_hash text not null,
  traceparent text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  unique (user_id, client_key),
  check ((completed_at is not null) = (status in ('COMPLETED', 'COMPENSATED', 'FAILED'))),
  check ((deadline_at is null) = (completed_at is not null)),
  check ((status = 'COMPENSATING') = (compensation_step is not null)),
  check (status not in ('COMPENSATING', 'COMPENSATED', 'FAILED') or failure_code is not null),
  check (status <> 'COMPLETED' or (order_id is not null and total_cents is not null and failure_code is null))
) with (fillfactor = 70);
create index saga_state_status on saga_state (status);
create index saga_state_created on saga_state (created_at desc);
create index saga_state_deadline on saga_state (deadline_at) where completed_at is null;

-- Append-only; no foreign key, because its check would cost a row lock per transition and the same transaction writes both.
create table saga_history (
  history_id bigint generated always as identity primary key,
  saga_id uuid not null,
  from_status text not null,
  to_status text not null,
  -- where the saga stands after the transition: a step, or the undo of one
  step text not null,
  message_id uuid,
  message_type text not null,
  note text,
  at timestamptz not null
);
create index saga_history_saga on saga_history (saga_id, history_id);
