-- Which message a dead letter that was discarded or replayed held, so that it is not published again with the rest of its outbox.
alter table operator_actions add column message_id uuid;

-- A list of kinds would have to be rewritten with each new one; whoever writes a line here is this program.
alter table operator_actions drop constraint if exists operator_actions_action_check;
alter table operator_actions add constraint operator_actions_action_check check (action ~ '^[a-z-]+\.[a-z-]+$');
