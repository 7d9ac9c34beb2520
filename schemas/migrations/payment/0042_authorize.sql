-- Money that is first held and then taken. An older version reads and writes none of it: its payments are captured with the charge, as the
-- default says. The old checks go only when the wider ones are there; 0042_held_index validates these without stopping writes.
alter table payments add column capture text not null default 'automatic';
-- until when the held money can be taken; null is "not known"
alter table payments add column capture_before timestamptz;
-- requests to take or release the held money, in the present status
alter table payments add column hold_attempts integer not null default 0;

alter table payments add constraint payments_capture check (capture in ('automatic', 'manual') and hold_attempts >= 0) not valid;
alter table payments add constraint payments_status check (
  status in ('PENDING', 'UNKNOWN', 'AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING', 'SUCCEEDED', 'FAILED', 'CANCELLED',
             'REFUND_PENDING', 'REFUNDED')) not valid;
alter table payments add constraint payments_due_status check (
  (next_attempt_at is not null) = (status in ('PENDING', 'UNKNOWN', 'CAPTURE_PENDING', 'VOID_PENDING'))) not valid;
alter table payments add constraint payments_held_charge check (
  status not in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING') or provider_txn_id is not null) not valid;
alter table payments drop constraint payments_status_check;
alter table payments drop constraint payments_check;
