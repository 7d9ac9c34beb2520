-- Stock and the reservations made of it.

create table inventory (
  sku_id text primary key,
  name text not null,
  unit_price_cents bigint not null check (unit_price_cents >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- everything ever put on the shelf; stocked = available + held + confirmed is what the auditor checks
  stocked_count bigint not null check (stocked_count >= 0),
  available_count bigint not null check (available_count >= 0),
  updated_at timestamptz not null default now(),
  check (available_count <= stocked_count)
) with (fillfactor = 50);

-- One row per cart line; all lines of a saga share reservation_id, expires_at and status. Whoever changes a reservation locks
-- its line 0 first, so that row stands for the whole. A release that comes before its reserve leaves a tombstone: line 0
-- without a SKU, RELEASED. Because a reserve also starts at line 0, the primary key lets only one of the two in when they
-- race.
create table reservations (
  reservation_id uuid not null,
  saga_id uuid not null,
  line integer not null check (line >= 0),
  sku_id text references inventory,
  quantity integer not null,
  unit_price_cents bigint not null check (unit_price_cents >= 0),
  reserved_at timestamptz not null,
  expires_at timestamptz not null,
  status text not null check (status in ('HELD', 'CONFIRMED', 'RELEASED', 'EXPIRED')),
  primary key (saga_id, line),
  check ((sku_id is not null and quantity > 0) or (sku_id is null and quantity = 0 and line = 0 and status = 'RELEASED'))
) with (fillfactor = 70);
create index reservations_expiry on reservations (expires_at) where status = 'HELD' and line = 0;

-- Ends the transaction when a statement touched another number of rows than its author counted on. Writes travel together
-- with `commit`, so nobody outside the database could still object in between.
create function require_rows(what text, actual bigint, expected bigint) returns void
  language plpgsql as $$
begin
  if actual <> expected then
    raise exception '%: % rows instead of %', what, actual, expected using errcode = 'integrity_constraint_violation';
  end if;
end $$;
