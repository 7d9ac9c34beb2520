// Plans and runs on four real databases and a real dead-letter topic: frozen, started, steered, and continued by another executor. A
// loop stands in for relay and broker: it carries commands from the saga outbox to the real inventory.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { openPostgres } from "../platform/postgres.ts";
import { waitUntil } from "../stack/wait.ts";
import { eventOf } from "../testkit/events.ts";
import { ADA, BulkServers, testContext, testExecutor } from "../testkit/bulk.ts";
import { errorOf } from "../testkit/kafka.ts";
import type { TestOrchestrator } from "../testkit/orchestrator.ts";
import type { OutboxPump } from "../testkit/outbox-pump.ts";
import { type Operator, PlanRefused } from "./plan.ts";
import type { BulkContext } from "./bulk-context.ts";
import { allItemsOf, createPlan, listRuns, planOf, type PlanRequest, type RunView } from "./plans.ts";
import type { Databases } from "./replay-facts.ts";
import { findInOutbox, putBack } from "./replay-store.ts";
import { changeRate, pauseRun, resumeRun, startRun, stopRun } from "./runs.ts";
import { plannedGroups } from "./plan-store.ts";
import { createRepublishPlan } from "./plan-republish.ts";
import { followRun } from "./run-report.ts";

const BOB: Operator = { name: "bob", role: "operator" };
const EVE: Operator = { name: "eve", role: "viewer" };
const REASON = "fixed the cause";

let servers: BulkServers;
let orchestrator: TestOrchestrator;
let databases: Databases;
let pump: OutboxPump;
beforeAll(async () => {
  servers = await BulkServers.open();
  ({ orchestrator, databases } = servers);
});
beforeEach(async () => {
  pump = await servers.reset();
});
afterEach(() => pump[Symbol.asyncDispose]());
afterAll(() => servers[Symbol.asyncDispose]());

const forever = new AbortController().signal;

/** The messages of these dead letters, sorted. */
const messagesOf = (letters: readonly DeadLetter[]) =>
  letters
    .map(({ original_command }) => String(Reflect.get(Object(original_command), "message_id")))
    .toSorted();

interface Given {
  readonly letters: readonly DeadLetter[];
  readonly context: BulkContext;
  readonly plan: RunView;
}

/** A plan to replay this many dead letters. */
async function given(count: number, request: Partial<PlanRequest> = {}): Promise<Given> {
  const letters = await pump.deadReserves(count);
  const context = testContext(databases, letters);
  return { letters, context, plan: await planned(context, request) };
}

function planned(context: BulkContext, request: Partial<PlanRequest> = {}): Promise<RunView> {
  return createPlan(context, ADA, {
    kind: "dead-letter.replay",
    filter: { service: "inventory" },
    ratePerSecond: 10_000,
    maxErrorRate: 0.1,
    waitMs: 5_000,
    ...request,
  });
}

const started = ({ context, plan }: Given) =>
  startRun(context, ADA, plan.plan_id, { reason: REASON, typedCount: plan.totals.units });

async function trail(action: string): Promise<readonly Record<string, unknown>[]> {
  return databases.saga`
    select actor, reason, outcome, detail from operator_actions where action = ${action} order by action_id`;
}

