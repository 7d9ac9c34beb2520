-- After how many messages, since its start or its last resume, a run pauses itself because an operator asked for it; null: it goes on.
alter table operator_plans add column pause_after integer check (pause_after > 0);
