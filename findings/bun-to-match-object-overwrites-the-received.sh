#!/usr/bin/env bash
# Expected: `expect(received).toMatchObject(expected)` only looks at `received`.
# Happens:  where `expected` has an asymmetric matcher (expect.stringMatching, expect.any, ..) and it matches, the matcher is written into
#           `received`. What the test does with the object afterwards is done with a matcher: a second assertion on the same property compares two
#           matchers, and code that reads it gets an object instead of a string.
# Matters:  two assertions on one error fail on the second; a fixture that is compared once is another fixture for the next test.
# Seen:     bun 1.4.5, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5
bun=node_modules/.bin/bun
cat >seen.test.ts <<'JS'
import { expect, test } from "bun:test";
test("a received object stays as it is", () => {
  const received = { message: "a message" };
  expect(received).toMatchObject({ message: expect.stringContaining("mess") });
  console.log(`after toMatchObject the message is a ${typeof received.message}`);
  const other = { message: "a message" };
  expect(other).toEqual({ message: expect.stringContaining("mess") });
  console.log(`after toEqual it is a ${typeof other.message}`);
});
JS
seen=$("$bun" test seen.test.ts 2>/dev/null | grep '^after')
printf 'bun %s\n%s\n' "$("$bun" --version)" "$seen"
[ "$seen" = "after toMatchObject the message is a object
after toEqual it is a string" ] || { echo "CHANGED: the received object is left alone"; exit 1; }