test("300 dead letters: canary, ramp, stopped half-way by another operator, the rest by a second run", async () => {
  const { letters, context, plan } = await given(300);
  expect(plan).toMatchObject({
    state: "draft",
    totals: { acts: 300, units: 300, money: [] },
    needs_typed_count: true,
  });
  expect(await plannedGroups(databases.saga, plan.plan_id)).toEqual([
    { service: "inventory", message_type: "ReserveInventory", count: 300 },
  ]);
  await started({ letters, context, plan });
  const progress: number[] = [];
  let stopping: Promise<unknown> | undefined;
  await using executor = testExecutor(context);
  const stopped = await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor,
    signal: forever,
    onChange: ({ units_done, plan_id }) => {
      progress.push(units_done);
      if (units_done === 78) stopping ??= stopRun(context, BOB, plan_id, "the stock looks wrong");
    },
  });
  await stopping;
  expect(progress.slice(0, 5)).toEqual([1, 3, 8, 28, 78]);
  const { counts } = stopped;
  expect(stopped.state).toBe("stopped");
  // At most the batch that was in flight when Bob stopped it.
  expect([78, 178]).toContain(counts.sent);
  expect(counts.not_reached).toBe(300 - counts.sent);
  expect(await trail("run.stop")).toEqual([
    {
      actor: "bob",
      reason: "the stock looks wrong",
      outcome: "stopped",
      detail: expect.stringMatching(/^(78|178) sent, /),
    },
  ]);

  // The batch in flight may have been the last of the run; the end has what became of it.
  for (const line of await trail("run.end"))
    expect(line).toEqual({
      actor: "ada",
      reason: REASON,
      outcome: "stopped",
      detail: `${counts.sent} sent, 0 failed, 0 refused, 0 skipped, ${counts.not_reached} left`,
    });

  const rest = await planned(context);
  expect(rest.totals.acts).toBe(300 - counts.sent);
  await started({ letters, context, plan: rest });
  const done = await followRun({
    saga: databases.saga,
    planId: rest.plan_id,
    executor,
    signal: forever,
  });
  expect(done).toMatchObject({ state: "done", counts: { sent: 300 - counts.sent, failed: 0 } });
  expect((await trail("run.end")).at(-1)).toEqual({
    actor: "ada",
    reason: REASON,
    outcome: "done",
    detail: `${300 - counts.sent} sent, 0 failed, 0 refused, 0 skipped, 0 left`,
  });
  expect(pump.carried.toSorted()).toEqual(messagesOf(letters));
  expect(await listRuns(context)).toMatchObject([{ plan_id: rest.plan_id }, { plan_id: plan.plan_id }]);
});

test("a run pauses itself after as many messages as its start asked for, also under another executor; a resume goes on", async () => {
  const { context, plan } = await given(30);
  const { plan_id } = plan;
  const start = (pauseAfter: number) =>
    startRun(context, ADA, plan_id, { reason: REASON, typedCount: plan.totals.units, pauseAfter });
  expect(await errorOf(start(1.5))).toMatchObject({ refusal: "invalid" });
  expect(await start(15)).toMatchObject({ pause_after: 15 });
  const toItsEnd = async () => {
    await using executor = testExecutor(context);
    return followRun({ saga: databases.saga, planId: plan_id, executor, signal: forever });
  };
  {
    await using first = testExecutor(context);
    for (let batches = 0; batches < 2; batches += 1) await first.runOnce();
  }
  const half = await toItsEnd();
  expect(half).toMatchObject({ state: "paused", halted_because: null, pause_after: 15, executor: null });
  expect(half.counts).toMatchObject({ sent: 15, not_reached: 15, in_flight: 0 });
  expect(await trail("run.end")).toEqual([
    {
      actor: "ada",
      reason: REASON,
      outcome: "paused",
      detail: "after 15 messages, as it was asked to; 15 sent, 0 failed, 0 refused, 0 skipped, 15 left",
    },
  ]);
  await resumeRun(context, BOB, plan_id, "the first half is right", 4);
  expect(await toItsEnd()).toMatchObject({ state: "paused", counts: { sent: 19 } });
  await resumeRun(context, BOB, plan_id);
  expect(await toItsEnd()).toMatchObject({ state: "done", pause_after: null, counts: { sent: 30 } });
  // Each line tells by itself who let it happen.
  const reasons = Map.groupBy(await trail("dead-letter.replay"), ({ reason }) => reason);
  const resumed = `${REASON}; resumed by bob`;
  expect([...reasons].map(([reason, lines]) => [reason, lines.length])).toEqual([
    [REASON, 15],
    [`${resumed}: the first half is right`, 4],
    [resumed, 11],
  ]);
  expect((await trail("run.end")).map(({ reason }) => reason)).toEqual([...reasons.keys()]);
});

