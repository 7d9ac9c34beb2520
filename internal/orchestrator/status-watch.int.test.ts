// Waiting for sagas on a real Postgres: no missed wake-ups, working limits, and nothing left behind.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { openPostgres } from "../platform/postgres.ts";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { StatusWatch } from "./status-watch.ts";

const USER = "01890000-0000-7000-8000-00000000000a";
/** Longer than a test may take, so that a wait that ends by its own limit fails the test. */
const LONG = { waitMs: 120_000 };
/** Well before the end of LONG, however busy the machine is. */
const AT_ONCE_MS = 30_000;
/** Only `changed` wakes a wait; a missed wake-up lets the test time out. */
const NO_TICK = { tickMs: 3_600_000 };

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(() => {
  orchestrator.changed.length = 0;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** Ends the saga as in this process, and tells the watch. */
async function end(sagaId: string, watch?: StatusWatch): Promise<void> {
  await orchestrator.handle(eventOf("InsufficientStock", sagaId));
  watch?.changed(orchestrator.changed);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const begun = performance.now();
  return { value: await work, ms: performance.now() - begun };
}

test("returns the status of a saga, and null for one that does not exist", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start({ user_id: USER });
  expect(await watch.status(id, USER)).toEqual({
    saga_id: id,
    status: "STARTED",
    current_step: "reserve",
    compensation_step: null,
    failure_code: null,
    order_id: null,
    total_cents: null,
    currency: "EUR",
    money: "none",
    deadline_at: new Date(START + POLICY.forwardDeadlineMs).toISOString(),
    created_at: new Date(START).toISOString(),
    updated_at: new Date(START).toISOString(),
    completed_at: null,
  });
  expect(await watch.status(Bun.randomUUIDv7(), USER)).toBeNull();
  // It also does not wait for it.
  expect(await watch.status(Bun.randomUUIDv7(), USER, LONG)).toBeNull();
});

test("the saga of another user is null, without a wait", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start();
  expect((await timed(watch.status(id, USER, LONG))).ms).toBeLessThan(AT_ONCE_MS);
  expect([await watch.status(id, USER, LONG), await watch.status(id, USER)]).toEqual([null, null]);
});

test("the commit wakes every wait with the committed status", async () => {
  using watch = new StatusWatch(orchestrator.database.sql, NO_TICK);
  const id = await orchestrator.start({ user_id: USER });
  const waiting = Array.from({ length: 20 }, () => watch.status(id, USER, LONG));
  await Bun.sleep(20);
  await end(id, watch);
  const woken = await Promise.all(waiting);
  for (const status of woken)
    expect(status).toMatchObject({ status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK" });
  expect(woken[0]).toEqual(await watch.status(id, USER));
});

test("a saga that ends between the first read and the wait is not missed", async () => {
  using watch = new StatusWatch(orchestrator.database.sql, NO_TICK);
  for (let delayMs = 0; delayMs <= 8; delayMs += 1) {
    const id = await orchestrator.start({ user_id: USER });
    const waiting = watch.status(id, USER, LONG);
    await Bun.sleep(delayMs);
    await end(id, watch);
    expect((await waiting)?.status).toBe("COMPENSATED");
  }
});

test("a saga that another replica ends is noticed long before the wait is over", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const ids = await Promise.all(Array.from({ length: 30 }, () => orchestrator.start({ user_id: USER })));
  const waiting = ids.map((id) => watch.status(id, USER, LONG));
  await Bun.sleep(20);
  await Promise.all(ids.map((id) => end(id)));
  const { value, ms } = await timed(Promise.all(waiting));
  expect(value.map((status) => status?.status)).toEqual(ids.map(() => "COMPENSATED"));
  expect(ms).toBeLessThan(AT_ONCE_MS);
  // The watch works for later calls too.
  const later = await orchestrator.start({ user_id: USER });
  const another = watch.status(later, USER, LONG);
  await end(later);
  expect((await another)?.status).toBe("COMPENSATED");
});

test("when the time is up, the call returns the status at that time", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start({ user_id: USER });
  // Long enough for the event to be committed meanwhile.
  const waiting = timed(watch.status(id, USER, { waitMs: 4_000 }));
  await Bun.sleep(20);
  await orchestrator.handle(eventOf("InventoryReserved", id));
  const { value, ms } = await waiting;
  expect(value?.status).toBe("INVENTORY_RESERVED");
  expect(ms).toBeGreaterThan(3_990);
});

