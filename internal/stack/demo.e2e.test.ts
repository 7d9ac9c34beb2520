// Runs the demo as a newcomer does. Faults are tested in e2e/.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { processesOf } from "../testkit/processes.ts";
import { buildAll, buildableRoles } from "../tools/build.ts";
import { cleanEnvironment } from "./child.ts";
import { REPOSITORY } from "./paths.ts";
import { wipe } from "./wipe.ts";

const BUILD_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 240_000;

const parent = newDataDirectory("demo");
afterAll(async () => {
  // After a failure the kept stack still runs.
  await stackDown();
  rmSync(parent, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);
beforeAll(() => buildAll(buildableRoles(), () => {}), BUILD_TIMEOUT_MS);

const directory = join(parent, "demo");
const variables = { STACK_DIR: directory };

async function run(...command: readonly string[]) {
  const child = Bun.spawn([...command], {
    env: cleanEnvironment(variables),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, errors, output };
}

const demo = (...args: readonly string[]) =>
  run(process.execPath, join(REPOSITORY, "internal/stack/demo.ts"), ...args);

const stackDown = () => run(process.execPath, join(REPOSITORY, "internal/stack/main.ts"), "down");

async function answerOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  return `${response.status} ${await response.text()}`;
}

/** The status of the console's answer to its form. */
async function signIn(address = "", token = ""): Promise<number> {
  const answer = await fetch(`${address}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin: address },
    redirect: "manual",
  });
  return answer.status;
}

test(
  "the demo finishes every checkout, passes the audit and leaves nothing running",
  async () => {
    const { code, errors, output } = await demo("--orders", "40");
    expect({ code, errors, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^ +34 {2}COMPLETED$/m);
    expect(output).toMatch(/^ +2 {2}COMPENSATED INSUFFICIENT_STOCK$/m);
    expect(output).toContain("audit clean");
    expect(processesOf(directory)).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "with --keep the shop and the console stay, with nothing but its own products; a second demo says where; the example checkout works",
  async () => {
    const kept = await demo("--orders", "20", "--keep");
    expect(kept).toMatchObject({ code: 0, errors: "" });
    const [, shop = ""] = /^ +the shop +(\S+)\/$/m.exec(kept.output) ?? [];

    const again = await demo();
    expect(again.code).toBe(1);
    expect(again.errors).toContain(`already running in ${directory}`);
    expect(again.output).toContain(`${shop}/signin?token=`);
    expect(again.output).toContain("npm run stack down");

    const [, console] = /^ +console +(\S+)\/$/m.exec(kept.output) ?? [];
    const [, token] = /^ +token +(\S+)$/m.exec(kept.output) ?? [];
    expect(await signIn(console, token)).toBe(303);
    expect(await signIn(console, "another")).toBe(422);

    const tool = (...args: readonly string[]) => run(join(REPOSITORY, "dist/checkoutctl"), ...args);
    const items: readonly { name: string }[] = JSON.parse((await tool("catalogue", "ls", "--json")).output);
    expect(items).toHaveLength(61);
    // As the demo prints it.
    const viewer = await tool("token", "--operator", "vic", "--role", "viewer");
    expect(await signIn(console, viewer.output.trim())).toBe(303);
    expect(items.filter(({ name }) => /Tea no\.|Limited teapot/.test(name))).toEqual([]);

    const { output } = await tool("token");
    const headers = { authorization: `Bearer ${output.trim()}`, "content-type": "application/json" };
    const body = await Bun.file(join(REPOSITORY, "docs/first-checkout.json")).text();
    const key = { "idempotency-key": "first" };
    const placed = await answerOf(`${shop}/api/v1/checkout`, {
      method: "POST",
      headers: { ...headers, ...key },
      body,
    });
    const [, saga = ""] = /^202 .*"saga_id":"([^"]+)"/.exec(placed) ?? [];
    const ended = await answerOf(`${shop}/api/v1/saga/${saga}/status?wait=30`, { headers });
    expect(ended).toContain('"status":"COMPLETED"');

    expect((await stackDown()).code).toBe(0);
    expect(processesOf(directory)).toEqual([]);
    wipe(directory);
  },
  TEST_TIMEOUT_MS,
);
