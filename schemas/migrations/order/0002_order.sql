-- Orders, one per saga. A cancel that comes before its create leaves a tombstone: CANCELLED, without a user and items.

create table orders (
  order_id uuid primary key,
  saga_id uuid not null unique,
  user_id uuid,
  items jsonb not null,
  total_cents bigint not null check (total_cents >= 0),
  currency text check (currency ~ '^[A-Z]{3}$'),
  shipping_address jsonb,
  status text not null check (status in ('CONFIRMED', 'CANCELLED', 'SHIPPED', 'DELIVERED')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (status = 'CANCELLED' or (user_id is not null and currency is not null and shipping_address is not null))
);
create index orders_user on orders (user_id, created_at desc) where user_id is not null;
