#!/usr/bin/env bash
# Expected: a program does the same under `bun` and as a file of `bun build`, with or without --compile.
# Happens:  the default import of a CommonJS module that sets `__esModule` and `exports.default` is that value under `bun`, and the whole
#           `exports` in a bundle (as it is in Node), if the importer is an ES module by its name or by "type": "module" in package.json.
#           Without that the bundle does as `bun` does. Named imports agree everywhere.
# Matters:  all tests run the source, and all pass; only the compiled binary calls an object and throws on each request.
# Seen:     bun 1.4.5, validator 13.15.35 (lib/isPostalCode.js), 2026-11-29.
# Source:   https://bun.com/docs/runtime/module-resolution (interop of CommonJS); the bundler follows Node where the importer is an ES module.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5 validator@13.15.35
bun=node_modules/.bin/bun
mkdir module && echo '{"type":"module"}' >module/package.json
for name in seen.ts seen.mjs module/seen.ts; do
  cat >"$name" <<'JS'
import isPostalCode, { locales } from "validator/lib/isPostalCode.js";
console.log(`default is a ${typeof isPostalCode}, locales a ${Array.isArray(locales) ? "list" : typeof locales}`);
JS
done
run() { printf '%s: %s\n' "$1" "$("${@:2}")"; }
seen=$(
  for name in seen.ts seen.mjs module/seen.ts; do
    run "bun $name" "$bun" "$name"
    "$bun" build --target=bun "$name" --outfile "$name.bundle.js" >build.log
    run "bundle of $name" "$bun" "$name.bundle.js"
    "$bun" build --compile "$name" --outfile "$name.binary" >build.log
    run "binary of $name" "$folder/$name.binary"
  done
)
printf 'bun %s, validator 13.15.35\n%s\n' "$("$bun" --version)" "$seen"
[ "$seen" = "bun seen.ts: default is a function, locales a list
bundle of seen.ts: default is a function, locales a list
binary of seen.ts: default is a function, locales a list
bun seen.mjs: default is a function, locales a list
bundle of seen.mjs: default is a object, locales a list
binary of seen.mjs: default is a object, locales a list
bun module/seen.ts: default is a function, locales a list
bundle of module/seen.ts: default is a object, locales a list
binary of module/seen.ts: default is a object, locales a list" ] || { echo "CHANGED: other imports"; exit 1; }
