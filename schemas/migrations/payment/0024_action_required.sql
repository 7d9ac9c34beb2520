-- A charge that waits for the shopper: the provider's id of it, by which alone it is asked about from then on, and until when the
-- shopper may confirm it. Set once, while the payment is open; an older version neither reads nor writes them.
alter table payments add column action_txn_id text;
alter table payments add column action_expires_at timestamptz;
alter table payments add constraint payments_action check ((action_txn_id is null) = (action_expires_at is null)) not valid;
alter table payments validate constraint payments_action;
-- Repeats with one key must be the same request, so the row keeps which one it was. An older version charges as if it were false.
alter table payments add column shopper_present boolean not null default false;
