-- Holds in doubt of the provider's list that reconciliation has looked up, in the transaction that saves what the look-up found. Whichever
-- process reads the list next goes on after them. A payment that was cancelled or has failed does not keep the id of its hold.
create table looked_up_holds (
  provider text not null check (provider <> ''),
  provider_txn_id text not null check (provider_txn_id <> ''),
  -- the end of the span that was read; deleted when no later span lists the hold
  span_until timestamptz not null,
  primary key (provider, provider_txn_id)
);
