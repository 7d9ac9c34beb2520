#!/usr/bin/env bash
# Expected: ACL LOAD after a change of one user's line in the ACL file ends the connections of that user, if any.
# Happens:  it ends the connections of all users of the file whose lines are the same as before, too, but not of the user who sends it while that
#           is `default`, and not of clients that are signed in as `default`.
# Matters:  a new password for one program disconnects all others at once. A client that gives up when its connection ends, or whose
#           reconnects are slow, is without Redis because of somebody else's password.
# Seen:     Redis 7.0.15 of Debian 12, 2026-11-30.
# Source:   redis 7.0.15, src/acl.c: ACLLoadFromFile() frees all old users but `default`, each by ACLFreeUserAndKillClients().
# Needs:    redis-server on PATH, or its path in REDIS_SERVER; Node.
set -euo pipefail
server=${REDIS_SERVER:-$(command -v redis-server)} || { echo "no redis-server on PATH: install it, or set REDIS_SERVER"; exit 2; }
folder=$(mktemp -d)
trap '[ ! -f "$folder/pid" ] || kill "$(cat "$folder/pid")" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.mjs <<'JS'
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
const [executable, folder] = process.argv.slice(2);
const port = await new Promise((resolve) => {
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const found = probe.address().port;
    probe.close(() => resolve(found));
  });
});
const aclFile = (password) =>
  writeFileSync(`${folder}/users.acl`, `user default on nopass ~* &* +@all\nuser alice on >${password} ~* +@all\nuser bob on >of-bob ~* +@all\n`);
aclFile("old");
const child = spawn(executable, ["--port", port, "--save", "", "--dir", folder, "--aclfile", `${folder}/users.acl`], { stdio: "ignore" });
writeFileSync(`${folder}/pid`, String(child.pid));

async function connect(...signIn) {
  for (;;) {
    const socket = net.connect(port, "127.0.0.1");
    const isOpen = await new Promise((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    if (isOpen) {
      const connection = { isClosed: false, ask: (line) => new Promise((resolve) => socket.once("data", (data) => resolve(String(data).trim())).write(`${line}\r\n`)) };
      socket.on("close", () => (connection.isClosed = true)).on("error", () => undefined);
      if (signIn.length > 0) console.log(`${signIn[0]} signs in:`, await connection.ask(`AUTH ${signIn.join(" ")}`));
      return connection;
    }
    await sleep(50);
  }
}
const [admin, idle, alice, bob] = [await connect(), await connect(), await connect("alice", "old"), await connect("bob", "of-bob")];
console.log("version:", (await admin.ask("INFO server")).match(/redis_version:(\S+)/)[1]);
aclFile("new");
console.log("ACL LOAD with a new password for alice:", await admin.ask("ACL LOAD"));
await sleep(300);
const seen = { "default, who sent it": admin.isClosed, "default, another": idle.isClosed, "alice, changed": alice.isClosed, "bob, not changed": bob.isClosed };
console.log("connection ended:", seen);
child.kill();
const isAsDescribed = JSON.stringify(Object.values(seen)) === JSON.stringify([false, false, true, true]);
if (!isAsDescribed) console.error("the behaviour has changed");
process.exit(isAsDescribed ? 0 : 1);
JS
node seen.mjs "$server" "$folder"
