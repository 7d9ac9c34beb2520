// The stack on its command line: it starts, shows its addresses, keeps its data, and leaves nothing behind however it ends.
import { afterEach, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { commandOf } from "../../bench/processes.ts";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { processesOf } from "../testkit/processes.ts";
import { REPOSITORY } from "./paths.ts";
import { type StackState, readState } from "./state.ts";
import { waitUntil } from "./wait.ts";

/** `up` starts two processes of Bun one after the other, and on a busy machine each may need 10 s before it does anything. */
const SOON = { timeoutMs: 90_000 };
const UP_TIMEOUT_MS = 300_000;

const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) {
    await stack("down", "--wipe", "--data-dir", directory);
    rmSync(directory, { recursive: true, force: true });
  }
}, UP_TIMEOUT_MS);

test(
  "the stack starts, keeps its data over a kill of the supervisor, and stops without leftovers",
  async () => {
    const directory = newDirectory();
    expect(await stack("up", "--no-roles", "--data-dir", directory)).toMatchObject({ code: 0 });
    const first = await status(directory);
    expect(first.phase).toBe("ready");
    await untilHealthy(directory);
    expect(first.servers.map(({ name }) => name)).toEqual([
      "postgres-saga",
      "postgres-inventory",
      "postgres-payment",
      "postgres-order",
      "postgres-notification",
      "redis",
      "kafka-1",
      "mail",
    ]);
    await query(first, "create table kept as select 42 as answer");

    process.kill(first.supervisor_pid, "SIGKILL");
    await waitUntil("every process has gone", () => alive(first).length === 0, SOON);
    expect(await stack("status", "--data-dir", directory)).toMatchObject({ code: 4 });

    expect(await stack("up", "--no-roles", "--data-dir", directory)).toMatchObject({ code: 0 });
    const second = await status(directory);
    expect(await query(second, "select answer from kept")).toEqual([{ answer: 42 }]);
    expect(await stack("down", "--data-dir", directory)).toMatchObject({ code: 0 });
    expect(alive(second)).toEqual([]);
    expect(readState(directory)?.phase).toBe("stopped");
  },
  UP_TIMEOUT_MS,
);

test(
  "killing `up` half-way stops everything",
  async () => {
    const directory = newDirectory();
    const up = start("up", "--no-roles", "--data-dir", directory);
    await waitUntil("the first servers run", () => (readState(directory)?.servers.length ?? 0) >= 5, SOON);
    up.kill("SIGKILL");
    await up.exited;
    // It had not come to its end before.
    expect(up.signalCode).toBe("SIGKILL");
    await waitUntil("the stack has stopped", () => readState(directory)?.phase === "stopped", SOON);
    // At once, while the supervisor may still be stopping: `down` waits for it, so that the next `up` finds the directory free.
    expect(await stack("down", "--data-dir", directory)).toMatchObject({ code: 0 });
    const state = readState(directory);
    expect(state && alive(state)).toEqual([]);
  },
  UP_TIMEOUT_MS,
);

test(
  "Ctrl-C during `up` stops what was started",
  async () => {
    const directory = newDirectory();
    const up = start("up", "--no-roles", "--data-dir", directory);
    await waitUntil("the first servers run", () => (readState(directory)?.servers.length ?? 0) >= 2, SOON);
    up.kill("SIGINT");
    expect(await up.exited).toBe(130);
    const state = readState(directory);
    expect(state?.phase).toBe("stopped");
    expect(state && alive(state)).toEqual([]);
  },
  UP_TIMEOUT_MS,
);

test(
  "two stacks run side by side, but not in one directory; a killed server is reported and can be restarted",
  async () => {
    const [one, other] = [newDirectory(), newDirectory()];
    expect(await stack("up", "--no-roles", "--data-dir", one)).toMatchObject({ code: 0 });
    expect(await stack("up", "--no-roles", "--data-dir", other)).toMatchObject({ code: 0 });
    const again = await stack("up", "--no-roles", "--data-dir", one);
    expect(again.code).toBe(1);
    expect(again.output).toContain("already running");

    expect(await stack("kill", "redis", "--data-dir", one)).toMatchObject({ code: 0 });
    const redis = async (directory: string) =>
      (await status(directory)).servers.find(({ name }) => name === "redis");
    await waitUntil("the kill is reported", async () => (await redis(one))?.exit === "signal SIGKILL", SOON);
    expect(await stack("status", "--data-dir", one)).toMatchObject({ code: 3 });
    await untilHealthy(other);
    expect(await stack("restart", "redis", "--data-dir", one)).toMatchObject({ code: 0 });
    await untilHealthy(one);
  },
  UP_TIMEOUT_MS,
);

test(
  "three brokers form one cluster, and the number cannot change",
  async () => {
    const directory = newDirectory();
    expect(await stack("up", "--no-roles", "--brokers", "3", "--data-dir", directory)).toMatchObject({
      code: 0,
    });
    const state = await status(directory);
    expect(state.addresses.kafka_brokers.split(",")).toHaveLength(3);
    await untilHealthy(directory);
    await stack("down", "--data-dir", directory);
    const one = await stack("up", "--no-roles", "--brokers", "1", "--data-dir", directory);
    expect(one.code).toBe(1);
    expect(one.output).toContain("is for 3 broker(s)");
  },
  UP_TIMEOUT_MS,
);

test("wiping does not touch a directory that is not a stack's", async () => {
  const directory = newDirectory();
  writeFileSync(join(directory, "precious"), "");
  const refused = await stack("down", "--wipe", "--data-dir", directory);
  expect(refused.code).toBe(1);
  expect(existsSync(join(directory, "precious"))).toBe(true);
});

function newDirectory(): string {
  const directory = newDataDirectory("stack-test");
  directories.push(directory);
  return directory;
}

function start(...args: string[]) {
  return Bun.spawn([process.execPath, join(REPOSITORY, "internal/stack/main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function stack(...args: string[]): Promise<{ code: number; output: string }> {
  const child = start(...args);
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}

async function status(directory: string): Promise<StackState> {
  const { output } = await stack("status", "--json", "--data-dir", directory);
  const state: StackState = JSON.parse(output);
  return state;
}

/** One look is not enough: on a busy machine a server may need longer for an answer than a status waits for it. */
async function untilHealthy(directory: string): Promise<void> {
  const areHealthy = async () => (await status(directory)).servers.every(({ healthy }) => healthy);
  await waitUntil(`every server of ${directory} is healthy`, areHealthy, SOON);
}

async function query(state: StackState, text: string): Promise<unknown[]> {
  const sql = postgres(state.addresses.postgres["saga"] ?? "", { max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

/** Running processes of the stack: its own, and any other that belongs to its data directory. */
function alive(state: StackState): string[] {
  const own = [...state.servers, ...state.roles]
    .map(({ pid }) => commandOf(pid))
    .filter((command) => command !== "");
  return [...own, ...processesOf(state.data_directory)];
}
