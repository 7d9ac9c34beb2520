-- no-transaction
-- For the searches of operators: a charge that waited for its shopper, by the provider's id. Where it succeeded, provider_txn_id has it, but
-- not where the shopper never confirmed. Few payments have one. What an attempt that was cut off has left goes first.
drop index concurrently if exists payments_action_charge;
create index concurrently payments_action_charge on payments (action_txn_id) where action_txn_id is not null;
