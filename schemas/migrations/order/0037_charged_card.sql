-- The card that was charged, for the receipt: {"brand": "visa", "last4": "4242"}; null is "not known". Nothing else of a card may be stored.
-- `not valid`: all older rows have null, and reading them would lock the table.
alter table orders add column card jsonb;
alter table orders add constraint orders_card_check
  check (card - 'brand' - 'last4' = '{}'::jsonb and card ->> 'last4' ~ '^[0-9]{4}$') not valid;
