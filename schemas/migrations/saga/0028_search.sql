-- no-transaction
-- For the searches of operators. A saga's row is written four times, and only a write that changes no indexed value stays within its page
-- (0020_hot_updates), unless the index is a summarizing one. So:
-- * Sagas are searched and listed by saga_id: it begins with the time, so the primary key is the index "newest first".
-- * The sagas of a user come from unique (user_id, client_key), those of an order from the order database, open ones from saga_state_deadline.
-- * No index on status, step, updated_at, total_cents and order_id: each saga would pay for it with writes to all indexes.
-- * A failure code is set once, and in failed sagas only, so only these pay.
-- What an attempt that was cut off has left goes first.
drop index concurrently if exists saga_state_failure;
create index concurrently saga_state_failure on saga_state (failure_code, saga_id) where failure_code is not null;
-- Summarizing: tells which pages cannot hold a key, a rare currency, or an amount that few sagas have. The key alone, without its user,
-- is what a log line or a shopper's developer has. Room for twice the amounts of 16 pages: with less, amounts become ranges, which
-- hold nearly any amount.
drop index concurrently if exists saga_state_search_pages;
create index concurrently saga_state_search_pages on saga_state
 using brin (client_key text_bloom_ops (n_distinct_per_range = 128, false_positive_rate = 0.001), currency text_bloom_ops (n_distinct_per_range = 16),
             total_cents int8_minmax_multi_ops (values_per_range = 256)) with (pages_per_range = 16, autosummarize = on);
-- The table only grows at its end, and ids of messages begin with their time: each page range holds the ids of some seconds.
drop index concurrently if exists saga_history_message_pages;
create index concurrently saga_history_message_pages on saga_history
 using brin (message_id uuid_minmax_multi_ops) with (pages_per_range = 16, autosummarize = on);