test("a call that is aborted stops waiting", async () => {
  using watch = new StatusWatch(orchestrator.database.sql);
  const id = await orchestrator.start({ user_id: USER });
  const gone = new AbortController();
  const waiting = timed(watch.status(id, USER, { ...LONG, signal: gone.signal }));
  await Bun.sleep(20);
  gone.abort();
  expect((await waiting).ms).toBeLessThan(AT_ONCE_MS);
  expect((await timed(watch.status(id, USER, { ...LONG, signal: gone.signal }))).ms).toBeLessThan(AT_ONCE_MS);
});

test("a shutdown ends every wait with the current status, and later calls do not wait", async () => {
  const watch = new StatusWatch(orchestrator.database.sql);
  const ids = await Promise.all(Array.from({ length: 5 }, () => orchestrator.start({ user_id: USER })));
  const waiting = ids.map((id) => watch.status(id, USER, LONG));
  await Bun.sleep(20);
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  const { value, ms } = await timed(Promise.all(waiting));
  expect([value.map((status) => status?.status), ms < AT_ONCE_MS]).toEqual([ids.map(() => "STARTED"), true]);
  expect((await timed(watch.status(ids[0] ?? "", USER, LONG))).ms).toBeLessThan(AT_ONCE_MS);
});

/** A pool whose connection to the database a test can count and disturb. */
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

test("a thousand calls at once take at most two queries", async () => {
  await using behind = await openBehindProxy(1);
  using watch = new StatusWatch(behind.sql);
  const ids = await Promise.all(Array.from({ length: 10 }, () => orchestrator.start({ user_id: USER })));
  await watch.status(ids[0] ?? "", USER);
  const before = behind.proxy.roundTrips;
  const all = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => watch.status(ids[i % 10] ?? "", USER)),
  );
  expect(all.every((status) => status !== null)).toBe(true);
  expect(behind.proxy.roundTrips - before).toBeLessThanOrEqual(2);
});

test("a database that is connected and silent fails the call at the read timeout", async () => {
  await using behind = await openBehindProxy(0);
  // Only the read that is never answered is hurried.
  using patient = new StatusWatch(behind.sql);
  using hasty = new StatusWatch(behind.sql, { readTimeoutMs: 200 });
  const id = await orchestrator.start({ user_id: USER });
  await patient.status(id, USER);
  behind.proxy.stall();
  await expect(hasty.status(id, USER)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  behind.proxy.resume();
  expect((await patient.status(id, USER))?.status).toBe("STARTED");
});

test("a database that hangs or disconnects fails the calls of that time, and no later ones", async () => {
  await using behind = await openBehindProxy(0);
  using watch = new StatusWatch(behind.sql);
  const [patient, hasty] = [
    await orchestrator.start({ user_id: USER }),
    await orchestrator.start({ user_id: USER }),
  ];
  const waiting = watch.status(patient, USER, LONG);
  await watch.status(hasty, USER);
  behind.proxy.stall();
  const failed = Promise.allSettled(Array.from({ length: 5 }, () => watch.status(hasty, USER)));
  // Long enough for two ticks to hang, too, if they ran in parallel.
  await Bun.sleep(600);
  behind.proxy.cut();
  behind.proxy.resume();
  expect((await failed).every(({ status }) => status === "rejected")).toBe(true);
  expect((await watch.status(hasty, USER))?.status).toBe("STARTED");
  // The call that waited through all this still gets its status.
  await end(patient);
  expect((await waiting)?.status).toBe("COMPENSATED");
});
