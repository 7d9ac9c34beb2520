-- Table 2 of the saga authorizes and captures. The checks list the steps of all tables; 0041_authorize_first_valid validates them without
-- stopping writers.
alter table saga_state drop constraint saga_state_current_step_check, drop constraint saga_state_compensation_step_check;
alter table saga_state add constraint saga_state_current_step_check
  check (current_step in ('reserve', 'charge', 'authorize', 'confirm', 'capture', 'order')) not valid;
alter table saga_state add constraint saga_state_compensation_step_check
  check (compensation_step in ('order', 'charge', 'authorize', 'reserve')) not valid;
-- Who takes the money; null is the default provider, as in a checkout that an older version has started.
alter table saga_state add column provider text;
