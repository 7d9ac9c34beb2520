// What `bun run stack` answers where no stack runs, and where one does.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveControl } from "./control.ts";
import { REPOSITORY } from "./paths.ts";
import type { StackState } from "./state.ts";

test.each([
  [["restart", "order"], 4, "no stack is running in DIRECTORY; start one with npm run stack up"],
  [["kill", "order"], 4, "no stack is running in DIRECTORY; start one with npm run stack up"],
  [
    ["kill", "order", "SIGNONE"],
    2,
    "'SIGNONE' is invalid for argument 'signal'. SIGNONE is not one of SIGTERM, ",
  ],
  [["up", "--standby", "saga,none"], 2, "argument 'saga,none' is invalid. it must be all, or some of saga,"],
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

test("up is refused where a stack runs, before anything is built", async () => {
  const directory = mkdtempSync(join(tmpdir(), "a-stack-"));
  const state: StackState = JSON.parse('{"phase":"ready"}');
  const running = serveControl(directory, {
    state: () => Promise.resolve(state),
    restart: () => Promise.resolve(),
    kill: () => undefined,
    stop: () => Promise.resolve(),
  });
  try {
    const command = [process.execPath, join(REPOSITORY, "internal/stack/main.ts"), "up", "-d", directory];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([await child.exited, stdout, stderr]).toEqual([
      1,
      "",
      `a stack is already running in ${directory} (npm run stack status shows it)\n`,
    ]);
  } finally {
    await running.close();
    rmSync(directory, { recursive: true });
  }
});
