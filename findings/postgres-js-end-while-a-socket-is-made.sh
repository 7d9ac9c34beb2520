#!/usr/bin/env bash
# Expected: after `end({ timeout: 0 })` postgres.js has no connection, also if the option `socket`, an async function, had not resolved yet.
# Happens:  the driver takes the socket that comes later, signs in and keeps the connection, until `max_lifetime` ends it (30 to 60 minutes) or
#           the process does.
# Matters:  the option is for tunnels and for choosing a host, which take time. Whoever replaces a driver because its server is gone, and
#           ends the old one, may keep a connection to the new server that nobody uses.
# Seen:     postgres 3.4.9 on Node 26.3.0 and on Bun 1.4.5, 2026-11-30.
# Source:   node_modules/postgres/src/connection.js: `terminate` has no socket to end, and `connect` does not look at `terminated` after it
#           has waited for `createSocket`.
# Needs:    RUNTIME=bun runs it on Bun.
set -euo pipefail
runtime=${RUNTIME:-node}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . postgres@3.4.9
cat >seen.mjs <<'JS'
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
// A server that lets everybody in: AuthenticationOk and ReadyForQuery.
let open = 0;
const server = net.createServer((socket) => {
  open++;
  socket.on("close", () => open--).on("error", () => {});
  socket.once("data", () => socket.write("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"));
});
await once(server.listen(0, "127.0.0.1"), "listening");
const { port } = server.address();
const [asked, made] = [later(), later()];
function later() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
const sql = postgres(`postgres://test@127.0.0.1:${port}/test`, {
  max: 1,
  fetch_types: false,
  socket: async () => {
    asked.resolve();
    await made.promise;
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  },
});
const statement = sql`select 1`.then(() => "works", ({ code }) => code);
await asked.promise;
await sql.end({ timeout: 0 });
console.log("the statement:", await statement);
made.resolve();
await sleep(1500);
console.log("connections of an ended driver:", open);
process.exit(0);
JS
seen=$(timeout 60 "$runtime" seen.mjs)
printf '%s %s, postgres 3.4.9\n%s\n' "$runtime" "$("$runtime" --version)" "$seen"
[ "$seen" = "the statement: CONNECTION_DESTROYED
connections of an ended driver: 1" ] || { echo "CHANGED: the driver does otherwise when it is ended while a socket is made"; exit 1; }
