-- Ids from a clock that ran ahead land in the default partitions of inbox and outbox. Until now the days they name never got a
-- partition of their own, so all rows of such a day stayed in the default one, which nothing emptied. In all databases.

-- As before, and a day whose range has rows in the default partition takes them over, `most_moved` at most: more would hold the
-- table for too long, and the day stays in the default partition, where purge_default_partition finds it.
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
    made := made + 1;
  end loop;
  return made;
end $$;

-- Deletes rows of the default partition that were written before `before` by the database's own clock, `most` at most, and
-- returns their number. An event that is not published stays.
create function purge_default_partition(parent text, before timestamptz, most integer) returns integer
  language plpgsql as $$
declare
  purged integer;
begin
  execute format(
    'delete from %1$I where ctid = any(array(select ctid from %1$I where %2$s limit $2 for update skip locked))',
    parent || '_default',
    case parent when 'inbox' then 'received_at < $1' else 'published and created_at < $1' end)
    using before, most;
  get diagnostics purged = row_count;
  return purged;
end $$;
