#!/usr/bin/env bash
# Expected: the head of a response whose body is a stream is on the wire at once, as in Node after flushHeaders().
# Happens:  Bun.serve writes the status line and the handler's own headers, and holds back Date, Transfer-Encoding and the empty line that
#           ends the head until the stream has its first chunk.
# Matters:  an event stream that has nothing to say yet is not open for its client: fetch() does not resolve, EventSource never fires
#           `open`, a proxy waits on half a head. So a stream begins with a line of its own, such as `retry:` or a comment.
# Seen:     bun 1.4.5, 2026-11-29.
# Source:   https://github.com/oven-sh/bun/pull/33660 (open; the same behaviour, and that there is no way to flush a head).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5
bun=node_modules/.bin/bun
cat >seen.ts <<'JS'
import { connect } from "node:net";

let speak = () => {};
const quiet = () => new ReadableStream({ start: (stream) => void (speak = () => stream.enqueue(Buffer.from(": hi\n\n"))) });
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: () => new Response(quiet(), { headers: { "content-type": "text/event-stream" } }),
});
let received = "";
const socket = connect(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
socket.on("data", (bytes) => void (received += bytes));
const isWhole = () => received.includes("\r\n\r\n");
while (!received.includes("event-stream\r\n")) await Bun.sleep(10);
await Bun.sleep(2_000);
console.log(`two seconds after the first byte the head is ${isWhole() ? "whole" : "not whole"}`);
speak();
while (!received.includes(": hi")) await Bun.sleep(10);
console.log(`with the first chunk it is ${isWhole() ? "whole" : "not whole"}`);
process.exit(0);
JS
seen=$("$bun" seen.ts)
printf 'bun %s\n%s\n' "$("$bun" --version)" "$seen"
[ "$seen" = "two seconds after the first byte the head is not whole
with the first chunk it is whole" ] || { echo "CHANGED: the head comes at another time"; exit 1; }
