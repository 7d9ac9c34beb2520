-- The checkout waits for its shopper until then; null is "it does not". Read only while the charge is in progress, so a value that an
-- older version leaves behind does no harm. No column here is indexed: writing them keeps updates within the page.
alter table saga_state add column action_expires_at timestamptz;
-- null is false, as in a checkout that an older version has started
alter table saga_state add column shopper_present boolean;
-- the cart lines that could not be reserved, each with its reason
alter table saga_state add column lines_short jsonb;
