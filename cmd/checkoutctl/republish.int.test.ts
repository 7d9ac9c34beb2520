// `outbox republish`: publishes messages that Kafka has lost again, against a real database.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";

const REASON = ["--reason", "lost both disks"];

interface Printed {
  readonly dry_run: boolean;
  readonly warnings: readonly string[];
  readonly outboxes: readonly { readonly database: string; readonly events: number }[];
}

let tool: Checkoutctl;
let saga: TestDatabase;
let inventory: TestDatabase;
let env: Environment;
beforeAll(async () => {
  [tool, saga, inventory] = await Promise.all([
    Checkoutctl.open(),
    cloneDatabase("saga"),
    cloneDatabase("inventory"),
  ]);
  // No settings for the other two databases: a database that is not selected is not needed.
  env = { SAGA_DATABASE_URL: saga.url, INVENTORY_DATABASE_URL: inventory.url };
});
beforeEach(async () => {
  await saga.sql`truncate operator_actions`;
  await inventory.sql`truncate outbox`;
  await inventory.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    select event_id::uuid, 'inventory-events', 'saga-1', '{}', '{}', true, now()
      from json_array_elements_text(${JSON.stringify(Array.from({ length: 3 }, () => Bun.randomUUIDv7()))}::text::json) event_id`;
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await saga[Symbol.asyncDispose]();
  await inventory[Symbol.asyncDispose]();
});

const republish = ["outbox", "republish", "--database", "inventory", ...REASON];
async function waiting(): Promise<number | undefined> {
  const [row] = await inventory.sql<
    { count: number }[]
  >`select count(*)::integer as count from outbox where not published`;
  return row?.count;
}

test("a dry run counts; the run queues all for the relay, writes the audit trail and warns about older messages", async () => {
  const dry = await tool.json<Printed>([...republish, "--since", "1h", "--dry-run"], env);
  expect(dry).toMatchObject({ dry_run: true, outboxes: [{ database: "inventory", events: 3 }] });
  expect(dry.warnings).toEqual([expect.stringContaining("the outbox of inventory begins at")]);
  expect(await waiting()).toBe(0);

  const { code, stdout, stderr } = await tool.run([...republish, "--since", "1h"], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^OUTBOX\s+PUBLISHED AGAIN\ninventory\s+3\n$/);
  expect(stderr).toContain("nothing older can be published again");
  expect(await waiting()).toBe(3);
  expect(await saga.sql`select action, subject, actor, reason, outcome from operator_actions`).toMatchObject([
    {
      action: "outbox.republish",
      subject: "inventory",
      actor: "ada",
      reason: "lost both disks",
      outcome: "republished",
    },
  ]);
});

test("a discarded message is not published again", async () => {
  const [row] = await inventory.sql<{ event_id: string }[]>`select event_id from outbox limit 1`;
  await saga.sql`
    insert into operator_actions (action_id, run_id, action, subject, message_id, actor, reason, outcome, at, settled_at)
    values (uuidv7(), uuidv7(), 'dead-letter.discard', 'x', ${row?.event_id ?? null}, 'ada', 'garbage', 'discarded', now(), now())`;
  const dry = await tool.json<Printed>([...republish, "--since", "1h", "--dry-run"], env);
  expect(dry.outboxes).toMatchObject([{ events: 2 }]);
  expect((await tool.run([...republish, "--since", "1h"], env)).code).toBe(0);
  expect(await waiting()).toBe(2);
  const left = await inventory.sql<{ event_id: string }[]>`select event_id from outbox where published`;
  expect(left.map(({ event_id }) => event_id)).toEqual([row?.event_id ?? ""]);
});

test("Ctrl-C ends a run that waits for the relay, and says how to continue", async () => {
  // given more unpublished messages than the limit
  await inventory.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select uuidv7(), 'inventory-events', 'saga-1', '{}', '{}' from generate_series(1, 20000)`;
  // when
  const child = tool.spawn([...republish, "--since", "1h"], env);
  const progress = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  while (!told.includes("waiting for the relay")) {
    const { value, done } = await progress.read();
    if (done) throw new Error(`it ended: ${told}`);
    told += value;
  }
  progress.releaseLock();
  child.kill("SIGINT");
  // then
  const [stdout, code] = [await child.stdout.text(), await child.exited];
  expect(code).toBe(130);
  expect(stdout).toMatch(/interrupted: run it again with --since \S+Z --published-before \S+Z\n$/);
  expect(await saga.sql`select outcome from operator_actions`).toMatchObject([{ outcome: "interrupted" }]);
});

test("--since after --until is a wrong command line", async () => {
  const { code, stderr } = await tool.run([...republish, "--since", "1h", "--until", "2h"], env);
  expect([code, stderr]).toEqual([2, expect.stringContaining("--since must be before --until")]);
});
