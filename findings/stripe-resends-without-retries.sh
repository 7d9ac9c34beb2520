#!/usr/bin/env bash
# Expected: a Stripe client with maxNetworkRetries: 0 sends a request once. Who turns retries off does so to count attempts, or to tell
#           an answer to the first attempt from one to the second.
# Happens:  where the client sees ECONNRESET or EPIPE, a POST whose connection the server closes before it answers is sent a second time
#           with the same idempotency key: on Node with the default client, on Bun with the fetch client. On Node with the fetch client
#           the same loss is not resent. The first request may have been executed, so an error that answers the second one ("too many
#           requests") says nothing about the payment.
# Matters:  an answer that is definite for a request counts as unknown where a connection was lost under the same key.
# Seen:     stripe 23.1.0, Node 26.3.0 and Bun 1.4.5, 2026-11-28.
# Source:   stripe/esm/RequestSender.js, `_shouldRetry`: a closed connection is retried once, before maxNetworkRetries is looked at.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . stripe@23.1.0 bun@1.4.5
cat >seen.mjs <<'JS'
import { createServer } from "node:net";
import Stripe from "stripe";

const sent = [];
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", (bytes) => {
    sent.push(/^idempotency-key: (.*)$/im.exec(String(bytes))?.[1]?.trim());
    socket.destroy();
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = { host: "127.0.0.1", port: server.address().port, protocol: "http" };
const clients = [["fetch", Stripe.createFetchHttpClient()]];
// The package has no other for Bun.
if (process.versions.bun === undefined) clients.push(["node", Stripe.createNodeHttpClient()]);
for (const [name, httpClient] of clients) {
  sent.length = 0;
  const stripe = new Stripe("sk_test_0", { ...address, httpClient, maxNetworkRetries: 0, telemetry: false });
  const error = await stripe.refunds.create({ charge: "ch_1" }, { idempotencyKey: `key-${name}` }).catch((e) => e);
  console.log(`${name} client: ${sent.length} sent with ${new Set(sent).size} key; then ${error.type ?? error.name}`);
}
server.close();
process.exit(0);
JS
on_node=$(node seen.mjs) on_bun=$(node_modules/.bin/bun seen.mjs)
printf 'stripe 23.1.0\nnode %s\n%s\nbun %s\n%s\n' "$(node --version)" "$on_node" "$(node_modules/.bin/bun --version)" "$on_bun"
grep -q '^node client: 2 sent with 1 key' <<<"$on_node" && grep -q '^fetch client: 1 ' <<<"$on_node" && grep -q '^fetch client: 2 sent with 1 key' <<<"$on_bun" ||
  { echo "CHANGED: other requests are sent twice, or none"; exit 1; }
