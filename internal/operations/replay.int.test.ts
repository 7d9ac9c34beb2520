// Replays, as plan and run, on four real databases. A loop stands in for relay and broker: it carries commands from the saga outbox to the real
// inventory, or makes them fail.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { isInventoryCommand, type OutboxPump } from "../testkit/outbox-pump.ts";
import { releaseInventory } from "../testkit/commands.ts";
import { type BulkOptions, BulkServers, planAndRun, testContext } from "../testkit/bulk.ts";
import { deadBytes, deadLetterOf } from "../testkit/dead-letters.ts";
import { eventOf } from "../testkit/events.ts";
import type { TestInventory } from "../testkit/inventory.ts";
import type { TestOrchestrator } from "../testkit/orchestrator.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import { previewPlan } from "./plans.ts";
import type { Databases } from "./replay-facts.ts";
import type { MailWatch } from "./replay-send.ts";
import { plannedItems, type RunReport } from "./run-report.ts";

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

function run(letters: readonly DeadLetter[], options: Partial<BulkOptions> = {}): Promise<RunReport> {
  return planAndRun(databases, letters, options);
}

const outcomes = ({ items }: RunReport) => items.map(({ outcome }) => outcome);
const idsOf = (letters: readonly DeadLetter[]) =>
  letters.map(({ original_command }) => String(Reflect.get(Object(original_command), "message_id")));

async function trail(): Promise<readonly Record<string, unknown>[]> {
  return databases.saga`
    select run_id, action, subject, actor, reason, outcome, detail, settled_at is not null as settled
      from operator_actions where action in ('dead-letter.replay', 'dead-letter.discard') order by action_id`;
}

/** Inventory's replies, by saga. */
async function answers(database: DatabaseName = "inventory"): Promise<Record<string, string[]>> {
  const rows = await databases[database]<{ saga_id: string; types: string[] }[]>`
    select partition_key as saga_id, array_agg(headers ->> 'type' order by event_id) as types
      from outbox where topic = 'inventory-events' group by 1`;
  return Object.fromEntries(rows.map(({ saga_id, types }) => [saga_id, types]));
}

test("the first message goes alone, then batches grow; each is handled once and audited with actor and reason", async () => {
  const letters = await pump.deadReserves(8);
  const progress: number[] = [];
  const report = await run(letters, { onChange: ({ units_done }) => void progress.push(units_done) });
  expect(report).toMatchObject({ sent: 8, failed: 0, left: 0, stopped: null });
  expect(progress).toEqual([1, 3, 8]);
  expect(new Set(outcomes(report))).toEqual(new Set(["handled"]));
  expect(Object.values(await answers())).toEqual(Array.from({ length: 8 }, () => ["InventoryReserved"]));
  const line = {
    run_id: report.run_id,
    action: "dead-letter.replay",
    actor: "ada",
    reason: "fixed the cause",
  };
  expect(await trail()).toEqual(
    letters.map(({ dead_letter_id }) => ({
      ...line,
      subject: dead_letter_id,
      outcome: "handled",
      detail: null,
      settled: true,
    })),
  );
  expect(pump.carried.toSorted()).toEqual(idsOf(letters).toSorted());
});

test("a second replay does nothing and reports it", async () => {
  const letters = await pump.deadReserves(2);
  await run(letters);
  const lines = await trail();
  const second = await run(letters, { actor: "bob" });
  expect(second).toMatchObject({ sent: 0, failed: 0, stopped: null });
  expect(second.items).toMatchObject(
    letters.map(() => ({ outcome: "left", detail: "replayed by ada: handled" })),
  );
  expect(await trail()).toEqual(lines);
  expect(pump.carried).toHaveLength(2);
});

test("two concurrent runs replay each message once", async () => {
  const letters = await pump.deadReserves(10);
  const reports = await Promise.all([run(letters), run(letters)]);
  expect(reports.reduce((sum, { sent }) => sum + sent, 0)).toBe(10);
  expect(pump.carried.toSorted()).toEqual(idsOf(letters).toSorted());
  expect(Object.values(await answers())).toEqual(Array.from({ length: 10 }, () => ["InventoryReserved"]));
  expect(await trail()).toHaveLength(10);
  expect((await trail()).every(({ outcome }) => outcome === "handled")).toBe(true);
});

test("a dry run reports what would be done and changes nothing", async () => {
  const [letter, late] = await pump.deadReserves(2);
  if (letter === undefined || late === undefined) throw new Error("unreachable");
  await orchestrator.handle(eventOf("InsufficientStock", late.saga_id ?? ""));
  const limits = { ratePerSecond: 1, maxErrorRate: 0, waitMs: 1 };
  const { items } = await previewPlan(testContext(databases, [late, letter]), {
    kind: "dead-letter.replay",
    filter: { ids: [late.dead_letter_id, letter.dead_letter_id] },
    ...limits,
  });
  expect(plannedItems(items)).toMatchObject([
    { dead_letter_id: letter.dead_letter_id, outcome: "send", detail: null },
    { dead_letter_id: late.dead_letter_id, outcome: "refused", detail: "its saga is finished: COMPENSATED" },
  ]);
  expect(await trail()).toEqual([]);
  expect(await answers()).toEqual({});
});

