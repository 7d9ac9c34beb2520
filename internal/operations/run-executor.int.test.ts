// One executor for many runs, on four real databases: what blocks or fails lets the others go first, and what operators decide while a batch
// is in flight holds from the next message on. A loop stands in for relay and broker.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { AppError } from "../kernel/errors.ts";
import { waitUntil } from "../stack/wait.ts";
import { ADA, BulkServers, testContext, testExecutor } from "../testkit/bulk.ts";
import type { TestInventory } from "../testkit/inventory.ts";
import { errorOf } from "../testkit/kafka.ts";
import type { TestOrchestrator } from "../testkit/orchestrator.ts";
import { isInventoryCommand, type OutboxPump } from "../testkit/outbox-pump.ts";
import type { BulkContext } from "./bulk-context.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import { createRepublishPlan } from "./plan-republish.ts";
import { allItemsOf, createPlan, planOf, type RunView } from "./plans.ts";
import type { Databases } from "./replay-facts.ts";
import { renewLease, takeRun, updateItems } from "./run-store.ts";
import { pauseRun, resumeRun, startRun, stopRun } from "./runs.ts";

const REASON = "fixed the cause";
const WAIT = { timeoutMs: 20_000 };
/** More than any run lets wait for the relay. */
const BACKLOG = 20_001;

let servers: BulkServers;
let orchestrator: TestOrchestrator;
let inventory: TestInventory;
let databases: Databases;
let pump: OutboxPump;
beforeAll(async () => {
  servers = await BulkServers.open();
  ({ orchestrator, inventory, databases } = servers);
});
beforeEach(async () => {
  pump = await servers.reset();
});
afterEach(() => pump[Symbol.asyncDispose]());
afterAll(() => servers[Symbol.asyncDispose]());

/** A started run that replays these dead letters. */
async function replayOf(
  context: BulkContext,
  letters: readonly DeadLetter[],
  waitMs = 60_000,
): Promise<RunView> {
  const plan = await createPlan(context, ADA, {
    kind: "dead-letter.replay",
    filter: { ids: letters.map(({ dead_letter_id }) => dead_letter_id) },
    ratePerSecond: 10_000,
    maxErrorRate: 0.1,
    waitMs,
  });
  return startRun(context, ADA, plan.plan_id, { reason: REASON, typedCount: plan.totals.units });
}

/** A started run that publishes two messages of the payment database again. */
async function republishOf(context: BulkContext): Promise<RunView> {
  await servers.own.payment`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    select uuidv7(), 'payment-events', n::text, '{}', '{}', true, now() from generate_series(1, 2) n`;
  const plan = await createRepublishPlan(context, ADA, {
    since: 0,
    until: null,
    publishedBefore: null,
    databases: ["payment"],
    ratePerSecond: 10_000,
  });
  return startRun(context, ADA, plan.plan_id, { reason: REASON, typedCount: null });
}

/** Handles what this many published messages ask for, which the loop has left. */
async function handleWhenPublished(count: number): Promise<void> {
  await waitUntil("it is published", () => pump.carried.length >= count, WAIT);
  for (const message of await orchestrator.messages())
    if (isInventoryCommand(message) && pump.carried.includes(message.message_id))
      await inventory.handle(message);
}

const inFlight = ({ plan_id }: RunView, count: number) =>
  waitUntil(
    "it is in flight",
    async () => (await planOf({ saga: databases.saga }, plan_id)).counts.in_flight === count,
    WAIT,
  );

test("a run that waits for the relay lets another one go first", async () => {
  const letters = await pump.deadReserves(8);
  const context = testContext(databases, letters);
  const blocked = await republishOf(context);
  await servers.own.payment`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select uuidv7(), 'payment-events', n::text, '{}', '{}' from generate_series(1, ${BACKLOG}::integer) n`;
  const other = await replayOf(context, letters);
  await databases.saga`
    update operator_plans set next_batch_at = case when plan_id = ${blocked.plan_id} then now() - interval '1 hour' else now() end`;
  await using executor = testExecutor(context);
  expect(await executor.runOnce()).toEqual({ processed: 0, hasMore: false, isBlocked: true });
  expect(await executor.runOnce()).toEqual({ processed: 1, hasMore: true });
  expect(await planOf(context, other.plan_id)).toMatchObject({ counts: { sent: 1 } });
  // It goes on when there is room.
  await servers.own.payment`delete from outbox where not published`;
  await waitUntil(
    "both are done",
    async () => {
      await executor.runOnce();
      return (await planOf(context, blocked.plan_id)).state === "done";
    },
    WAIT,
  );
});

