-- Where an act came from (an IP address; null for the command line) and what it was asked to do besides its reason. An older version writes
-- neither. The indexes serve the console's list of acts, newest first; the table has a row per act of a person, so they cost nothing.
alter table operator_actions add column address text;
alter table operator_actions add column parameters jsonb;
create index operator_actions_newest on operator_actions (at desc, action_id desc);
create index operator_actions_actor on operator_actions (actor, at desc, action_id desc);
