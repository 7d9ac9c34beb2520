// Only processes that are proved to be ours are touched: a process id may have been reused by another program.
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

/** A process that looks like the supervisor of `of` in /proc, with one child. */
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

/** The order of two events: `running` resolves, and the process is started again as the child of `next`. */
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
  test("of our own supervisor is signalled", async () => {
    // given
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child);
    // when
    expect(target.proven("redis")).toEqual([ours.child]);
    target.signal("redis", "SIGKILL");
    // then
    while (isAlive(ours.child)) await Bun.sleep(5);
  });

  test("with another parent is not touched", async () => {
    const ours = await supervisor(directory);
    const foreign = spawn("sleep", "600");
    const target = targetOf(ours.pid, foreign.pid);
    expect(() => target.signal("redis", "SIGKILL")).toThrow("is not the redis that our supervisor");
    expect(isAlive(foreign.pid)).toBe(true);
  });

  test("of another stack's supervisor is not touched", async () => {
    const other = await supervisor(`${directory}-other`);
    const target = targetOf(other.pid, other.child);
    expect(() => target.signal("redis", "SIGKILL")).toThrow(`is not the supervisor of ${directory}`);
    expect(isAlive(other.child)).toBe(true);
  });

  test("that has ended is awaited until it runs again", async () => {
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child, "signal SIGKILL");
    expect(await orderOf(target, ours)).toEqual(["started again", "runs"]);
  });

  test("that ended by itself is reported with its last log line", async () => {
    const ours = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child, "code 1");
    mkdirSync(join(directory, "logs"));
    writeFileSync(join(directory, "logs/redis.log"), "ready\nunhandled: no memory\n");
    target.supervise();
    while (target.unexpected.size === 0) await Bun.sleep(5);
    await target.stopSupervising();
    expect(target.unexpected.get("redis")).toEqual(["code 1; unhandled: no memory"]);
  });

  test("that was just killed is awaited even while /proc still shows it", async () => {
    // given a stopped parent, so that the zombie stays in /proc
    const ours = await supervisor(directory);
    const next = await supervisor(directory);
    const target = targetOf(ours.pid, ours.child);
    process.kill(ours.pid, "SIGSTOP");
    // when
    target.signal("redis", "SIGKILL");
    // then
    expect(await orderOf(target, next)).toEqual(["started again", "runs"]);
  });

  test("with an unknown name throws", async () => {
    const target = targetOf(1, 1);
    expect(() => target.signal("postgres", "SIGKILL")).toThrow(
      `there is no postgres in the stack of ${directory}`,
    );
  });
});