test("a forward command of a settled saga is refused, stays open, and does not count as a failure", async () => {
  const letters = await pump.deadReserves(3);
  const [settled] = letters;
  await orchestrator.handle(eventOf("InsufficientStock", settled?.saga_id ?? ""));
  const report = await run(letters);
  expect(report).toMatchObject({ sent: 2, failed: 0, stopped: null });
  expect(report.items[0]).toMatchObject({ outcome: "refused", detail: "its saga is finished: COMPENSATED" });
  expect(pump.carried).not.toContain(idsOf(letters)[0] ?? "");
  expect((await trail())[0]).toMatchObject({ outcome: "refused", settled: true });
  expect(await handlingsOf(databases.saga, [settled?.dead_letter_id ?? ""])).toEqual(new Map());
});

test("a tombstone in the service also refuses a message", async () => {
  const letters = await pump.deadReserves(1);
  await inventory.handle(releaseInventory(letters[0]?.saga_id ?? ""));
  expect(outcomes(await run(letters))).toEqual(["refused"]);
  expect((await answers())[letters[0]?.saga_id ?? ""]).toEqual(["InventoryReleased", "CommandRefused"]);
});

for (const [fate, outcome] of [
  ["retry", "retry pending"],
  ["dead-letter", "dead-lettered"],
] as const) {
  test(`a first message that is ${outcome} stops the run; the others stay open`, async () => {
    const letters = await pump.deadReserves(5);
    pump.fate = () => fate;
    const report = await run(letters);
    expect(report).toMatchObject({ sent: 1, failed: 1, left: 4, stopped: "error rate" });
    expect(outcomes(report)).toEqual([outcome]);
    expect(pump.carried).toHaveLength(1);
    expect(await trail()).toMatchObject([{ outcome }]);
  });
}

test("the run stops when too many messages have failed", async () => {
  const letters = await pump.deadReserves(20);
  const bad = new Set(idsOf(letters).slice(3));
  pump.fate = ({ message_id }) => (bad.has(message_id) ? "retry" : "handle");
  const report = await run(letters, { maxErrorRate: 0.5 });
  expect(report).toMatchObject({ sent: 8, failed: 5, left: 12, stopped: "error rate" });
});

test("the run stops if no consumer reacts; the next run continues with the same audit row", async () => {
  const letters = await pump.deadReserves(3);
  pump.fate = () => "ignore";
  const report = await run(letters, { waitMs: 100 });
  expect(report).toMatchObject({ sent: 1, failed: 1, left: 2, stopped: "error rate" });
  expect(outcomes(report)).toEqual(["not seen"]);
  const [pending] = await trail();
  expect(pending).toMatchObject({ outcome: null, settled: false });

  pump.fate = () => "handle";
  expect(await run(letters)).toMatchObject({ sent: 3, failed: 0, stopped: null });
  const lines = await trail();
  expect(lines).toHaveLength(3);
  expect(lines[0]).toEqual({ ...pending, outcome: "handled", settled: true });
});

test("a dead letter whose replay was not seen can be discarded, but not while a run sends it again", async () => {
  const letters = await pump.deadReserves(1);
  pump.fate = () => "ignore";
  const { run_id } = await run(letters, { waitMs: 100 });
  const discard = () => run(letters, { kind: "dead-letter.discard", reason: "garbage from nowhere" });
  await databases.saga`
    update operator_plans set executor = 'busy', lease_until = now() + interval '1 hour' where plan_id = ${run_id}`;
  await databases.saga`
    update operator_plan_items set outcome = 'in flight', settled_at = null where plan_id = ${run_id}`;
  expect((await discard()).items).toMatchObject([
    { outcome: "left", detail: "another run has just taken it" },
  ]);
  await databases.saga`update operator_plans set lease_until = now() where plan_id = ${run_id}`;
  expect((await discard()).items).toMatchObject([{ outcome: "discarded" }]);
  expect(await trail()).toMatchObject([
    { action: "dead-letter.replay", outcome: "refused", detail: expect.stringContaining("not seen") },
    { action: "dead-letter.discard", outcome: "discarded" },
  ]);
  expect(await run(letters)).toMatchObject({ sent: 0, items: [{ detail: "discarded by ada" }] });
});

test("a message that was handled after an interrupted run is recorded but not sent", async () => {
  const letters = await pump.deadReserves(1);
  pump.fate = () => "ignore";
  await run(letters, { waitMs: 10 });
  const [command] = await orchestrator.messages(letters[0]?.saga_id ?? "");
  if (command !== undefined && isInventoryCommand(command)) await inventory.handle(command);
  expect(await run(letters)).toMatchObject({ sent: 0, items: [{ outcome: "handled" }] });
  expect(await trail()).toMatchObject([{ outcome: "handled" }]);
  expect(pump.carried).toHaveLength(1);
});

