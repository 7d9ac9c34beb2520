-- For database roles that may do only what their binary does (docs/adr/0020). The functions that make and drop partitions act with the rights
-- of the owner of the tables, so they look at what they are asked first. In all four databases with an outbox.

-- How many days the table keeps its rows at least: INBOX_RETENTION_MS and OUTBOX_RETENTION_MS of internal/messaging/retention.ts.
create function retention_days(parent text) returns integer
  language plpgsql immutable as $$
begin
  return case parent when 'inbox' then 34 when 'outbox' then 7 end;
end $$;

-- In hours, as the program counts. A day of the session's time zone has 23 or 25 hours twice a year.
create function now_minus_retention(parent text) returns timestamptz
  language sql volatile
  return clock_timestamp() - make_interval(hours => 24 * retention_days(parent));

create function require_day_partitioned(parent text) returns void
  language plpgsql as $$
begin
  if retention_days(parent) is null then
    raise exception '% is not partitioned by day', parent using errcode = 'invalid_parameter_value';
  end if;
end $$;

alter function ensure_day_partitions(text, date, integer) rename to make_day_partitions;
create function ensure_day_partitions(parent text, first_day date, days integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today constant date := (clock_timestamp() at time zone 'utc')::date;
begin
  perform require_day_partitioned(parent);
  -- A binary asks for some days, a rehearsal for a retention; thousands of tables would slow down every statement.
  if days > 100 then
    raise exception '% days at a time are too many partitions', days using errcode = 'invalid_parameter_value';
  end if;
  if first_day not between today - retention_days(parent) - 30 and today + 100 then
    raise exception '% needs no days from % on: they are too old or too far ahead', parent, first_day
      using errcode = 'invalid_parameter_value';
  end if;
  return make_day_partitions(parent, first_day, days);
end $$;

alter function drop_day_partitions(text, date) rename to unmake_day_partitions;
create function drop_day_partitions(parent text, before date) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform require_day_partitioned(parent);
  if before > (clock_timestamp() at time zone 'utc')::date - retention_days(parent) then
    raise exception '% keeps % days: days from % on may still be needed', parent, retention_days(parent), before
      using errcode = 'invalid_parameter_value';
  end if;
  return unmake_day_partitions(parent, before);
end $$;

alter function purge_default_partition(text, timestamptz, integer) rename to unmake_default_rows;
create function purge_default_partition(parent text, before timestamptz, most integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform require_day_partitioned(parent);
  if before > now_minus_retention(parent) then
    raise exception '% keeps % days: rows from % on may still be needed', parent, retention_days(parent), before
      using errcode = 'invalid_parameter_value';
  end if;
  return unmake_default_rows(parent, before, most);
end $$;

-- For the replay of dead letters: writes messages back that retention has deleted. Nothing else lets an operator write a message. A message
-- must be one that this service sends, under its own id, and old enough to have been deleted, as must its saga be (a UUIDv7 too): nobody can
-- invent a message of today, or one for a checkout of today. Returns how many were missing.
create function put_back_events(events json) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  wrong text;
  made integer;
begin
  select format('%s to %s', event_id, topic) into wrong
    from json_to_recordset(events) as event (event_id uuid, topic text, partition_key text, type text, payload jsonb)
   where event_id >= uuid_v7_floor(now_minus_retention('outbox'))
      or case when partition_key ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
              then partition_key::uuid >= uuid_v7_floor(now_minus_retention('outbox')) else true end
      or topic <> all(case (select service from schema_owner)
                        when 'saga' then array['checkout-commands', 'notification-commands']
                        else array[(select service || '-events' from schema_owner)] end)
      or (payload ->> 'message_id', payload ->> 'saga_id', payload ->> 'type')
         is distinct from (event_id::text, partition_key, type)
   limit 1;
  if wrong is not null then
    raise exception 'this outbox cannot have lost the message %', wrong using errcode = 'invalid_parameter_value';
  end if;
  insert into outbox (event_id, topic, partition_key, payload, headers)
  select event_id, topic, partition_key, payload, jsonb_build_object('type', type)
    from json_to_recordset(events) as event (event_id uuid, topic text, partition_key text, type text, payload jsonb)
      on conflict do nothing;
  get diagnostics made = row_count;
  return made;
end $$;

-- Postgres lets anybody call a new function, and these act with the owner's rights: without this any login of the server could. The owner
-- may, and whom `checkoutctl grants` names.
revoke execute on function
  ensure_day_partitions(text, date, integer), drop_day_partitions(text, date), purge_default_partition(text, timestamptz, integer),
  put_back_events(json)
  from public;

-- What the auditor may know of messages: not their bodies, which hold addresses, but the ids in them.
create view outbox_effects as
  select event_id, topic, partition_key, headers ->> 'type' as type, created_at, published, published_at,
         payload ->> 'reservation_id' as reservation_id, payload ->> 'transaction_id' as transaction_id,
         payload ->> 'payment_id' as payment_id, payload ->> 'order_id' as order_id
    from outbox;
