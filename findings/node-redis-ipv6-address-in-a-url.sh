#!/usr/bin/env bash
# Expected: the client connects to redis://[::1]:PORT as it does to redis://127.0.0.1:PORT.
# Happens:  the TCP connection is made and then dropped: `getaddrinfo ENOTFOUND [::1]`, with each attempt.
# Matters:  a Redis or a Sentinel with an IPv6 address in its URL cannot be used at all. `maintNotifications: "disabled"` helps.
# Seen:     redis 6.3.1 on Node 26.3.0 and on Bun 1.4.5, 2026-11-30.
# Source:   @redis/client 6.3.1, lib/client/enterprise-maintenance-manager.js: for CLIENT MAINT_NOTIFICATIONS, a feature of Redis Enterprise that is on by
#           default, getHandshakeCommand() takes `hostname` from the URL, which has brackets, and determineEndpoint() looks it up.
# Needs:    an IPv6 loopback address. RUNTIME=bun runs it on Bun.
set -euo pipefail
runtime=${RUNTIME:-node}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . redis@6.3.1
cat >seen.mjs <<'JS'
import net from "node:net";
import { createClient } from "redis";
const server = net.createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => {
    const commands = data.toString().split("*").length - 1;
    const isFirst = data.includes("HELLO");
    socket.write((isFirst ? "%1\r\n+proto\r\n:3\r\n" : "") + "+OK\r\n".repeat(isFirst ? commands - 1 : commands));
  });
});
await new Promise((resolve) => server.listen(0, "::", resolve));
async function outcome(host, options) {
  const url = `redis://${host}:${server.address().port}`;
  const client = createClient({ url, socket: { reconnectStrategy: false }, ...options });
  client.on("error", () => {});
  const seen = await client.connect().then(() => "connected", (error) => error.message);
  client.destroy();
  return seen;
}
console.log("127.0.0.1:", await outcome("127.0.0.1"));
console.log("[::1]:", await outcome("[::1]"));
console.log("[::1], maintNotifications disabled:", await outcome("[::1]", { maintNotifications: "disabled" }));
process.exit(0);
JS
seen=$(timeout 60 "$runtime" seen.mjs)
printf '%s %s, redis 6.3.1\n%s\n' "$runtime" "$("$runtime" --version)" "$seen"
[ "$seen" = "127.0.0.1: connected
[::1]: getaddrinfo ENOTFOUND [::1]
[::1], maintNotifications disabled: connected" ] || { echo "CHANGED: an IPv6 address does otherwise"; exit 1; }
