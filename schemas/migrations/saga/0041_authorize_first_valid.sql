-- no-transaction
-- Reads every row, which must not happen under the lock of the migration before.
alter table saga_state validate constraint saga_state_current_step_check;
alter table saga_state validate constraint saga_state_compensation_step_check;
