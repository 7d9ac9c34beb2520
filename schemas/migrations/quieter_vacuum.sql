-- A young table grows by a fifth in no time, so all tables of all databases were vacuumed and analyzed each minute, in the same seconds:
-- at 167 checkouts a second five seconds of CPU a minute, and every checkout of those seconds waited. While a table is analyzed, nobody may
-- clean up behind what was claimed. Large tables are vacuumed by size from now on; the roles' plans need no statistics. In all databases.

-- Of a table that takes rows with every checkout.
create function vacuum_by_size(child text) returns void
  language plpgsql as $$
declare
  json text;
begin
  execute format('alter table %I set (autovacuum_vacuum_threshold = 100000, autovacuum_vacuum_insert_threshold = 1000000,
                                      autovacuum_analyze_threshold = 1000000)', child);
  -- Nobody asks for the values of a whole JSON body, and to sort some thousands of them is most of the work.
  for json in
    select attname from pg_attribute where attrelid = to_regclass(child) and atttypid = 'jsonb'::regtype and not attisdropped
  loop
    execute format('alter table %I alter column %I set statistics 0', child, json);
  end loop;
end $$;

-- As before, and each new day is vacuumed by size.
create or replace function ensure_day_partitions(parent text, first_day date, days integer) returns integer
  language plpgsql as $$
declare
  most_moved constant integer := 100000;
  made integer := 0;
  day date;
  child text;
  spare text := parent || '_default';
  id text := case parent when 'inbox' then 'message_id' else 'event_id' end;
  low uuid;
  high uuid;
  strays integer;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_day_partitions'), hashtext(parent));
  for i in 0 .. days - 1 loop
    day := first_day + i;
    child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
    continue when to_regclass(child) is not null;
    low := uuid_v7_floor(day::timestamp at time zone 'utc');
    high := uuid_v7_floor((day + 1)::timestamp at time zone 'utc');
    execute format('select count(*) from (select from %I where %I >= $1 and %I < $2 limit $3) found', spare, id, id)
      into strays using low, high, most_moved + 1;
    continue when strays > most_moved;
    if strays = 0 then
      execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent, low, high);
    else
      -- Locked before anything is moved, so that nobody reads half of it or adds to it.
      execute format('lock table %I in access exclusive mode', spare);
      execute format('create table %I (like %I including all)', child, parent);
      execute format('with moved as (delete from %I where %I >= $1 and %I < $2 returning *) insert into %I select * from moved',
                     spare, id, id, child) using low, high;
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, low, high);
    end if;
    perform vacuum_by_size(child);
    made := made + 1;
  end loop;
  return made;
end $$;

do $$
declare
  child text;
begin
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent in ('inbox'::regclass, 'outbox'::regclass)
     union all
    select name from unnest(array['saga_state', 'saga_history', 'reservations', 'payments', 'orders']) as name
     where to_regclass(name) is not null
  loop
    perform vacuum_by_size(child);
  end loop;
end $$;
