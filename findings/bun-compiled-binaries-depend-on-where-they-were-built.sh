#!/usr/bin/env bash
# Expected: the same sources, built by the same Bun, make the same binary in any folder.
# Happens:  `__dirname` in a CommonJS module becomes the folder of the build machine, as text in the code; and the name of the output file is
#           in the binary, so a temporary name is, too.
# Matters:  nobody can check that a binary was built from its source; and it tells where it was built.
# Seen:     bun 1.4.5, 2026-11-29. Way out: `define` for __dirname; the final name, in a temporary folder.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund bun@1.4.5
bun=$PWD/node_modules/.bin/bun
"$bun" --version

project() { # FOLDER
  mkdir -p "$1"
  echo 'module.exports = __dirname;' > "$1/folder.cjs"
  echo 'import folder from "./folder.cjs"; console.log(folder);' > "$1/dirname.ts"
  echo 'console.log("hello");' > "$1/plain.ts"
}
compile() { # FOLDER ENTRY OUTPUT
  (cd "$1" && "$bun" build --compile --bytecode --format=esm --minify --sourcemap=inline "$2" --outfile "$3" > /dev/null)
}
sum() { sha256sum < "$1" | cut -c1-16; }

project a; project deeper/down/b
compile a plain.ts out; compile deeper/down/b plain.ts out
echo "plain code, two folders:     $(sum a/out) $(sum deeper/down/b/out)"
compile a dirname.ts out; compile deeper/down/b dirname.ts out
dirname_first=$(sum a/out) dirname_second=$(sum deeper/down/b/out)
echo "with __dirname, two folders: $dirname_first $dirname_second"
compile a plain.ts out; compile a plain.ts ot2
named_first=$(sum a/out) named_second=$(sum a/ot2)
echo "plain code, two names:       $named_first $named_second"

if [ "$dirname_first" != "$dirname_second" ] && [ "$named_first" != "$named_second" ]; then
  echo "still so: folder and name of the build are in the binary"
else
  echo "CHANGED: Bun no longer puts folder or name into the binary"; exit 1
fi
