#!/usr/bin/env bash
# Expected: `destroy()` of a client that is connecting ends it: the connection is closed as soon as it is made, or is never made.
# Happens:  the client goes on. It connects, signs in, emits `ready` after `end`, and stays connected: `isOpen` is false and `isReady` true. Only a
#           second `destroy()`, after `ready`, ends it.
# Matters:  whoever gives up a server that is slow to answer, or stops while it still connects, keeps a connection that nobody uses, and with
#           `pingInterval` a timer. A process that ends when it has nothing to do does not end.
# Seen:     redis 6.3.1 on Node 26.3.0 and on Bun 1.4.5, 2026-11-30.
# Source:   @redis/client 6.3.1, lib/client/socket.js: destroy() finds no socket yet; #connect() does not look at #isOpen after #createSocket().
# Needs:    RUNTIME=bun runs it on Bun.
set -euo pipefail
runtime=${RUNTIME:-node}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . redis@6.3.1
cat >seen.mjs <<'JS'
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
let open = 0;
const server = net.createServer((socket) => {
  open++;
  socket.on("close", () => open--).on("error", () => {});
  socket.on("data", (data) => {
    const commands = data.toString().split("*").length - 1;
    const isFirst = data.includes("HELLO");
    socket.write((isFirst ? "%1\r\n+proto\r\n:3\r\n" : "") + "+OK\r\n".repeat(isFirst ? commands - 1 : commands));
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = createClient({ url: `redis://127.0.0.1:${server.address().port}`, socket: { reconnectStrategy: false } });
const events = [];
for (const name of ["ready", "end", "error"]) client.on(name, () => events.push(name));
const connecting = client.connect().catch(() => {});
client.destroy();
await Promise.race([connecting, sleep(2000)]);
await sleep(500);
console.log("events:", events.join(", "));
console.log("connections of a destroyed client:", open);
client.destroy();
await sleep(500);
console.log("after the second destroy():", open);
process.exit(0);
JS
seen=$(timeout 60 "$runtime" seen.mjs)
printf '%s %s, redis 6.3.1\n%s\n' "$runtime" "$("$runtime" --version)" "$seen"
[ "$seen" = "events: end, ready
connections of a destroyed client: 1
after the second destroy(): 0" ] || { echo "CHANGED: a client that is destroyed while it connects does otherwise"; exit 1; }