test("a paused run goes on where it was, with one item first, at the new rate", async () => {
  const { letters, context, plan } = await given(12);
  await started({ letters, context, plan });
  await using executor = testExecutor(context);
  for (let batches = 0; batches < 2; batches += 1) await executor.runOnce();
  expect(await pauseRun(context, BOB, plan.plan_id)).toMatchObject({ state: "paused", counts: { sent: 3 } });
  // The executor lets go of it, and nothing is sent.
  await executor.runOnce();
  expect(await executor.runOnce()).toEqual({ processed: 0, hasMore: false });
  expect(await planOf(context, plan.plan_id)).toMatchObject({ counts: { sent: 3 }, executor: null });
  expect(await changeRate(context, BOB, plan.plan_id, 2_000)).toMatchObject({ rate_per_second: 2_000 });
  await resumeRun(context, BOB, plan.plan_id, "the stock is right");
  await executor.runOnce();
  expect(await planOf(context, plan.plan_id)).toMatchObject({ state: "running", counts: { sent: 4 } });
  await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor,
    signal: forever,
  });
  expect(pump.carried.toSorted()).toEqual(messagesOf(letters));
  expect(await trail("run.rate")).toEqual([
    { actor: "bob", reason: "none given", outcome: "changed", detail: "from 10000/s to 2000/s" },
  ]);
  const at = (sent: number) => `${sent} sent, 0 failed, 0 refused, 0 skipped, ${12 - sent} left`;
  expect(await trail("run.pause")).toMatchObject([{ outcome: "paused", detail: at(3) }]);
  expect(await trail("run.resume")).toMatchObject([{ outcome: "running", detail: at(3) }]);
});

test("an executor that dies with a batch in flight is replaced when its lease ends, and no item is sent twice", async () => {
  const { letters, context, plan } = await given(20);
  await started({ letters, context, plan });
  const leaseMs = 400;
  const dying = testExecutor(context, { leaseMs, executor: "dying" });
  for (let batches = 0; batches < 3; batches += 1) await dying.runOnce();
  expect((await planOf(context, plan.plan_id)).counts.sent).toBe(8);
  // What a process leaves that is killed right after the claim of its fourth batch: half of it is put back, half is not.
  const left = (await allItemsOf(context, plan.plan_id)).slice(8, 12);
  await inFlightOf(
    "dying",
    plan,
    left.map(({ subject }) => subject),
    2,
  );

  await using next = testExecutor(context, { leaseMs, executor: "next" });
  expect(await next.runOnce()).toEqual({ processed: 0, hasMore: false });
  const done = await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor: next,
    signal: forever,
  });
  expect(done).toMatchObject({ state: "done", counts: { sent: 20, failed: 0, in_flight: 0 } });
  expect(pump.carried.toSorted()).toEqual(messagesOf(letters));
  const attempts: readonly object[] = await databases.saga`
    select distinct outcome, times from operator_actions where action = 'dead-letter.replay'`;
  expect(attempts).toEqual([{ outcome: "handled", times: 1 }]);
});

/** Claims these items as `executor` does, and puts the first of them back. */
async function inFlightOf(
  executor: string,
  { plan_id }: RunView,
  subjects: string[],
  putBackCount: number,
): Promise<void> {
  const { saga } = databases;
  await saga`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, message_id, actor, reason, at)
    select gen_random_uuid(), plan_id, 'dead-letter.replay', subject, saga_id, message_id, 'ada', ${REASON}, now()
      from operator_plan_items where plan_id = ${plan_id} and subject = any(${[...subjects]}::text[])`;
  await saga`
    update operator_plan_items i set outcome = 'in flight', action_id = a.action_id, written_at = o.created_at
      from operator_actions a, outbox o
     where i.plan_id = ${plan_id} and a.run_id = i.plan_id and a.subject = i.subject and a.outcome is null and o.event_id = i.message_id`;
  await saga`
    update operator_plans set executor = ${executor}, lease_until = clock_timestamp() + interval '400 ms', next_batch_at = null,
           batch_clocks = json_build_object('saga', t, 'inventory', t, 'payment', t, 'order', t)
      from (select floor(extract(epoch from clock_timestamp()) * 1000) as t) now where plan_id = ${plan_id}`;
  await saga`
    update outbox set published = false, published_at = null, created_at = clock_timestamp()
     where event_id in (select message_id from operator_plan_items where plan_id = ${plan_id} and subject = any(${subjects.slice(0, putBackCount)}::text[]))`;
}

