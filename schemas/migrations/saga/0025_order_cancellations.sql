-- Cancellations of completed checkouts: sagas of their own, which only go forward. See docs/adr/0015.

create table order_cancellations (
  cancellation_id uuid primary key,
  -- the checkout; its row never changes again
  saga_id uuid not null,
  order_id uuid not null,
  status text not null check (status in ('CANCELLING', 'CANCELLED', 'REFUSED')),
  -- the step in progress, or the last one
  step text not null check (step in ('order', 'refund', 'release')),
  -- why it was REFUSED: the status that the order had
  order_status text,
  -- how often the command of the step was sent again
  resend_count integer not null default 0 check (resend_count >= 0),
  needs_operator boolean not null default false,
  deadline_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  check ((completed_at is null) = (status = 'CANCELLING')),
  check ((deadline_at is null) = (completed_at is not null)),
  check ((status = 'REFUSED') = (order_status is not null)),
  check (status <> 'REFUSED' or step = 'order'),
  check (status <> 'CANCELLED' or step = 'release')
);
create index order_cancellations_saga on order_cancellations (saga_id);
-- A refused one may be tried again, when the goods have come back.
create unique index order_cancellations_once on order_cancellations (saga_id) where status <> 'REFUSED';
create index order_cancellations_due on order_cancellations (deadline_at) where completed_at is null;
