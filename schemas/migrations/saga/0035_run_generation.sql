-- Raised whenever an operator pauses, resumes or stops a run. A batch that was begun before then says nothing about the run from then on.
alter table operator_plans add column generation integer not null default 0;
