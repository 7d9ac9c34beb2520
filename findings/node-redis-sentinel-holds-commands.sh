#!/usr/bin/env bash
# Expected: `createSentinel` with `nodeClientOptions: { disableOfflineQueue: true }` rejects a command at once while there is no master, as
#           `createClient` does; it listens to `+switch-master`, the message that clients of Sentinel wait for; and a connect() that finds no
#           Sentinel goes on in the background, as `createClient` does.
# Happens:  the command waits until there is a master, for 17 s by default, and then runs: `commandOptions.timeout` does not end the wait. The
#           client subscribes to the pattern `switch-master`, without the plus, so that message never reaches it; it learns of a failover by
#           others (`+slave`, `-sdown`), and looks once a second. connect() rejects after 17 attempts, and the client is closed then.
# Matters:  a caller with a time limit is long gone when its command runs, for example one that counts a request. Commands pile up during a
#           failover. A process that starts while no Sentinel answers stays without Redis until somebody connects again.
# Seen:     redis 6.3.1 on Node 26.3.0 and on Bun 1.4.5, Redis 7.0.15, 2026-11-30.
# Source:   @redis/client 6.3.1, lib/sentinel/index.js: execute() awaits #reset() and tries again; #createPubSub() names the patterns;
#           #connect() throws after maxCommandRediscovers.
# Needs:    redis-server on PATH, or its path in REDIS_SERVER. RUNTIME=bun runs it on Bun.
set -euo pipefail
server=${REDIS_SERVER:-$(command -v redis-server)} || { echo "no redis-server on PATH: install it, or set REDIS_SERVER"; exit 2; }
runtime=${RUNTIME:-node}
folder=$(mktemp -d)
trap 'for file in "$folder"/*.pid; do [ ! -f "$file" ] || kill "$(cat "$file")" 2>/dev/null || true; done; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . redis@6.3.1
cat >seen.mjs <<'JS'
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, createSentinel } from "redis";
const [executable, folder] = process.argv.slice(2);
const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
const start = async (name, port, args) => {
  const child = spawn(executable, args, { stdio: "ignore" });
  writeFileSync(`${folder}/${name}.pid`, String(child.pid));
  for (;;) {
    const socket = net.connect(port, "127.0.0.1");
    const isOpen = await new Promise((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    if (isOpen) return child;
    await sleep(50);
  }
};
const [masterPort, sentinelPort] = [await freePort(), await freePort()];
const startMaster = () => start("master", masterPort, ["--port", masterPort, "--save", "", "--dir", folder]);
let master = await startMaster();
writeFileSync(`${folder}/sentinel.conf`, `port ${sentinelPort}\nsentinel monitor m 127.0.0.1 ${masterPort} 1\nsentinel down-after-milliseconds m 500\n`);
await start("sentinel", sentinelPort, [`${folder}/sentinel.conf`, "--sentinel"]);

// What the client sends to the Sentinel.
let sent = "";
const proxy = net.createServer((client) => {
  const upstream = net.connect(sentinelPort, "127.0.0.1");
  client.on("data", (data) => { sent += data; upstream.write(data); }).on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
  upstream.on("data", (data) => client.write(data)).on("error", () => client.destroy()).on("close", () => client.destroy());
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const nodeClientOptions = { disableOfflineQueue: true };
const commandOptions = { timeout: 200 };
const options = { name: "m", nodeClientOptions, commandOptions, sentinelRootNodes: [{ host: "127.0.0.1", port: proxy.address().port }] };
const sentinel = createSentinel(options).on("error", () => {});
await sentinel.connect();
const plain = createClient({ url: `redis://127.0.0.1:${masterPort}`, ...nodeClientOptions, commandOptions }).on("error", () => {});
await plain.connect();
await sentinel.set("early", "1");

const gone = new Promise((resolve) => master.on("exit", resolve));
master.kill("SIGKILL");
await gone;
await sleep(300);
const outcome = async (work) => Promise.race([work.then(() => "done", () => "rejected"), sleep(2_000, "still waiting after 2 s")]);
const late = sentinel.set("late", "1");
console.log(`without a master: createClient ${await outcome(plain.set("never", "1"))}, createSentinel ${await outcome(late)}`);
master = await startMaster();
const end = await late.then(() => "done", () => "rejected");
console.log(`when it is back: the waiting command is ${end}, its key has ${await plain.get("late").catch(() => sleep(1_000).then(() => plain.get("late")))}`);
const patterns = [...sent.matchAll(/\r\n([^\r\n]*switch-master)\r\n/g)].map(([, pattern]) => pattern);
console.log(`it listens to: ${[...new Set(patterns)].join(" ")}`);
const nobody = createSentinel({ ...options, maxCommandRediscovers: 1, sentinelRootNodes: [{ host: "127.0.0.1", port: 9 }] }).on("error", () => {});
const connected = await nobody.connect().then(() => "connected", () => "rejected");
console.log(`no Sentinel: connect() ${connected}, isOpen ${nobody.isOpen}`);
plain.destroy();
await sentinel.destroy();
process.exit(0);
JS
seen=$("$runtime" seen.mjs "$server" "$folder")
printf '%s %s, %s\nredis 6.3.1\n%s\n' "$runtime" "$("$runtime" --version)" "$("$server" --version | cut -d' ' -f1-3)" "$seen"
[ "$seen" = "without a master: createClient rejected, createSentinel still waiting after 2 s
when it is back: the waiting command is done, its key has 1
it listens to: switch-master
no Sentinel: connect() rejected, isOpen false" ] || { echo "CHANGED: other outcomes"; exit 1; }
