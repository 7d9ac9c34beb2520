-- What people did to the system by hand, one row per act, with who and why. Rows are added and, while their act is under way,
-- settled; never removed. Also what makes a replay of dead letters repeatable: see the unique index.

create table operator_actions (
  action_id uuid primary key,
  -- the acts of one command share it
  run_id uuid not null,
  action text not null check (action in ('saga.cancel', 'dead-letter.replay', 'dead-letter.discard', 'outbox.republish')),
  -- what was acted on: the id of a saga or a dead letter, the name of a database
  subject text not null,
  -- the saga concerned, where there is one
  saga_id uuid,
  actor text not null check (actor <> ''),
  reason text not null check (reason <> ''),
  -- null while the act is under way
  outcome text,
  -- for people: why it was refused, how far it got
  detail text,
  at timestamptz not null,
  settled_at timestamptz,
  check ((outcome is null) = (settled_at is null))
);
create index operator_actions_saga on operator_actions (saga_id, at);
-- A dead letter is replayed or discarded once, whoever else tries; a refusal leaves it as it was.
create unique index operator_actions_dead_letter on operator_actions (subject)
  where action in ('dead-letter.replay', 'dead-letter.discard') and outcome is distinct from 'refused';
