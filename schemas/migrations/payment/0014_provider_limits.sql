-- A provider that takes fewer calls than there are, and charges that are looked up only, once their saga has turned round. Each
-- column has a default that an older version, which does not write it, leaves right.

-- the questions up to this number are known to have had no effect; an older version knows of none
alter table payments add column void_attempts integer not null default 0;
alter table payments add constraint payments_void_attempts check (void_attempts between 0 and attempts) not valid;
alter table payments validate constraint payments_void_attempts;
-- when the provider was last asked to charge; null is "not known", and then the age of the first question counts
alter table payments add column charge_asked_at timestamptz;
-- the saga waits no longer; null is "it did not say"
alter table payments add column answer_by timestamptz;
