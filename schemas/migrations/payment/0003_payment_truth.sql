-- What the provider tells by itself (webhooks), and the comparison of its books with ours (reconciliation).

-- Events that changed something here. Written in the transaction of the change, so that a replay does nothing.
create table webhook_events (
  event_id text primary key check (event_id <> ''),
  received_at timestamptz not null
);
create index webhook_events_age on webhook_events (received_at);

-- What the provider's books and ours do not agree on, until they do. Nothing here moves money: a person decides.
create table payment_alerts (
  alert_id uuid primary key,
  kind text not null check (kind in ('charge_without_payment', 'payment_without_charge', 'charged_twice', 'saga_differs',
                                     'amount_differs', 'status_differs', 'refund_differs')),
  -- the provider's id of the charge, or of the refund where the kind is refund_differs
  subject text not null check (subject <> ''),
  saga_id uuid,
  detail text not null,
  opened_by text not null check (opened_by in ('webhook', 'reconciliation')),
  opened_at timestamptz not null,
  last_seen_at timestamptz not null,
  closed_at timestamptz,
  -- 'reconciliation' where the books agree again; else a person, whose word is final: what they closed is not opened again
  closed_by text check (closed_by <> ''),
  close_note text,
  check ((closed_at is null) = (closed_by is null)),
  check ((closed_at is null) = (close_note is null))
);
create unique index payment_alerts_open on payment_alerts (kind, subject) where closed_at is null;
create index payment_alerts_subject on payment_alerts (subject);

-- One row: who reconciles, from when on, and how far the books have been compared.
create table reconciliation (
  only_row boolean primary key default true check (only_row),
  compared_until timestamptz not null,
  due_at timestamptz not null,
  run_id uuid,
  lease_until timestamptz not null
);
insert into reconciliation (compared_until, due_at, lease_until) values (now(), now(), now());

-- When the charge, or the refund, was found in the provider's books. What was settled before there was a reconciliation counts as
-- found: the default fills the old rows without rewriting them, and is taken away for the new ones.
alter table payments add column reconciled_at timestamptz default now();
alter table payments alter column reconciled_at drop default;
create index payments_unreconciled on payments (updated_at) where provider_txn_id is not null and reconciled_at is null;
alter table refunds add column reconciled_at timestamptz default now();
alter table refunds alter column reconciled_at drop default;
create index refunds_unreconciled on refunds (updated_at) where provider_refund_id is not null and reconciled_at is null;
