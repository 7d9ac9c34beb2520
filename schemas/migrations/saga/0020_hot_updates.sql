-- A saga's row is written four times, and a write that changes an indexed value goes to all indexes of the table, unless the index is
-- a summarizing one. The status changes each time, so its index is of that kind: it tells which pages cannot hold a wanted status.
drop index saga_state_status;
create index saga_state_status on saga_state using brin (status) with (pages_per_range = 8, autosummarize = on);
-- Room for a new version of every row of a page: sagas that were born together are written together.
alter table saga_state set (fillfactor = 45);
