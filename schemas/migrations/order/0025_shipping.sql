-- When an order was shipped and delivered, and where its parcel is. No check compares them with the status: an operator who got the
-- goods of a shipped order back sets it to CONFIRMED by hand, and its cancel must work then.
alter table orders
  add column shipped_at timestamptz,
  add column delivered_at timestamptz,
  add column tracking jsonb;