test("who has resumed a run is looked up once, also while another run takes turns with it", async () => {
  const letters = await pump.deadReserves(8);
  const context = testContext(databases, letters);
  const runs = [await replayOf(context, letters.slice(0, 4)), await replayOf(context, letters.slice(4))];
  for (const { plan_id } of runs) {
    await pauseRun(context, ADA, plan_id);
    await resumeRun(context, ADA, plan_id);
  }
  let lookUps = 0;
  const saga = new Proxy(databases.saga, {
    apply(sql, self, parts: unknown[]) {
      if (Array.isArray(parts[0]) && parts[0].join("").includes("'run.resume'")) lookUps += 1;
      return Reflect.apply(sql, self, parts);
    },
  });
  await using executor = testExecutor({ ...context, saga });
  const turns: unknown[] = [];
  for (let batches = 0; batches < 4; batches += 1) {
    const next = runs[batches % 2]?.plan_id ?? "";
    await databases.saga`
      update operator_plans set next_batch_at = now() - case when plan_id = ${next} then interval '2 hours' else interval '1 hour' end`;
    turns.push(await executor.runOnce());
  }
  expect(turns).toEqual(turns.map(() => expect.objectContaining({ hasMore: true })));
  for (const { plan_id } of runs)
    expect((await planOf(context, plan_id)).counts.sent).toBeGreaterThanOrEqual(2);
  expect(lookUps).toBe(2);
});

test("a run whose batch waits for its outcomes holds up no other run of the same console", async () => {
  const letters = await pump.deadReserves(3);
  pump.fate = () => "ignore";
  const context = testContext(databases, letters);
  const [other, blocked] = [await republishOf(context), await replayOf(context, letters)];
  const firstIs = ({ plan_id }: RunView) => databases.saga`
    update operator_plans set next_batch_at = now() - case when plan_id = ${plan_id} then interval '2 hours' else interval '1 hour' end`;
  const stop = new AbortController();
  await using one = testExecutor({ ...context, signal: stop.signal });
  await using two = testExecutor(context);
  // It has had the other run, too.
  await firstIs(other);
  expect(await one.runOnce()).toEqual({ processed: 1, hasMore: true });
  await firstIs(blocked);
  const waiting = one.runOnce();
  await inFlight(blocked, 1);
  await waitUntil(
    "the other executor ends the other run",
    async () => {
      await two.runOnce();
      return (await planOf(context, other.plan_id)).state === "done";
    },
    // Its lease would end later.
    { timeoutMs: 30_000 },
  );
  expect(await planOf(context, blocked.plan_id)).toMatchObject({
    state: "running",
    counts: { in_flight: 1 },
  });
  stop.abort();
  await waiting;
});

test("a run whose database is away lets another one go first", async () => {
  const letters = await pump.deadReserves(2);
  const context = testContext(databases, letters);
  const away = await republishOf(context);
  const other = await replayOf(context, letters);
  await databases.saga`
    update operator_plans set next_batch_at = case when plan_id = ${away.plan_id} then now() - interval '1 hour' else now() end`;
  const noPayment = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "payment is away"));
  await using executor = testExecutor({ ...context, database: noPayment });
  expect(await errorOf(executor.runOnce())).toMatchObject({ message: "payment is away" });
  expect(await executor.runOnce()).toEqual({ processed: 1, hasMore: true });
  expect(await planOf(context, other.plan_id)).toMatchObject({ counts: { sent: 1 } });
  expect(await planOf(context, away.plan_id)).toMatchObject({ state: "running" });
});

test("a run that cannot be executed at all is paused and says why", async () => {
  const context = testContext(databases, []);
  const broken = await republishOf(context);
  await databases.saga`update operator_plans set selection = '{}' where plan_id = ${broken.plan_id}`;
  await using executor = testExecutor(context);
  expect(await errorOf(executor.runOnce())).toMatchObject({ refusal: "invalid" });
  expect(await planOf(context, broken.plan_id)).toMatchObject({
    state: "paused",
    halted_because: expect.stringContaining("has no time range"),
  });
  expect(await executor.runOnce()).toEqual({ processed: 0, hasMore: false });
  expect(
    await databases.saga`select actor, subject, outcome, detail from operator_actions where action = 'run.end'`,
  ).toMatchObject([
    {
      actor: "ada",
      subject: broken.plan_id,
      outcome: "halted",
      detail: expect.stringMatching(/has no time range.*; 0 of 2 messages sent$/),
    },
  ]);
});

