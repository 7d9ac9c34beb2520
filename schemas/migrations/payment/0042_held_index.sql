-- no-transaction
-- The held money that is due to be taken or released, and how old the oldest is. What an attempt that was cut off has left goes first.
drop index concurrently if exists payments_held;
create index concurrently payments_held on payments (next_attempt_at)
 where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING');
alter table payments validate constraint payments_capture;
alter table payments validate constraint payments_status;
alter table payments validate constraint payments_due_status;
alter table payments validate constraint payments_held_charge;
