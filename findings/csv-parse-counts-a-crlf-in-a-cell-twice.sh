#!/usr/bin/env bash
# Expected: `info.lines` of a record is the same line of the file whichever line ends the file has.
# Happens:  a CR LF inside a quoted cell counts as two lines. All records after it are reported too far down, by one line for each such line
#           end. A CR LF between records counts as one, and so does a single LF inside a cell.
# Matters:  an import that tells people "line 812 is wrong" sends them to another line, and only for files that come from spreadsheets on
#           Windows with line breaks in their cells, which no test file of the developer has.
# Seen:     csv-parse 7.0.3 on Node 26.3.0, 2026-11-29.
# Source:   csv-parse, lib/api/index.js, the loop of `parse`: each CR and each LF sets `wasRowDelimiter`, and the character after it raises `info.lines`.
#           Between records the whole delimiter is skipped at once, so it counts once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . csv-parse@7.0.3
cat >seen.mjs <<'JS'
import { parse } from "csv-parse/sync";
const linesOf = (end) => {
  const text = ["name,text", `a,"one${end}two"`, "b,1", "c,2", ""].join(end);
  return parse(text, { columns: true, info: true }).map(({ info, record }) => `${record.name}:${info.lines}`).join(" ");
};
console.log(`line ends LF:    ${linesOf("\n")}`);
console.log(`line ends CR LF: ${linesOf("\r\n")}`);
JS
seen=$(node seen.mjs)
printf 'node %s, csv-parse 7.0.3\n%s\n' "$(node --version)" "$seen"
[ "$seen" = "line ends LF:    a:3 b:4 c:5
line ends CR LF: a:4 b:5 c:6" ] || { echo "CHANGED: other lines are counted"; exit 1; }
