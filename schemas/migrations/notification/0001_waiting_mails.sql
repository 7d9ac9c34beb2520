-- Mails that could not be sent at the first attempt, one row per (saga, template) until it is sent or given up. Most mails never
-- have a row. The message is kept byte for byte, because a mail that is given up becomes a dead letter.
create table waiting_mails (
  mail_key text primary key,
  saga_id uuid not null,
  -- Attempts that failed because of this mail; trouble of the whole mail server counts none.
  attempts integer not null check (attempts >= 0),
  -- Of those attempts. Null before the first.
  first_failed_at timestamptz check ((first_failed_at is null) = (attempts = 0)),
  stored_at timestamptz not null,
  next_attempt_at timestamptz not null,
  last_reply text not null,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  timestamp_ms bigint not null,
  key bytea,
  value bytea not null,
  headers jsonb not null
);
create index waiting_mails_next_attempt_at on waiting_mails (next_attempt_at);
create index waiting_mails_stored_at on waiting_mails (stored_at);