test("what is stopped for good sends no message that a dead executor had only claimed", async () => {
  const letters = await pump.deadReserves(3);
  const context = testContext(databases, letters);
  pump.fate = () => "ignore";
  const run = await replayOf(context, letters);
  // What a process leaves that is killed after the claim of two: one is put back, one is not.
  const [sent, claimed] = await allItemsOf(context, run.plan_id);
  if (sent === undefined || claimed === undefined) throw new Error("unreachable");
  await databases.saga`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, message_id, actor, reason, at)
    select gen_random_uuid(), plan_id, 'dead-letter.replay', subject, saga_id, message_id, 'ada', ${REASON}, now()
      from operator_plan_items where plan_id = ${run.plan_id} and position < 2`;
  await databases.saga`
    update operator_plan_items i set outcome = 'in flight', action_id = a.action_id, written_at = o.created_at
      from operator_actions a, outbox o
     where i.plan_id = ${run.plan_id} and a.run_id = i.plan_id and a.subject = i.subject and a.outcome is null and o.event_id = i.message_id`;
  await databases.saga`
    update operator_plans set executor = 'dead', lease_until = clock_timestamp(),
           batch_clocks = json_build_object('saga', t, 'inventory', t, 'payment', t, 'order', t)
      from (select floor(extract(epoch from clock_timestamp()) * 1000) as t) now where plan_id = ${run.plan_id}`;
  await databases.saga`
    update outbox set published = false, published_at = null, created_at = clock_timestamp() where event_id = ${sent.message_id}`;
  await stopRun(context, ADA, run.plan_id, "it makes everything worse");
  await handleWhenPublished(1);
  await using next = testExecutor(context);
  await next.runOnce();
  expect(await allItemsOf(context, run.plan_id)).toMatchObject([
    { outcome: "sent", result: "handled" },
    { outcome: null, result: null },
    { outcome: null },
  ]);
  expect(await planOf(context, run.plan_id)).toMatchObject({ state: "stopped", executor: null });
  expect(pump.carried).toEqual([sent.message_id ?? ""]);
  const trail: readonly object[] = await databases.saga`
    select subject, outcome, detail from operator_actions where action = 'dead-letter.replay' order by outcome`;
  expect(trail).toEqual([
    { subject: sent.subject, outcome: "handled", detail: null },
    {
      subject: claimed.subject,
      outcome: "refused",
      detail: "its run was paused or stopped before it was sent",
    },
  ]);
  // Its dead letter is open, and another run may send it.
  expect(await handlingsOf(databases.saga, [claimed.subject])).toEqual(new Map());
});

test("a run that is resumed while a batch is in flight begins with one item", async () => {
  const letters = await pump.deadReserves(12);
  const context = testContext(databases, letters);
  const run = await replayOf(context, letters);
  await using executor = testExecutor(context);
  for (let batches = 0; batches < 2; batches += 1) await executor.runOnce();
  pump.fate = () => "ignore";
  const batch = executor.runOnce();
  await inFlight(run, 5);
  await pauseRun(context, ADA, run.plan_id);
  await resumeRun(context, ADA, run.plan_id);
  await handleWhenPublished(8);
  await batch;
  expect(await planOf(context, run.plan_id)).toMatchObject({ batch_size: 0, counts: { sent: 8 } });
  pump.fate = () => "handle";
  await executor.runOnce();
  expect(await planOf(context, run.plan_id)).toMatchObject({ batch_size: 1, counts: { sent: 9 } });
});

test("a batch that was chosen before a pause and a resume does not begin", async () => {
  const letters = await pump.deadReserves(12);
  const context = testContext(databases, letters);
  const run = await replayOf(context, letters);
  let steered = 0;
  await using executor = testExecutor({
    ...context,
    databases: async () => {
      const { counts } = await planOf(context, run.plan_id);
      if (counts.sent === 3 && steered === 0) {
        steered += 1;
        await pauseRun(context, ADA, run.plan_id);
        await resumeRun(context, ADA, run.plan_id);
      }
      return databases;
    },
  });
  for (let batches = 0; batches < 3; batches += 1) await executor.runOnce();
  expect(steered).toBe(1);
  expect(await planOf(context, run.plan_id)).toMatchObject({ counts: { sent: 3, in_flight: 0 } });
  await executor.runOnce();
  expect(await planOf(context, run.plan_id)).toMatchObject({ batch_size: 1, counts: { sent: 4 } });
});

