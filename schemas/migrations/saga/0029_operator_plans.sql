-- Bulk acts of operators: a plan freezes what would be done to which items, and its run does it. One row is both, because a plan is run
-- once. The rows are few, so nothing is partitioned: old ones are deleted when a new plan is made, their items with them. They hold ids
-- and reasons, never a message: the messages stay on their topic.

create table operator_plans (
  -- also the run_id of the plan's lines in operator_actions
  plan_id uuid primary key,
  kind text not null check (kind ~ '^[a-z-]+\.[a-z-]+$'),
  -- the filter that found the items, for the record
  selection jsonb not null,
  -- counts and money per currency, as planned
  totals jsonb not null,
  -- a draft after expires_at is expired
  state text not null check (state in ('draft', 'running', 'paused', 'stopped', 'done')),
  allows_quarantined boolean not null default false,
  created_by text not null check (created_by <> ''),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  started_by text check (started_by <> ''),
  reason text check (reason <> ''),
  started_at timestamptz,
  ended_at timestamptz,
  rate_per_second float8 not null check (rate_per_second > 0),
  -- a share
  max_error_rate float8 not null check (max_error_rate between 0 and 1),
  -- how long to wait for the outcome of an item
  wait_ms integer not null check (wait_ms > 0),
  -- the last batch; 0: the next one is the canary
  batch_size integer not null default 0 check (batch_size >= 0),
  -- what was sent and what failed since the start or the last resume
  tested_count integer not null default 0 check (tested_count >= 0),
  failed_count integer not null default 0 check (failed_count >= 0),
  next_batch_at timestamptz,
  -- why the run paused itself
  halted_because text,
  -- the clocks of all databases, read before the batch in flight was sent
  batch_clocks jsonb,
  -- the process that executes the run, until its lease ends
  executor text,
  lease_until timestamptz,
  check ((state = 'draft') = (started_at is null)),
  check ((started_at is null) = (started_by is null) and (started_at is null) = (reason is null)),
  check ((ended_at is not null) = (state in ('stopped', 'done'))),
  check ((executor is null) = (lease_until is null))
) with (fillfactor = 50);
-- What an executor may take. Neither column changes from batch to batch, so those writes stay in the row's page.
create index operator_plans_executable on operator_plans (plan_id) where state = 'running' or executor is not null;

create table operator_plan_items (
  plan_id uuid not null references operator_plans on delete cascade,
  -- the order of execution
  position integer not null check (position >= 0),
  -- the id of a dead letter, or the name of a database
  subject text not null,
  saga_id uuid,
  message_id uuid,
  message_type text not null,
  service text not null,
  -- how often this message was replayed without success
  replays integer not null default 0 check (replays >= 0),
  amount_cents bigint,
  currency text,
  -- the messages that the item stands for: one, or those of an outbox, which is published again in parts up to cursor
  units bigint not null default 1 check (units >= 0),
  units_done bigint not null default 0 check (units_done >= 0),
  cursor uuid,
  planned text not null check (planned in ('send', 'discard', 'skip', 'refuse')),
  -- why it is skipped or refused
  why text,
  -- null: not reached; in flight: claimed by an executor that has not written its outcome
  outcome text check (outcome in ('in flight', 'sent', 'discarded', 'skipped', 'refused', 'failed')),
  -- the outcome in full, and why
  result text,
  detail text,
  -- its line in operator_actions
  action_id uuid,
  -- when its outbox wrote the message, read before it was sent; null if it was no longer there
  written_at timestamptz,
  settled_at timestamptz,
  primary key (plan_id, position),
  unique (plan_id, subject),
  check ((why is null) = (planned in ('send', 'discard'))),
  check ((amount_cents is null) = (currency is null)),
  check ((settled_at is null) = (outcome is null or outcome = 'in flight'))
) with (fillfactor = 50);
-- Two runs never send the same replay at the same time.
create unique index operator_plan_items_in_flight on operator_plan_items (action_id) where outcome = 'in flight';

-- A message is replayed again under the id of its new dead letter. A replay whose outcome was not seen keeps its line.
alter table operator_actions add column times integer not null default 1 check (times >= 1);
create index operator_actions_message on operator_actions (message_id) where message_id is not null;