test("on a stop signal the run finishes the current batch; the next run sends the rest, and nothing twice", async () => {
  const letters = await pump.deadReserves(6);
  const stop = new AbortController();
  const first = await run(letters, { signal: stop.signal, onChange: () => stop.abort() });
  expect(first).toMatchObject({ sent: 1, failed: 0, left: 5, stopped: "interrupted" });
  expect(await trail()).toMatchObject([{ outcome: "handled" }]);
  expect(await run(letters)).toMatchObject({ sent: 5, left: 0, stopped: null });
  expect(pump.carried.toSorted()).toEqual(idsOf(letters).toSorted());
});

test("a message deleted by retention is restored to its outbox from the dead letter", async () => {
  const DAY_MS = 24 * 60 * 60 * 1_000;
  const [saga_id, message_id] = [9, 8].map((days) => Bun.randomUUIDv7("hex", Date.now() - days * DAY_MS));
  if (saga_id === undefined || message_id === undefined) throw new Error("unreachable");
  const [fresh] = await pump.deadReserves(1);
  const command = (await orchestrator.messages(fresh?.saga_id ?? "")).find(
    ({ type }) => type === "ReserveInventory",
  );
  if (command === undefined) throw new Error("unreachable");
  const sent = { ...command, saga_id, message_id };
  const letter = deadLetterOf(sent, { service: "inventory" });
  await servers.own.saga`delete from outbox`;
  await servers.own.saga`update saga_state set saga_id = ${saga_id} where saga_id = ${command.saga_id}`;
  expect(outcomes(await run([letter]))).toEqual(["handled"]);
  expect(await orchestrator.messages()).toEqual([sent]);
});

test("a message that no outbox ever published is refused", async () => {
  const [fresh] = await pump.deadReserves(1);
  await servers.own.saga`delete from outbox`;
  const report = await run(fresh === undefined ? [] : [fresh]);
  expect(report.items).toMatchObject([
    { outcome: "refused", detail: expect.stringContaining("not from this system") },
  ]);
});

test("unreadable bytes can only be discarded, and only once", async () => {
  const letter = deadBytes(Buffer.from([0xff, 0x00]), { service: "inventory" });
  const report = await run([letter]);
  expect(report.items).toMatchObject([
    { outcome: "refused", detail: expect.stringContaining("can only be discarded") },
  ]);
  const discard = (actor: string) =>
    run([letter], { kind: "dead-letter.discard", actor, reason: "garbage from nowhere" });
  expect((await discard("ada")).items).toMatchObject([{ outcome: "discarded" }]);
  expect((await discard("bob")).items).toMatchObject([{ outcome: "left", detail: "discarded by ada" }]);
  expect(await run([letter])).toMatchObject({ sent: 0, items: [{ outcome: "left" }] });
  expect(await trail()).toMatchObject([
    { outcome: "refused" },
    { outcome: "discarded", reason: "garbage from nowhere" },
  ]);
});

/** A dead-lettered mail, and its id. */
async function deadMail(): Promise<readonly [DeadLetter, string]> {
  const [letter] = await pump.deadReserves(1);
  await orchestrator.handle(eventOf("InsufficientStock", letter?.saga_id ?? ""));
  const mail = (await orchestrator.messages(letter?.saga_id ?? "")).find(
    ({ type }) => type === "SendNotification",
  );
  if (mail === undefined) throw new Error("unreachable");
  return [deadLetterOf(mail, { service: "notification", code: "MAIL_UNDELIVERED" }), mail.message_id];
}

const begin = () => Promise.resolve();

test("a mail counts as published when Kafka has it and its service has read it", async () => {
  const [dead, id] = await deadMail();
  expect(outcomes(await run([dead]))).toEqual(["published"]);
  expect(pump.carried).toContain(id);
});

test("a mail that is dead-lettered again counts as failed; an unread mail stays open and is sent again", async () => {
  const [failing, id] = await deadMail();
  const givenUp: MailWatch = { begin, fates: () => Promise.resolve(new Map([[id, "dead-lettered"]])) };
  const report = await run([failing], { mails: givenUp });
  expect(report).toMatchObject({ sent: 1, failed: 1, stopped: "error rate" });
  expect(outcomes(report)).toEqual(["dead-lettered"]);

  const [unread] = await deadMail();
  const nobodyReads: MailWatch = { begin, fates: () => Promise.resolve(new Map()) };
  expect(outcomes(await run([unread], { mails: nobodyReads, waitMs: 100 }))).toEqual(["not seen"]);
  expect(outcomes(await run([unread]))).toEqual(["published"]);
});
