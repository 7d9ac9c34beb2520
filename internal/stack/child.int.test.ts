// A child process of the stack: it dies with its parent, is killed if it ignores the stop signal, and reports why it did not become
// ready.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOf } from "../../bench/processes.ts";
import { startChild } from "./child.ts";
import { unprivilegedUser } from "./unprivileged.ts";
import { waitUntil } from "./wait.ts";

const directory = mkdtempSync(join(tmpdir(), "checkout-child-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

const logFile = (name: string) => join(directory, `${name}.log`);
const shell = (name: string, script: string) => ({
  name,
  command: ["sh", "-c", script],
  logFile: logFile(name),
});

test("killing the parent ends the child, also if it runs as another user", async () => {
  const user = JSON.stringify(unprivilegedUser() ?? null);
  const program = `const { startChild } = await import(${JSON.stringify(join(import.meta.dir, "child.ts"))});
    const user = ${user} ?? undefined;
    const child = startChild({ name: "sleeper", command: ["sleep", "1000"], logFile: ${JSON.stringify(logFile("sleeper"))}, user });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const parent = Bun.spawn([process.execPath, "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const { value } = await parent.stdout.getReader().read();
  const child = new TextDecoder().decode(value).trim();
  await waitUntil("the child sleeps", () => commandOf(Number(child)).startsWith("sleep"), {
    timeoutMs: 30_000,
  });
  parent.kill("SIGKILL");
  await parent.exited;
  await waitUntil("the child is gone", () => commandOf(Number(child)) === "", { timeoutMs: 30_000 });
});

test("a child that ignores the stop signal is killed at the deadline", async () => {
  const child = startChild({
    ...shell("deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done"),
    stopDeadlineMs: 200,
  });
  await waitUntil(
    "it runs",
    () => existsSync(logFile("deaf")) && readFileSync(logFile("deaf"), "utf8") === "up\n",
    {
      timeoutMs: 30_000,
    },
  );
  expect(await child.stop()).toEqual({ code: null, signal: "SIGKILL" });
  expect(await child.stop()).toEqual({ code: null, signal: "SIGKILL" });
});

test("a child that dies before it is ready is reported at once, with the end of its log", async () => {
  const child = startChild(shell("broken", "echo 'no such table' >&2; exit 7"));
  const ready = child.ready(() => false, 60_000);
  await expect(ready).rejects.toThrow("no such table");
  await expect(ready).rejects.toMatchObject({ cause: { message: "exited with exit code 7" } });
});
