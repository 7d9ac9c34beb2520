-- The tables every service keeps beside its own: inbox, outbox, retry. The same file opens all four databases.
--
-- inbox and outbox grow by one row per message and are emptied by day: both are range-partitioned on their UUIDv7 key,
-- whose first 48 bits are its time, so the primary key stays the bare id and a day is purged by dropping a table.

create function uuid_v7_floor(at timestamptz) returns uuid
  language sql immutable strict parallel safe
  return (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Creates the missing day partitions of `parent` from `first_day` on and returns how many it made. A day whose range already
-- has rows in the default partition (ids from a clock that ran ahead) is left there: correct, only not as cheap to purge.
create function ensure_day_partitions(parent text, first_day date, days integer) returns integer
  language plpgsql as $$
declare
  made integer := 0;
  day date;
  child text;
  stray boolean;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_day_partitions'), hashtext(parent));
  for i in 0 .. days - 1 loop
    day := first_day + i;
    child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
    continue when to_regclass(child) is not null;
    execute format('select exists (select from %I where %I >= $1 and %I < $2)', parent || '_default',
                   case parent when 'inbox' then 'message_id' else 'event_id' end,
                   case parent when 'inbox' then 'message_id' else 'event_id' end)
      into stray using uuid_v7_floor(day::timestamp at time zone 'utc'),
                       uuid_v7_floor((day + 1)::timestamp at time zone 'utc');
    continue when stray;
    execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent,
                   uuid_v7_floor(day::timestamp at time zone 'utc'),
                   uuid_v7_floor((day + 1)::timestamp at time zone 'utc'));
    made := made + 1;
  end loop;
  return made;
end $$;

-- Drops the day partitions of `parent` whose day lies before `before` and returns their number. A day of the outbox that still
-- has unpublished rows stays.
create function drop_day_partitions(parent text, before date) returns integer
  language plpgsql as $$
declare
  dropped integer := 0;
  child text;
  waiting boolean := false;
begin
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass(parent) and c.relname ~ (parent || '_\d{8}$')
       and to_date(right(c.relname, 8), 'YYYYMMDD') < before
     order by c.relname
  loop
    if parent = 'outbox' then
      execute format('lock table %I in access exclusive mode', child);
      execute format('select exists (select from %I where not published)', child) into waiting;
      continue when waiting;
    end if;
    execute format('drop table %I', child);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

-- The ids of the messages whose effect is in this database. This, not Redis, is what makes an effect happen once.
create table inbox (
  message_id uuid primary key,
  received_at timestamptz not null default now()
) partition by range (message_id);
create table inbox_default partition of inbox default;

-- Messages written in the transaction of the change they tell of, until the relay has them in Kafka.
create table outbox (
  event_id uuid primary key,
  topic text not null,
  partition_key text not null,
  payload jsonb not null,
  headers jsonb not null,
  created_at timestamptz not null default now(),
  published boolean not null default false,
  published_at timestamptz,
  check (published = (published_at is not null))
) partition by range (event_id);
create table outbox_default partition of outbox default;
-- UUIDv7 order is creation order; the index holds unpublished rows only, so the claim never sees the millions behind it.
create index outbox_unpublished on outbox (event_id) where not published;

-- Commands that failed and wait for their next attempt beside their partition, byte for byte as they came.
create table retry (
  message_id uuid primary key,
  saga_id uuid not null,
  message_type text not null,
  attempts integer not null check (attempts > 0),
  next_attempt_at timestamptz not null,
  first_failed_at timestamptz not null,
  last_failed_at timestamptz not null,
  error_code text not null,
  error_message text not null,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  -- as the broker stored it, in epoch ms
  timestamp_ms bigint not null,
  key bytea,
  value bytea not null,
  headers jsonb not null
);
create index retry_due on retry (next_attempt_at);

select ensure_day_partitions('inbox', (now() at time zone 'utc')::date - 1, 4);
select ensure_day_partitions('outbox', (now() at time zone 'utc')::date - 1, 4);
