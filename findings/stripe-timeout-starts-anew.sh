#!/usr/bin/env bash
# Expected: `timeout: 1000` of a Stripe client with maxNetworkRetries: 0 bounds a call: after a second it has a result or failed.
# Happens:  a call whose connection closes is sent again (stripe-resends-without-retries.sh), and the second request has a whole timeout of
#           its own: with a server that closes after 0.9 s and then stays silent, the call ends after about 1.9 s and more.
# Matters:  whoever sizes a lease or a deadline by the timeout is wrong by a factor of two, in the case in which the network is bad. A fetch
#           of one's own that sends the second request itself, with the signal of the first, keeps the call within its timeout.
# Seen:     stripe 23.1.0, Node 20.20.2 (default client) and Bun 1.4.5 (fetch client), 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . stripe@23.1.0 bun@1.4.5
cat >seen.mjs <<'JS'
import { createServer } from "node:net";
import Stripe from "stripe";

let requests = 0;
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    requests += 1;
    if (requests === 1) setTimeout(() => socket.destroy(), 900);
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = { host: "127.0.0.1", port: server.address().port, protocol: "http" };
const httpClient = process.versions.bun === undefined ? Stripe.createNodeHttpClient() : Stripe.createFetchHttpClient();
const stripe = new Stripe("sk_test_0", { ...address, httpClient, timeout: 1000, maxNetworkRetries: 0, telemetry: false });
const begun = performance.now();
const error = await stripe.refunds.create({ charge: "ch_1" }).catch((e) => e);
const took = performance.now() - begun;
console.log(`timeout 1000 ms: ${requests} requests, ${error.type} after ${(took / 1000).toFixed(1)} s`);
process.exit(requests === 2 && took > 1700 ? 0 : 1);
JS
echo "stripe 23.1.0"
echo "node $(node --version): $(node seen.mjs)" && echo "bun $(node_modules/.bin/bun --version): $(node_modules/.bin/bun seen.mjs)"
node seen.mjs >/dev/null && node_modules/.bin/bun seen.mjs >/dev/null || { echo "CHANGED: a call keeps to its timeout"; exit 1; }
