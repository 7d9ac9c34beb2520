-- Whether the saga has ever waited for its shopper at the bank, whose time is not ours: durations leave such sagas out. action_expires_at is
-- forgotten when the wait is over. False for sagas whose wait an older version has ended.
alter table saga_state add column waited_for_shopper boolean not null default false;
