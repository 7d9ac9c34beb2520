-- A message that waits for a row which another transaction holds has not failed: it is in `retry` with no attempt counted.
alter table retry drop constraint retry_attempts_check, add constraint retry_attempts_check check (attempts >= 0);