test("an executor stops without its database: one that had no run asks nothing, and a run waits for the end of its lease", async () => {
  const { letters, plan, context } = await given(10);
  await started({ letters, context, plan });
  const own = openPostgres({ url: orchestrator.database.url, poolSize: 2, applicationName: "test" });
  const away = testContext({ ...databases, saga: own.sql }, letters);
  const [dying, idle] = [testExecutor(away), testExecutor(away)];
  expect((await dying.runOnce()).processed).toBe(1);
  await own[Symbol.asyncDispose]();
  expect(await errorOf(idle.runOnce())).toBeDefined();
  await Promise.all([dying[Symbol.asyncDispose](), idle[Symbol.asyncDispose]()]);
  expect((await planOf(context, plan.plan_id)).state).toBe("running");
});

test("a message is put back once, even by an executor that wakes up after its lease has ended", async () => {
  const letters = await pump.deadReserves(1);
  const found = await findInOutbox(databases.saga, messagesOf(letters));
  const kept = found.map(({ message_id, written_at = "" }) => ({ message_id, written_at }));
  const unpublished = () => databases.saga`select from outbox where not published`;
  await putBack(databases.saga, { kept, lost: [] });
  await waitUntil("it is published", async () => (await unpublished()).length === 0, { timeoutMs: 20_000 });
  await waitUntil("it is carried", () => pump.carried.length === 1, { timeoutMs: 20_000 });
  // The other one has read the same before.
  await putBack(databases.saga, { kept, lost: [] });
  expect(await unpublished()).toHaveLength(0);
});

test("two executors work on one run: every item is sent once", async () => {
  const { letters, context, plan } = await given(40);
  await started({ letters, context, plan });
  const executors = [testExecutor(context), testExecutor(context)];
  const runs = await Promise.all(
    executors.map((executor) =>
      followRun({
        saga: databases.saga,
        planId: plan.plan_id,
        executor,
        signal: forever,
      }),
    ),
  );
  expect(runs).toMatchObject([
    { state: "done", counts: { sent: 40 } },
    { state: "done", counts: { sent: 40 } },
  ]);
  for (const executor of executors) await executor[Symbol.asyncDispose]();
  expect(pump.carried.toSorted()).toEqual(messagesOf(letters));
});

test("a saga that moved on between plan and run is refused, not forced", async () => {
  const { letters, context, plan } = await given(3);
  expect(plan.totals).toMatchObject({ acts: 3, refused: 0 });
  const [late] = letters;
  await orchestrator.handle(eventOf("InsufficientStock", late?.saga_id ?? ""));
  await started({ letters, context, plan });
  await using executor = testExecutor(context);
  const done = await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor,
    signal: forever,
  });
  expect(done).toMatchObject({ state: "done", counts: { sent: 2, refused: 1, failed: 0 } });
  expect(await allItemsOf(context, plan.plan_id)).toMatchObject([
    { planned: "send", outcome: "refused", detail: "its saga is finished: COMPENSATED" },
    { outcome: "sent" },
    { outcome: "sent" },
  ]);
  expect(pump.carried).not.toContain(messagesOf([late].flatMap((one) => one ?? []))[0] ?? "");
});