test("an executor that has to stop leaves its batch in flight to the next one at once", async () => {
  const letters = await pump.deadReserves(1);
  const context = testContext(databases, letters);
  pump.fate = () => "ignore";
  const run = await replayOf(context, letters, 10 * 60_000);
  const stopping = new AbortController();
  const executor = testExecutor({ ...context, signal: stopping.signal });
  const batch = executor.runOnce();
  await inFlight(run, 1);
  stopping.abort();
  await batch;
  await executor[Symbol.asyncDispose]();
  expect(await planOf(context, run.plan_id)).toMatchObject({ state: "running", counts: { in_flight: 1 } });
  await handleWhenPublished(1);
  await using next = testExecutor(context);
  expect(await next.runOnce()).toMatchObject({ processed: 1 });
  expect(await planOf(context, run.plan_id)).toMatchObject({ state: "done", counts: { sent: 1 } });
  expect(pump.carried).toHaveLength(1);
});

test("a batch is saved without a deadlock while another run looks at what it has in flight", async () => {
  const letters = await pump.deadReserves(1);
  const context = testContext(databases, letters);
  const { saga } = databases;
  const run = await replayOf(context, letters);
  await using executor = testExecutor(context);
  const batch = executor.runOnce();
  await inFlight(run, 1);
  await saga.begin(async (tx) => {
    // In this order: see `sentElsewhere`.
    await tx`select from operator_actions where run_id = ${run.plan_id} and action = 'dead-letter.replay' for update`;
    await handleWhenPublished(1);
    const isWaiting = async () => {
      const waiting = await saga`
        select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query ~ 'operator_actions'`;
      return waiting.length > 0;
    };
    await waitUntil("the batch waits for its line", isWaiting, WAIT);
    await tx`select from operator_plan_items where plan_id = ${run.plan_id} for update`;
  });
  expect(await batch).toMatchObject({ processed: 1 });
  expect(await planOf(context, run.plan_id)).toMatchObject({ state: "done", counts: { sent: 1 } });
});

test("two runs at once read the topic of the dead letters once each", async () => {
  const letters = await pump.deadReserves(20);
  const context = testContext(databases, letters);
  const runs = [await replayOf(context, letters.slice(0, 10)), await replayOf(context, letters.slice(10))];
  let reads = 0;
  await using executor = testExecutor({
    ...context,
    readDeadLetters: () => {
      reads += 1;
      return context.readDeadLetters();
    },
  });
  await waitUntil(
    "both are done",
    async () => {
      await executor.runOnce();
      const states = await Promise.all(runs.map(({ plan_id }) => planOf(context, plan_id)));
      return states.every(({ state }) => state === "done");
    },
    WAIT,
  );
  expect(reads).toBe(2);
});

test("what was read of the topic is not kept when its run pauses", async () => {
  const letters = await pump.deadReserves(12);
  const context = testContext(databases, letters);
  const run = await replayOf(context, letters);
  let reads = 0;
  await using executor = testExecutor({
    ...context,
    readDeadLetters: () => {
      reads += 1;
      return context.readDeadLetters();
    },
  });
  await executor.runOnce();
  await executor.runOnce();
  expect(reads).toBe(1);
  await pauseRun(context, ADA, run.plan_id);
  // It lets go of the run.
  await executor.runOnce();
  await resumeRun(context, ADA, run.plan_id);
  await executor.runOnce();
  expect(reads).toBe(2);
});

test("a lease that has ended is not revived, and a settled item stays as it is", async () => {
  const letters = await pump.deadReserves(1);
  const context = testContext(databases, letters);
  const { plan_id: planId } = await replayOf(context, letters);
  const lease = { executor: "slow", leaseMs: 60_000, planId };
  await takeRun(databases.saga, lease);
  expect(await renewLease(databases.saga, lease)).toBe(true);
  await databases.saga`update operator_plans set lease_until = clock_timestamp()`;
  expect(await renewLease(databases.saga, lease)).toBe(false);
  const settle = (result: string) =>
    databases.saga.begin((tx) =>
      updateItems(tx, planId, [
        {
          position: 0,
          outcome: "sent",
          result,
          detail: null,
          action_id: null,
          written_at: null,
          units_done: 1,
        },
      ]),
    );
  await settle("handled");
  await settle("published");
  expect(await allItemsOf(context, planId)).toMatchObject([{ result: "handled" }]);
});
