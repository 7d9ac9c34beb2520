-- How long the wait for the shopper may last at most: after action_expires_at while the shopper may ask for more time, the same once they
-- have. null is "no longer than action_expires_at", as in a wait that an older version has started. Not indexed, like that column.
alter table saga_state add column action_latest_at timestamptz;