test("an expired plan does not start, and the attempt is in the audit trail", async () => {
  const { letters, context, plan } = await given(1);
  await databases.saga`update operator_plans set expires_at = now() - interval '1 second'`;
  expect(await refusalOf(started({ letters, context, plan }))).toBe("expired");
  expect(await planOf(context, plan.plan_id)).toMatchObject({ state: "expired" });
  expect(await trail("run.start")).toMatchObject([
    { actor: "ada", reason: REASON, outcome: "refused", detail: expect.stringContaining("expired") },
  ]);
});

test("a start needs the count and a reason, an operator, and happens once; refused attempts are audited", async () => {
  const { context, plan } = await given(21);
  const start = (actor: Operator, reason: string, typedCount: number | null) =>
    startRun(context, actor, plan.plan_id, { reason, typedCount });
  expect(await refusalOf(start(ADA, REASON, 20))).toBe("wrong-confirmation");
  expect(await refusalOf(start(ADA, REASON, null))).toBe("wrong-confirmation");
  expect(await refusalOf(start(ADA, "because", 21))).toBe("reason-too-short");
  expect(await refusalOf(start(EVE, REASON, 21))).toBe("not-permitted");
  expect(
    await refusalOf(
      createPlan(context, EVE, {
        kind: "dead-letter.replay",
        filter: {},
        everything: true,
        ratePerSecond: 1,
        maxErrorRate: 0,
        waitMs: 1,
      }),
    ),
  ).toBe("not-permitted");
  const both = await Promise.allSettled([start(ADA, REASON, 21), start(BOB, REASON, 21)]);
  expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(await refusalOf(pauseRun(context, EVE, plan.plan_id))).toBe("not-permitted");
  expect(await trail("run.start")).toMatchObject([
    {
      actor: "ada",
      outcome: "refused",
      detail: expect.stringContaining("confirm it with the count 21 (20 was typed)"),
    },
    { actor: "ada", outcome: "refused" },
    { actor: "ada", reason: "because", outcome: "refused" },
    {
      actor: "eve",
      outcome: "refused",
      detail: expect.stringContaining("has the role viewer; this needs the role operator"),
    },
    {},
    {},
  ]);
  const last = (await trail("run.start")).slice(4).map(({ outcome }) => String(outcome));
  expect(new Set(last)).toEqual(new Set(["refused", "started"]));
  expect(pump.carried).toEqual([]);
});

test("a run pauses itself when too many fail; what is left goes on after a resume", async () => {
  const { letters, context, plan } = await given(5);
  pump.fate = () => "retry";
  await started({ letters, context, plan });
  await using executor = testExecutor(context);
  const follow = () =>
    followRun({
      saga: databases.saga,
      planId: plan.plan_id,
      executor,
      signal: forever,
    });
  expect(await follow()).toMatchObject({
    state: "paused",
    halted_because: "1 of 1 failed again, more than 10 %",
    counts: { failed: 1, not_reached: 4 },
  });
  pump.fate = () => "handle";
  await resumeRun(context, ADA, plan.plan_id);
  expect(await follow()).toMatchObject({
    state: "done",
    halted_because: null,
    counts: { failed: 1, sent: 4 },
  });
  expect(await trail("run.end")).toMatchObject([
    {
      actor: "ada",
      outcome: "halted",
      detail: "1 of 1 failed again, more than 10 %; 0 sent, 1 failed, 0 refused, 0 skipped, 4 left",
    },
    { actor: "ada", outcome: "done", detail: "4 sent, 1 failed, 0 refused, 0 skipped, 0 left" },
  ]);
});

