// What `bun run stack` answers where no stack runs.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "./paths.ts";

test.each([
  [["restart", "order"], 4, "no stack is running in DIRECTORY; start one with npm run stack up"],
  [["kill", "order"], 4, "no stack is running in DIRECTORY; start one with npm run stack up"],
  [["logs", "order", "-n", "abc"], 2, "argument 'abc' is invalid. it must be a whole number"],
])("%p exits %p and says %p", (args, code, text) => {
  const directory = mkdtempSync(join(tmpdir(), "no-stack-"));
  try {
    mkdirSync(join(directory, "logs"));
    writeFileSync(join(directory, "logs/order.log"), "a line\n");
    const command = [process.execPath, join(REPOSITORY, "internal/stack/main.ts"), ...args, "-d", directory];
    const { exitCode, stderr } = Bun.spawnSync(command);
    expect(stderr.toString()).toContain(text.replace("DIRECTORY", directory));
    expect(exitCode).toBe(code);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
