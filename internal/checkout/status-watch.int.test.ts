// Waiting for sagas on a real Postgres: wake-ups that cannot be missed, limits that hold, and nothing left behind.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { openPostgres } from "../platform/postgres.ts";
import { eventOf } from "../testkit/events.ts";
import { START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { TcpProxy } from "../testkit/tcp-proxy.ts";
import { StatusWatch } from "./status-watch.ts";

const LONG_MS = 30_000;

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(() => {
  orchestrator.changed.length = 0;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** Ends the saga as it would end in this process, and tells the watch. */
async function end(sagaId: string, watch?: StatusWatch): Promise<void> {
  await orchestrator.handle(eventOf("InsufficientStock", sagaId));
  watch?.changed(orchestrator.changed);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const begun = performance.now();
  return { value: await work, ms: performance.now() - begun };
}

test("says how a saga stands, and null for one that does not exist", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start();
  expect((await watch.status(id, 0))?.view).toEqual({
    saga_id: id,
    status: "STARTED",
    current_step: "reserve",
    compensation_step: null,
    failure_code: null,
    order_id: null,
    total_cents: null,
    currency: "EUR",
    created_at: new Date(START).toISOString(),
    updated_at: new Date(START).toISOString(),
    completed_at: null,
  });
  expect(await watch.status(Bun.randomUUIDv7(), 0)).toBeNull();
  // Nothing to wait for, either.
  expect(await watch.status(Bun.randomUUIDv7(), LONG_MS)).toBeNull();
});

test("everyone who waits is woken by the commit, with what was committed", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start();
  const waiting = Array.from({ length: 20 }, () => watch.status(id, LONG_MS));
  await Bun.sleep(20);
  await end(id, watch);
  const woken = await timed(Promise.all(waiting));
  expect(woken.ms).toBeLessThan(100);
  for (const status of woken.value)
    expect(status?.view).toMatchObject({ status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK" });
  expect(woken.value[0]).toEqual((await watch.status(id, 0)) ?? undefined);
});

test("a saga that ends between the first look and the wait is not missed", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  for (let delayMs = 0; delayMs <= 8; delayMs += 1) {
    const id = await orchestrator.start();
    const waiting = timed(watch.status(id, LONG_MS));
    await Bun.sleep(delayMs);
    await end(id, watch);
    const { value, ms } = await waiting;
    expect(value?.view.status).toBe("COMPENSATED");
    // Below the tick, which would find it in the end.
    expect(ms).toBeLessThan(200);
  }
});

test("a saga that another replica ends is noticed within a tick or two", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const ids = await Promise.all(Array.from({ length: 30 }, () => orchestrator.start()));
  const waiting = ids.map((id) => watch.status(id, LONG_MS));
  await Bun.sleep(20);
  await Promise.all(ids.map((id) => end(id)));
  const { value, ms } = await timed(Promise.all(waiting));
  expect(value.map((status) => status?.view.status)).toEqual(ids.map(() => "COMPENSATED"));
  expect(ms).toBeLessThan(2_000);
  // The watch goes on to work for who comes later.
  const later = await orchestrator.start();
  const another = watch.status(later, LONG_MS);
  await end(later);
  expect((await another)?.view.status).toBe("COMPENSATED");
});

test("when the time is up, the answer is how the saga stands then", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start();
  const waiting = timed(watch.status(id, 150));
  await Bun.sleep(20);
  await orchestrator.handle(eventOf("InventoryReserved", id));
  const { value, ms } = await waiting;
  expect(value?.view.status).toBe("INVENTORY_RESERVED");
  expect(ms).toBeGreaterThan(140);
});

test("who hangs up stops waiting", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start();
  const gone = new AbortController();
  const waiting = timed(watch.status(id, LONG_MS, gone.signal));
  await Bun.sleep(20);
  gone.abort();
  expect((await waiting).ms).toBeLessThan(1_000);
  expect((await timed(watch.status(id, LONG_MS, gone.signal))).ms).toBeLessThan(1_000);
});

test("a shutdown ends every wait with the status as it is, and all later ones at once", async () => {
  const watch = new StatusWatch(orchestrator.database.sql);
  const ids = await Promise.all(Array.from({ length: 5 }, () => orchestrator.start()));
  const waiting = ids.map((id) => watch.status(id, LONG_MS));
  await Bun.sleep(20);
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  const { value, ms } = await timed(Promise.all(waiting));
  expect([value.map((status) => status?.view.status), ms < 1_000]).toEqual([ids.map(() => "STARTED"), true]);
  expect((await timed(watch.status(ids[0] ?? "", LONG_MS))).ms).toBeLessThan(1_000);
});

/** A pool whose way to the database a test can count and disturb. */
async function openBehindProxy(latencyMs: number) {
  const { hostname, port, pathname } = new URL(orchestrator.database.url);
  const proxy = await TcpProxy.start({ host: hostname, port: Number(port) }, latencyMs);
  const url = `postgres://checkout@127.0.0.1:${proxy.port}${pathname}`;
  const database = openPostgres({ url, poolSize: 2, applicationName: "behind-a-proxy" });
  return {
    proxy,
    sql: database.sql,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

test("a thousand calls at once are a query or two", async () => {
  await using behind = await openBehindProxy(1);
  using watch = new StatusWatch(behind.sql);
  const ids = await Promise.all(Array.from({ length: 10 }, () => orchestrator.start()));
  await watch.status(ids[0] ?? "", 0);
  const before = behind.proxy.roundTrips;
  const all = await Promise.all(Array.from({ length: 1_000 }, (_, i) => watch.status(ids[i % 10] ?? "", 0)));
  expect(all.every((status) => status !== null)).toBe(true);
  expect(behind.proxy.roundTrips - before).toBeLessThanOrEqual(2);
});

test("a database that is connected and silent fails the call in time", async () => {
  await using behind = await openBehindProxy(0);
  using watch = new StatusWatch(behind.sql, 200);
  const id = await orchestrator.start();
  await watch.status(id, 0);
  behind.proxy.stall();
  await expect(watch.status(id, 0)).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  behind.proxy.resume();
  expect((await watch.status(id, 0))?.view.status).toBe("STARTED");
});

test("a database that hangs or goes away fails who asks then, and nobody who asks later", async () => {
  await using behind = await openBehindProxy(0);
  using watch = new StatusWatch(behind.sql);
  const [patient, hasty] = [await orchestrator.start(), await orchestrator.start()];
  const waiting = watch.status(patient, LONG_MS);
  await watch.status(hasty, 0);
  behind.proxy.stall();
  const failed = Promise.allSettled(Array.from({ length: 5 }, () => watch.status(hasty, 0)));
  // Long enough for two ticks to hang, too, if they did not wait for each other.
  await Bun.sleep(600);
  behind.proxy.cut();
  behind.proxy.resume();
  expect((await failed).every(({ status }) => status === "rejected")).toBe(true);
  expect((await watch.status(hasty, 0))?.view.status).toBe("STARTED");
  // Who waited through it all is still answered.
  await end(patient);
  expect((await waiting)?.view.status).toBe("COMPENSATED");
});
