#!/usr/bin/env bash
# Expected: `new Bun.CryptoHasher("sha256", key)` makes an HMAC, or throws for a reason of its own.
# Happens:  after `crypto.subtle.importKey` refused a key anywhere in the process, and that was caught, the next keyed hasher throws that old error
#           (POINT_IS_NOT_ON_CURVE). The one after it works. A hasher without a key and `createHmac` of node:crypto are not affected.
# Matters:  one signature is taken for wrong or unreadable because of a key that somebody else sent; in tests it depends on their order.
# Seen:     bun 1.4.5, 2026-11-30. The refused key is valid input of an importer: a JWK whose point is not on its curve.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5
bun=node_modules/.bin/bun
cat >seen.mjs <<'JS'
import { createHmac } from "node:crypto";
const coordinate = (byte) => Buffer.alloc(32, byte).toString("base64url");
const key = { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(2) };
const says = (make) => {
  try {
    make();
    return "works";
  } catch (error) {
    return `throws ${error.message.split(":").at(-1)}`;
  }
};
for (const [name, make] of [
  ["keyed hasher", () => new Bun.CryptoHasher("sha256", "secret").update("text").digest("hex")],
  ["hasher", () => new Bun.CryptoHasher("sha256").update("text").digest("hex")],
  ["createHmac", () => createHmac("sha256", "secret").update("text").digest("hex")],
]) {
  await crypto.subtle.importKey("jwk", key, { name: "ECDH", namedCurve: "P-256" }, false, []).catch(() => {});
  console.log(`${name}: ${says(make)}, then ${says(make)}`);
}
JS
seen=$("$bun" seen.mjs)
printf 'bun %s\n%s\n' "$("$bun" --version)" "$seen"
[ "$seen" = "keyed hasher: throws POINT_IS_NOT_ON_CURVE, then works
hasher: works, then works
createHmac: works, then works" ] || { echo "CHANGED: a refused key leaves no error behind"; exit 1; }
