// Nothing is done to a process that has not been proved to be ours: a process id may long belong to somebody else.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Target } from "./target.ts";

let directory: string;
const started: Bun.Subprocess[] = [];
const grandchildren: number[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "chaos-target-"));
});
afterEach(async () => {
  for (const pid of grandchildren.splice(0)) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  for (const child of started.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(directory, { recursive: true });
});

function spawn(...command: string[]) {
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  return child;
}

/** What looks like the supervisor of `of` to anybody who reads /proc, with one child. */
async function supervisor(of: string) {
  const script = "sleep 600 & echo $!; wait";
  const child = spawn("sh", "-c", script, "supervisor.ts", JSON.stringify({ dataDirectory: of }));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const pid = Number(new TextDecoder().decode(value));
  grandchildren.push(pid);
  return { pid: child.pid, child: pid };
}

function targetOf(supervisorPid: number, pid: number, exit: string | null = null): Target {
  const redis = { name: "redis", pid, ports: {}, exit };
  writeFileSync(
    join(directory, "state.json"),
    JSON.stringify({ supervisor_pid: supervisorPid, servers: [redis], roles: [] }),
  );
  return new Target(directory);
}

/** What comes first: that it is taken for running, or that it is started again as the child of `next`. */
async function orderOf(target: Target, next: { readonly pid: number; readonly child: number }) {
  const order: string[] = [];
  const waiting = target.running("redis").then(() => order.push("runs"));
  await Bun.sleep(1);
  order.push("started again");
  targetOf(next.pid, next.child);
  await waiting;
  return order;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a process of the stack", () => {
  test("that our own supervisor started is signalled", async () => {
    // given
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child);
    // when
    expect(target.proven("redis")).toEqual([ours.child]);
    target.signal("redis", "SIGKILL");
    // then
    while (isAlive(ours.child)) await Bun.sleep(5);
  });

  test("that somebody else started is left alone", async () => {
    const ours = await supervisor(directory);
    const foreign = spawn("sleep", "600");
    const target = targetOf(ours.pid, foreign.pid);
    expect(() => target.signal("redis", "SIGKILL")).toThrow("is not the redis that our supervisor");
    expect(isAlive(foreign.pid)).toBe(true);
  });

  test("of another stack's supervisor is left alone", async () => {
    const other = await supervisor(`${directory}-other`);
    const target = targetOf(other.pid, other.child);
    expect(() => target.signal("redis", "SIGKILL")).toThrow(`is not the supervisor of ${directory}`);
    expect(isAlive(other.child)).toBe(true);
  });

  test("that has ended is waited for until it runs again", async () => {
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child, "signal SIGKILL");
    expect(await orderOf(target, ours)).toEqual(["started again", "runs"]);
  });

  test("that ended by itself is told of with its last words", async () => {
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child, "code 1");
    mkdirSync(join(directory, "logs"));
    writeFileSync(join(directory, "logs/redis.log"), "ready\nunhandled: no memory\n");
    target.supervise();
    while (target.unexpected.size === 0) await Bun.sleep(5);
    await target.stopSupervising();
    expect(target.unexpected.get("redis")).toEqual(["code 1; unhandled: no memory"]);
  });

  test("that was killed a moment ago is waited for even before anybody has buried it", async () => {
    // given: a parent that does not get to it, so that /proc still shows the dead
    const ours = await supervisor(directory);
    const next = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child);
    process.kill(ours.pid, "SIGSTOP");
    // when
    target.signal("redis", "SIGKILL");
    // then
    expect(await orderOf(target, next)).toEqual(["started again", "runs"]);
  });

  test("that the stack does not have is told", async () => {
    const target = targetOf(1, 1);
    expect(() => target.signal("postgres", "SIGKILL")).toThrow(`no postgres in the stack of ${directory}`);
  });
});
