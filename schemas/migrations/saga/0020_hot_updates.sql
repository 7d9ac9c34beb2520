-- no-transaction
-- A saga's row is written four times, and a write that changes an indexed value goes to all indexes of the table, unless the index is
-- a summarizing one. The status changes each time, so its index is of that kind: it tells which pages cannot hold a wanted status.
-- What an attempt that was cut off has left goes first.
drop index concurrently if exists saga_state_status_pages;
create index concurrently saga_state_status_pages on saga_state using brin (status) with (pages_per_range = 8, autosummarize = on);
drop index concurrently if exists saga_state_status;
-- Room for a new version of every row of a page: sagas that were born together are written together.
alter table saga_state set (fillfactor = 45);
