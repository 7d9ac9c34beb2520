#!/usr/bin/env bash
# Expected: `lastResponse.headers` of an answer is what the SDK's types say, an object from names to values, whichever HTTP client it has:
#           `intent.lastResponse.headers["idempotent-replayed"]` tells whether the answer was stored under the key.
# Happens:  with the Node client it is that object. With the fetch client, which Bun, Deno and workers get, `lastResponse` is the fetch
#           Response itself and its `headers` a Headers: reading by index compiles, and is undefined for every header. Errors are not affected:
#           `error.headers` is an object with both.
# Matters:  a stored answer counts as a new one. The first answer under the key of a hold says "held" long after the money was taken.
#           `new Headers(lastResponse.headers)` reads both forms.
# Seen:     stripe 23.1.0, Node 20.20.2 and Bun 1.4.5, 2026-11-30.
# Source:   stripe/esm/RequestSender.js, `_jsonResponseHandler`: `lastResponse` is `res.getRawResponse()`, which the fetch client answers with
#           the Response (net/FetchHttpClient.js), beside its own copy of the headers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . stripe@23.1.0 bun@1.4.5
cat >seen.mjs <<'JS'
import { createServer } from "node:http";
import Stripe from "stripe";

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/json", "idempotent-replayed": "true" });
  response.end(JSON.stringify({ id: "pi_1", object: "payment_intent" }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = { host: "127.0.0.1", port: server.address().port, protocol: "http" };
const clients = [["fetch", Stripe.createFetchHttpClient()]];
// The package has no other for Bun.
if (process.versions.bun === undefined) clients.push(["node", Stripe.createNodeHttpClient()]);
for (const [name, httpClient] of clients) {
  const stripe = new Stripe("sk_test_0", { ...address, httpClient, maxNetworkRetries: 0, telemetry: false });
  const { headers } = (await stripe.paymentIntents.retrieve("pi_1")).lastResponse;
  const read = new Headers(headers).get("idempotent-replayed");
  console.log(`${name} client: by index ${headers["idempotent-replayed"]}, as Headers ${read}`);
}
process.exit(0);
JS
on_node=$(node seen.mjs) on_bun=$(node_modules/.bin/bun seen.mjs)
printf 'stripe 23.1.0\nnode %s\n%s\nbun %s\n%s\n' "$(node --version)" "$on_node" "$(node_modules/.bin/bun --version)" "$on_bun"
grep -q '^node client: by index true, as Headers true' <<<"$on_node" &&
  grep -q '^fetch client: by index undefined, as Headers true' <<<"$on_node" &&
  grep -q '^fetch client: by index undefined, as Headers true' <<<"$on_bun" ||
  { echo "CHANGED: the headers have the same form with each client"; exit 1; }
