// A confirmation that is typed on a real terminal, while the result goes to a file.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../internal/stack/paths.ts";
import { waitUntil } from "../../internal/stack/wait.ts";

const PROGRAM = `
import { askOnTerminal } from "${REPOSITORY}/cmd/checkoutctl/ask-on-terminal.ts";
console.log(JSON.stringify(await askOnTerminal("Type the count, 3, to start: ")));
`;

const folder = mkdtempSync(join(tmpdir(), "ask-on-terminal-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the question is on the terminal alone, and the answer comes without blanks", async () => {
  const result = join(folder, "result");
  let screen = "";
  const child = Bun.spawn(["sh", "-c", 'exec "$0" -e "$1" > "$2"', process.execPath, PROGRAM, result], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
    terminal: {
      data: (_, bytes) => {
        screen += new TextDecoder().decode(bytes);
      },
    },
  });
  await waitUntil("the question", () => screen.includes("Type the count, 3, to start: "), {
    timeoutMs: 20_000,
  });
  child.terminal?.write(" 3 \r");
  expect(await child.exited).toBe(0);
  expect(readFileSync(result, "utf8")).toBe('"3"\n');
});
