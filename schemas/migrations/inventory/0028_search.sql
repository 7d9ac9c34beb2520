-- no-transaction
-- For the searches of operators: the sagas that reserved a product, newest first, and the saga of a reservation's id. Both columns never
-- change, so updates within a page stay so. What an attempt that was cut off has left goes first.
drop index concurrently if exists reservations_sku;
create index concurrently reservations_sku on reservations (sku_id, saga_id) where sku_id is not null;
-- Summarizing: rows come in the order of their ids, which begin with the time.
drop index concurrently if exists reservations_id_pages;
create index concurrently reservations_id_pages on reservations
 using brin (reservation_id uuid_minmax_multi_ops) with (pages_per_range = 16, autosummarize = on);
