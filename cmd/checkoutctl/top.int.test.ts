// `checkoutctl top` as a user sees it: one snapshot without a terminal, and live on a real one.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { waitUntil } from "../../internal/stack/wait.ts";
import { Checkoutctl, CHECKOUTCTL_COMMAND } from "../../internal/testkit/checkoutctl.ts";
import { ConsistentFixture } from "../../internal/testkit/consistent-fixture.ts";
import { Overview } from "../../schemas/overview.ts";

let tool: Checkoutctl;
let system: ConsistentFixture;
let env: Record<string, string>;
beforeAll(async () => {
  tool = await Checkoutctl.open();
  system = await ConsistentFixture.open();
  await system.reset();
  env = {
    ...system.databaseUrls,
    KAFKA_BROKERS: "127.0.0.1:9",
  };
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await tool[Symbol.asyncDispose]();
});

test("without a terminal: one snapshot, as text and as JSON", async () => {
  const { stdout, code } = await tool.run(["top"], env);
  expect(code).toBe(0);
  expect(stdout).toContain("none in progress");
  expect(stdout).toMatch(/TOPICS\n {2}unknown since \d\d:\d\d:\d\d \(/);
  expect(stdout).not.toContain("\u001b");
  const overview = await tool.json<Overview>(["top"], env);
  expect([...Value.Errors(Overview, overview)]).toEqual([]);
  expect(overview.topics).toHaveProperty("unknown_since");
});

test("on a terminal: refreshes, shows what changes, and q brings the old screen back", async () => {
  let screen = "";
  const child = Bun.spawn([...CHECKOUTCTL_COMMAND, "top"], {
    env: { PATH: process.env["PATH"] ?? "", STACK_DIR: tool.directory, TERM: "xterm", ...env },
    terminal: {
      cols: 160,
      rows: 60,
      data: (_, bytes) => {
        screen += new TextDecoder().decode(bytes);
      },
    },
  });
  await waitUntil("the first screen", async () => screen.includes("none in progress"), { timeoutMs: 20_000 });
  await system.databases.saga`
    update saga_state set status = 'COMPENSATING', compensation_step = 'charge', completed_at = null, deadline_at = now(), needs_operator = true
     where saga_id = ${system.refunded.saga_id}`;
  await waitUntil("the change", async () => screen.includes("1 NEED AN OPERATOR"), { timeoutMs: 20_000 });
  child.terminal?.write("q");
  expect(await child.exited).toBe(0);
  expect(screen).toStartWith("\u001b[?1049h");
  expect(screen.trimEnd()).toEndWith("\u001b[?1049l");
});
