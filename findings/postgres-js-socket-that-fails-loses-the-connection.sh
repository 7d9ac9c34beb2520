#!/usr/bin/env bash
# Expected: the option `socket` of postgres.js may be an async function that opens the connection. When it rejects, the statement that wanted the
#           connection fails, and the next statement tries again.
# Happens:  the first statement fails. Its place in the pool is never free again: with `max: 1` every later statement waits forever, without
#           an error and without a timeout, and so does `end()` without one.
# Matters:  the option is for tunnels and for choosing a host, which fail now and then. After `max` failures the process does no more work.
# Seen:     postgres 3.4.9 on Node 20.20.2 and 26.3.0, 2026-11-30.
# Source:   node_modules/postgres/src/connection.js: `createSocket` reports the error and returns nothing, so there is no `close` event,
#           which alone moves a connection from `connecting` back to `closed`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . postgres@3.4.9
cat >seen.mjs <<'JS'
import postgres from "postgres";
let calls = 0;
const sql = postgres("postgres://test@127.0.0.1:1/test", {
  max: 1,
  connect_timeout: 1,
  onnotice: () => {},
  socket: async () => { calls++; throw Object.assign(new Error("no tunnel"), { code: "NO_TUNNEL" }); },
});
const state = (work) => work.then(() => "works", ({ code }) => code);
const later = new Promise((resolve) => setTimeout(resolve, 5000, "no answer in 5 s"));
console.log("first statement:", await state(sql`select 1`));
console.log("second statement:", await Promise.race([state(sql`select 1`), later]));
console.log("calls of the function:", calls);
process.exit(0);
JS
seen=$(timeout 60 node seen.mjs)
printf 'node %s, postgres 3.4.9\n%s\n' "$(node --version)" "$seen"
[ "$seen" = "first statement: NO_TUNNEL
second statement: no answer in 5 s
calls of the function: 1" ] || { echo "CHANGED: the driver does otherwise when its socket fails"; exit 1; }