test("a message replayed three times without success is quarantined: only by its id, and with its id", async () => {
  const [first] = await pump.deadReserves(1);
  const [command] = await orchestrator.messages(first?.saga_id ?? "");
  if (first === undefined || command === undefined) throw new Error("unreachable");
  pump.fate = () => "dead-letter";
  let letter = first;
  for (let replays = 0; replays < 3; replays += 1) {
    const context = testContext(databases, [letter]);
    const plan = await planned(context, { maxErrorRate: 1 });
    expect(await allItemsOf(context, plan.plan_id)).toMatchObject([{ planned: "send", replays }]);
    await started({ letters: [letter], context, plan });
    await using executor = testExecutor(context);
    await followRun({
      saga: databases.saga,
      planId: plan.plan_id,
      executor,
      signal: forever,
    });
    // The same message under a new dead letter.
    letter = { ...first, dead_letter_id: Bun.randomUUIDv7() };
  }
  pump.fate = () => "handle";
  const context = testContext(databases, [letter]);
  const bulk = await planned(context);
  expect(await allItemsOf(context, bulk.plan_id)).toMatchObject([
    { planned: "refuse", replays: 3, why: expect.stringContaining("quarantined: it was replayed 3 times") },
  ]);
  const { dead_letter_id } = letter;
  const alone = { filter: { ids: [dead_letter_id] }, allowsQuarantined: true };
  expect(await refusalOf(planned(context, { ...alone, filter: { service: "inventory" } }))).toBe(
    "quarantined",
  );
  const plan = await planned(context, alone);
  const confirmed = (typedId: string | null) =>
    startRun(context, ADA, plan.plan_id, { reason: REASON, typedCount: 1, typedId });
  expect(await refusalOf(confirmed(null))).toBe("wrong-confirmation");
  await confirmed(dead_letter_id);
  await using executor = testExecutor(context);
  const done = await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor,
    signal: forever,
  });
  expect(done).toMatchObject({ state: "done", counts: { sent: 1 } });
});

test("a quarantine holds after bulk runs that refused the message, also for replays whose outcome was not seen", async () => {
  const [poison, fine, other] = await pump.deadReserves(3);
  if (poison === undefined || fine === undefined || other === undefined) throw new Error("unreachable");
  await replayUnseen(poison, 3);
  const sent = pump.carried.length;
  // Once as planned, once at its turn: the plan was older than the last replay.
  for (const [letter, planned_] of [
    [fine, "refuse"],
    [other, "send"],
  ] as const) {
    const letters = [poison, letter];
    const context = testContext(databases, letters);
    const plan = await planned(context, { maxErrorRate: 1 });
    await databases.saga`
      update operator_plan_items set planned = ${planned_}, why = case when ${planned_} = 'refuse' then why end
       where plan_id = ${plan.plan_id} and subject = ${poison.dead_letter_id}`;
    await started({ letters, context, plan });
    await using executor = testExecutor(context);
    await followRun({ saga: databases.saga, planId: plan.plan_id, executor, signal: forever });
    expect(await allItemsOf(context, plan.plan_id)).toMatchObject([
      { subject: poison.dead_letter_id, outcome: "refused", detail: expect.stringContaining("3 times") },
      { subject: letter.dead_letter_id, outcome: "sent" },
    ]);
  }
  expect(pump.carried).toHaveLength(sent + 2);
  const again = await planned(testContext(databases, [poison]));
  expect(await allItemsOf(testContext(databases, []), again.plan_id)).toMatchObject([
    { planned: "refuse", replays: 3 },
  ]);
  const lines: readonly object[] = await databases.saga`
    select outcome, times from operator_actions
     where subject = ${poison.dead_letter_id} and action = 'dead-letter.replay' order by action_id`;
  expect(lines).toEqual([
    { outcome: null, times: 3 },
    { outcome: "refused", times: 1 },
    { outcome: "refused", times: 1 },
  ]);
});

