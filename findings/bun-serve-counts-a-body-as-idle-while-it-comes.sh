#!/usr/bin/env bash
# Expected: as Bun's documentation says, a connection is idle while no data is sent or received. So a body that comes byte by byte keeps its
#           connection, and a handler that does not answer loses it, after idleTimeout.
# Happens:  the other way round. A body that comes byte by byte is cut off when idleTimeout has passed since its headers. Once a body is
#           complete, idleTimeout never ends the request; for a GET it does.
# Matters:  idleTimeout, or server.timeout(request, seconds), is a deadline for the whole body, which a server with slow clients wants and
#           its documentation denies. A handler of POSTs needs a time limit of its own.
# Seen:     bun 1.4.5, 2026-11-29.
# Source:   https://github.com/oven-sh/bun/pull/33612 (open; the half about complete bodies, with its cause in uWebSockets).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5
bun=node_modules/.bin/bun
cat >seen.ts <<'JS'
import { connect } from "node:net";

const IDLE_SECONDS = 4;
const PATIENCE_MS = 20_000;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: IDLE_SECONDS,
  development: false,
  async fetch(request) {
    if (request.method === "POST") await request.text();
    return new Promise(() => {});
  },
});

/** Whether the server closes the connection. `drip` is sent every second. */
function end(request, drip = "") {
  const { promise, resolve } = Promise.withResolvers();
  const socket = connect(server.port, "127.0.0.1", () => socket.write(request));
  const timer = drip === "" ? undefined : setInterval(() => socket.write(drip), 1_000);
  const patience = setTimeout(() => resolve("is still open"), PATIENCE_MS);
  socket.on("error", () => undefined);
  socket.on("close", () => resolve("is closed"));
  socket.resume();
  return promise.finally(() => { clearInterval(timer); clearTimeout(patience); socket.destroy(); });
}
const HEAD = "HTTP/1.1\r\nhost: localhost\r\n";
const [coming, complete, get] = await Promise.all([
  end(`POST / ${HEAD}content-length: 900\r\n\r\na`, "a"),
  end(`POST / ${HEAD}content-length: 1\r\n\r\na`),
  end(`GET / ${HEAD}\r\n`),
]);
console.log(`a body that comes byte by byte ${coming}`);
console.log(`a POST whose handler hangs ${complete}`);
console.log(`a GET whose handler hangs ${get}`);
process.exit(0);
JS
seen=$("$bun" seen.ts)
printf 'bun %s\n%s\n' "$("$bun" --version)" "$seen"
[ "$seen" = "a body that comes byte by byte is closed
a POST whose handler hangs is still open
a GET whose handler hangs is closed" ] || { echo "CHANGED: idleTimeout counts otherwise"; exit 1; }
