// `outbox republish`: publishes messages that Kafka has lost again, against a real database.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";

const REASON = ["--reason", "lost both disks"];

interface Printed {
  readonly dry_run: boolean;
  readonly run_id: string | null;
  readonly warnings: readonly string[];
  readonly confirm: number;
  readonly published_before: string;
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
  await saga.sql`truncate operator_actions, operator_plans cascade`;
  await inventory.sql`truncate outbox`;
  await publish(3);
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await saga[Symbol.asyncDispose]();
  await inventory[Symbol.asyncDispose]();
});

/** So many messages that a relay has published. */
async function publish(count: number): Promise<void> {
  await inventory.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    select uuidv7(), 'inventory-events', 'saga-1', '{}', '{}', true, now() from generate_series(1, ${count}::integer)`;
}

/** More than may wait for the relay. */
const fillOutbox = () => inventory.sql`
  insert into outbox (event_id, topic, partition_key, payload, headers)
  select uuidv7(), 'inventory-events', 'saga-1', '{}', '{}' from generate_series(1, 20000)`;

const republish = ["outbox", "republish", "--database", "inventory", ...REASON];
async function waiting(): Promise<number | undefined> {
  const [row] = await inventory.sql<
    { count: number }[]
  >`select count(*)::integer as count from outbox where not published`;
  return row?.count;
}

const acts = () => saga.sql`
  select action, subject, actor, reason, outcome from operator_actions where action = 'outbox.republish' order by at`;

/** Runs the command until it says that it waits for the relay. */
async function untilItWaits(...args: readonly string[]) {
  const child = tool.spawn(args, env);
  const progress = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  while (!told.includes("inventory: waiting for the relay")) {
    const { value, done } = await progress.read();
    if (done) throw new Error(`it ended: ${told}`);
    told += value;
  }
  progress.releaseLock();
  return child;
}

test("a dry run counts; the run queues all for the relay, writes the audit trail and warns about older messages", async () => {
  const dry = await tool.json<Printed>([...republish, "--since", "1h", "--dry-run"], env);
  expect(dry).toMatchObject({ dry_run: true, outboxes: [{ database: "inventory", events: 3 }] });
  expect(dry.warnings).toEqual([expect.stringContaining("the outbox of inventory begins at")]);
  expect(await waiting()).toBe(0);

  const { code, stdout, stderr } = await tool.run([...republish, "--since", "1h"], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^OUTBOX\s+SENT\ninventory\s+3\nrun \S{36}\n$/);
  expect(stderr).toContain("nothing older can be published again");
  expect(await waiting()).toBe(3);
  expect(await acts()).toMatchObject([
    {
      action: "outbox.republish",
      subject: "inventory",
      actor: "ada",
      reason: "lost both disks",
      outcome: "republished",
    },
  ]);
  const { runs } = await tool.json<{ runs: readonly object[] }>(["run", "list"], env);
  expect(runs).toMatchObject([{ kind: "outbox.republish", state: "done", units_done: 3 }]);
  expect(await tool.json<Printed>([...republish, "--since", "1h"], env)).toMatchObject({
    run_id: null,
    outboxes: [{ database: "inventory", events: 0 }],
  });
});

test("more than 20 messages need their number, which a dry run tells and --published-before keeps", async () => {
  await publish(20);
  const { confirm, published_before } = await tool.json<Printed>(
    [...republish, "--since", "1h", "--dry-run"],
    env,
  );
  expect(confirm).toBe(23);
  const refused = await tool.run([...republish, "--since", "1h", "--confirm", "22"], env);
  expect([refused.code, refused.stderr]).toEqual([
    3,
    expect.stringContaining("confirm it with the count 23 (22 was typed)"),
  ]);
  expect(await waiting()).toBe(0);
  const short = await tool.run(
    [...republish, "--since", "1h", "--confirm", "23", "--reason", "because"],
    env,
  );
  expect([short.code, short.stderr]).toEqual([3, expect.stringContaining("at least 10 characters")]);
  // Published after the dry run: not part of what was confirmed.
  await publish(1);
  const frozen = ["--published-before", published_before, "--confirm", String(confirm)];
  expect(await tool.json<Printed>([...republish, "--since", "1h", ...frozen], env)).toMatchObject({
    outboxes: [{ database: "inventory", events: 23 }],
  });
  expect(await waiting()).toBe(23);
});

test("what a dry run prints means the same messages later, when its duration begins later", async () => {
  await publish(20);
  // Half a minute inside of the hour that the dry run looks at.
  const edge = Bun.randomUUIDv7("hex", Date.now() - 3_570_000);
  await inventory.sql`
    update outbox set event_id = ${edge} where event_id = (select event_id from outbox order by event_id limit 1)`;
  const { stdout } = await tool.run([...republish, "--since", "3600s", "--dry-run"], env);
  const [, times = ""] = /^to publish these: (.*)$/m.exec(stdout) ?? [];
  expect(times).toMatch(/^--since \S+Z --published-before \S+Z --confirm 23$/);
  // The same command a minute later, with what was printed.
  const done = await tool.run([...republish, "--since", "3540s", ...times.split(" ")], env);
  expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/^inventory\s+23$/m) });
  expect(await waiting()).toBe(23);
});

test("a reason that will not do is refused before anything is counted", async () => {
  await inventory.sql`alter table outbox rename to outbox_away`;
  try {
    const { code, stderr } = await tool.run([...republish, "--since", "1h", "--reason", "because"], env);
    expect([code, stderr]).toEqual([3, expect.stringContaining("at least 10 characters")]);
  } finally {
    await inventory.sql`alter table outbox_away rename to outbox`;
  }
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

test("Ctrl-C stops a run that waits for the relay, and says how to continue", async () => {
  await fillOutbox();
  const child = await untilItWaits(...republish, "--since", "1h");
  child.kill("SIGINT");
  const [stdout, code] = [await child.stdout.text(), await child.exited];
  expect(code).toBe(130);
  expect(stdout).toMatch(/interrupted: run it again with --since \S+Z --published-before \S+Z\n$/);
  const { runs } = await tool.json<{ runs: readonly object[] }>(["run", "list"], env);
  expect(runs).toMatchObject([{ state: "stopped", units_done: 0 }]);
});

test("after a kill, `run resume` continues where the run was", async () => {
  await publish(5);
  const plan = ["outbox", "plan", "--database", "inventory", "--since", "1h"];
  const made = await tool.json<{ plan_id: string }>(plan, env);
  await fillOutbox();
  const child = await untilItWaits("run", "start", made.plan_id, ...REASON);
  child.kill("SIGKILL");
  await child.exited;
  await inventory.sql`delete from outbox where not published`;
  await saga.sql`update operator_plans set lease_until = clock_timestamp()`;
  const done = await tool.json<object>(["run", "resume", made.plan_id], env);
  expect(done).toMatchObject({ state: "done", units_done: 8, totals: { units: 8 } });
  const { stdout } = await tool.run(["run", "show", made.plan_id], env);
  expect(stdout).toMatch(/^progress\s+8 of 8 messages sent$/m);
  expect(stdout).not.toContain("may fail");
  expect(await waiting()).toBe(8);
  expect(await acts()).toMatchObject([{ outcome: "republished" }]);
});

test("--since after --until is a wrong command line", async () => {
  const { code, stderr } = await tool.run([...republish, "--since", "1h", "--until", "2h"], env);
  expect([code, stderr]).toEqual([2, expect.stringContaining("--since must be before --until")]);
});

test("a database that fails meanwhile stops the run: no console goes on with it", async () => {
  await fillOutbox();
  const child = await untilItWaits(...republish, "--since", "1h");
  await inventory.sql`alter table outbox rename to outbox_away`;
  try {
    expect(await child.exited).not.toBe(0);
  } finally {
    await inventory.sql`alter table outbox_away rename to outbox`;
  }
  const runs: readonly object[] = await saga.sql`select state from operator_plans`;
  expect(runs).toEqual([{ state: "stopped" }]);
});