test("an attempt that an executor claimed before it died is not counted against itself", async () => {
  const [letter] = await pump.deadReserves(1);
  if (letter === undefined) throw new Error("unreachable");
  await replayUnseen(letter, 2);
  const context = testContext(databases, [letter]);
  const plan = await planned(context);
  await started({ letters: [letter], context, plan });
  // As after a kill between the claim and the sending of the third attempt.
  await databases.saga`
    update operator_plan_items i set outcome = 'in flight', action_id = a.action_id, written_at = o.created_at
      from operator_actions a, outbox o
     where i.plan_id = ${plan.plan_id} and a.subject = i.subject and a.action = 'dead-letter.replay' and o.event_id = i.message_id`;
  await databases.saga`update operator_actions set times = 3 where action = 'dead-letter.replay'`;
  await using executor = testExecutor(context);
  const done = await followRun({ saga: databases.saga, planId: plan.plan_id, executor, signal: forever });
  expect(done).toMatchObject({ state: "done", counts: { sent: 1, refused: 0 } });
});

/** Replays this dead letter alone, so many times, while no consumer reacts. */
async function replayUnseen(letter: DeadLetter, times: number): Promise<void> {
  pump.fate = () => "ignore";
  const context = testContext(databases, [letter]);
  for (let replays = 0; replays < times; replays += 1) {
    const plan = await planned(context, { maxErrorRate: 1, waitMs: 100 });
    await started({ letters: [letter], context, plan });
    await using executor = testExecutor(context);
    await followRun({ saga: databases.saga, planId: plan.plan_id, executor, signal: forever });
  }
  pump.fate = () => "handle";
}

test("a plan counts the money of the checkouts that it touches, each once", async () => {
  const letters = await pump.deadReserves(2);
  const [paid] = letters;
  await servers.own
    .saga`update saga_state set total_cents = 1250, currency = 'EUR' where saga_id = ${paid?.saga_id ?? ""}`;
  const plan = await planned(testContext(databases, letters));
  expect(plan).toMatchObject({
    totals: { acts: 2, money: [{ currency: "EUR", amount_cents: 1_250, sagas: 1 }] },
    needs_typed_count: true,
  });
});

test("outboxes are published again by a run: in growing parts, paused and resumed, each message once more", async () => {
  for (let count = 0; count < 12; count += 1) await orchestrator.start();
  pump.fate = () => "ignore";
  const untilPublished = (count: number) =>
    waitUntil(
      "all is published",
      async () => (await databases.saga`select from outbox where published`).length === count,
      { timeoutMs: 20_000 },
    );
  await untilPublished(12);
  pump.carried.length = 0;
  const context = testContext(databases, []);
  const plan = await createRepublishPlan(context, ADA, {
    since: 0,
    until: null,
    publishedBefore: null,
    databases: ["saga", "inventory"],
    ratePerSecond: 10_000,
  });
  expect(plan).toMatchObject({ totals: { acts: 1, units: 12, skipped: 1 }, needs_typed_count: false });
  // Published after the plan: not part of it.
  await orchestrator.start();
  await untilPublished(13);
  pump.carried.length = 0;
  await startRun(context, ADA, plan.plan_id, { reason: REASON, typedCount: null });
  await using executor = testExecutor(context);
  for (let batches = 0; batches < 2; batches += 1) await executor.runOnce();
  expect(await pauseRun(context, BOB, plan.plan_id)).toMatchObject({ units_done: 3 });
  await executor.runOnce();
  await resumeRun(context, BOB, plan.plan_id);
  const done = await followRun({
    saga: databases.saga,
    planId: plan.plan_id,
    executor,
    signal: forever,
  });
  expect(done).toMatchObject({ state: "done", units_done: 12, counts: { sent: 1, skipped: 1 } });
  await untilPublished(13);
  expect(pump.carried).toHaveLength(12);
  expect(new Set(pump.carried).size).toBe(12);
  expect(await trail("outbox.republish")).toMatchObject([
    {
      actor: "ada",
      reason: REASON,
      outcome: "republished",
      detail: expect.stringMatching(/^12 events from /),
    },
  ]);
});

/** Why it was refused. */
async function refusalOf(act: Promise<unknown>): Promise<string> {
  const error = await errorOf(act);
  if (!(error instanceof PlanRefused)) throw error;
  return error.refusal;
}
