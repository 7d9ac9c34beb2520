#!/usr/bin/env bash
# Expected: on Bun, which has node:crypto, the Stripe SDK checks a webhook's signature as on Node: `webhooks.constructEvent` works.
# Happens:  the package's `bun` export leads to its build for workers. `constructEvent` throws and asks for the asynchronous form, which
#           goes through WebCrypto and imports the key for every event. A crypto provider of one's own makes the synchronous form work.
# Matters:  code that passes its tests on Node fails on Bun; the asynchronous form cost 39 to 68 us of CPU an event where the synchronous
#           one with a provider on Bun.CryptoHasher cost 9 to 23.
# Seen:     stripe 23.1.0, Bun 1.4.5, 2026-11-28. Source: the package's `exports`, stripe/esm/crypto/SubtleCryptoProvider.js.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . stripe@23.1.0 bun@1.4.5
cat >seen.mjs <<'JS'
import { createHmac } from "node:crypto";
import Stripe from "stripe";

const secret = "whsec_0123456789abcdef";
const body = JSON.stringify({ id: "evt_1", object: "event", type: "charge.succeeded", data: { object: {} } });
const time = Math.floor(Date.now() / 1_000);
const header = `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
const { webhooks } = new Stripe("sk_test_0");
const outcome = (open) => Promise.resolve().then(open).then((event) => `opens ${event.id}`, (error) => `throws: ${error.message.split("\n")[0]}`);
console.log(await outcome(() => webhooks.constructEvent(body, header, secret)));
console.log(await outcome(() => webhooks.constructEventAsync(body, header, secret)));
JS
on_node=$(node seen.mjs) on_bun=$(node_modules/.bin/bun seen.mjs)
printf 'stripe 23.1.0\nnode %s, constructEvent and constructEventAsync:\n%s\nbun %s:\n%s\n' "$(node --version)" "$on_node" "$(node_modules/.bin/bun --version)" "$on_bun"
[ "$(head -1 <<<"$on_node")" = "opens evt_1" ] && grep -q '^throws' <<<"$(head -1 <<<"$on_bun")" && [ "$(tail -1 <<<"$on_bun")" = "opens evt_1" ] ||
  { echo "CHANGED: Bun behaves as Node does, or neither works"; exit 1; }
