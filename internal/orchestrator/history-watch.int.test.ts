// Following sagas on a real Postgres: nothing is missed or told twice, working limits, and nothing left behind.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { openPostgres } from "../platform/postgres.ts";
import { HistoryWatch } from "./history-watch.ts";

const USER = "01890000-0000-7000-8000-00000000000a";
/** Longer than a test may take, so that a wait that ends by its own limit fails the test. */
const LONG = { waitMs: 120_000 };
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

const start = () => orchestrator.start({ user_id: USER });

test("tells the lines after an id with the status, without notes and messages", async () => {
  using watch = new HistoryWatch(orchestrator.database.sql);
  const sagaId = await start();
  await orchestrator.complete(sagaId);
  const all = await watch.history({ sagaId, after: 0 }, USER);
  expect(all?.events.map(({ status, step }) => `${status} ${step}`)).toEqual([
    "STARTED reserve",
    "INVENTORY_RESERVED charge",
    "PAYMENT_CHARGED confirm",
    "PAYMENT_CHARGED order",
    "ORDER_CREATED order",
    "COMPLETED order",
  ]);
  expect(Object.keys(all?.events[0] ?? {}).toSorted()).toEqual(["at", "id", "status", "step"]);
  expect(all?.view).toMatchObject({ saga_id: sagaId, status: "COMPLETED" });
  const [, , third, ...rest] = all?.events ?? [];
  expect((await watch.history({ sagaId, after: third?.id ?? 0 }, USER))?.events).toEqual(rest);
  // Nothing comes after the end, so nobody waits for it.
  const last = rest.at(-1)?.id ?? 0;
  expect((await watch.history({ sagaId, after: last }, USER, LONG))?.events).toEqual([]);
});

test("a missing saga and that of another user are null, without a wait", async () => {
  using watch = new HistoryWatch(orchestrator.database.sql);
  const sagaId = await orchestrator.start();
  expect(await watch.history({ sagaId, after: 0 }, USER, LONG)).toBeNull();
  expect(await watch.history({ sagaId, after: 1_000_000 }, USER, LONG)).toBeNull();
  expect(await watch.history({ sagaId: Bun.randomUUIDv7(), after: 0 }, USER, LONG)).toBeNull();
});

test("a commit in this process wakes the calls that wait for more", async () => {
  using watch = new HistoryWatch(orchestrator.database.sql, NO_TICK);
  for (let delayMs = 0; delayMs <= 8; delayMs += 1) {
    const sagaId = await start();
    const begun = await watch.history({ sagaId, after: 0 }, USER, LONG);
    const after = begun?.events.at(-1)?.id ?? 0;
    const waiting = Promise.all([1, 2].map(() => watch.history({ sagaId, after }, USER, LONG)));
    await Bun.sleep(delayMs);
    orchestrator.changed.length = 0;
    await orchestrator.handle(eventOf("InventoryReserved", sagaId));
    watch.changed(orchestrator.changed);
    for (const told of await waiting) {
      expect(told?.events.map(({ status }) => status)).toEqual(["INVENTORY_RESERVED"]);
      expect(told?.view.status).toBe("INVENTORY_RESERVED");
    }
  }
});

test("changes by another replica are noticed, for many sagas with different ids", async () => {
  using watch = new HistoryWatch(orchestrator.database.sql, { tickMs: 50 });
  const ids = await Promise.all(Array.from({ length: 30 }, start));
  const waiting = ids.map(async (sagaId) => {
    const begun = await watch.history({ sagaId, after: 0 }, USER, LONG);
    return watch.history({ sagaId, after: begun?.events.at(-1)?.id ?? 0 }, USER, LONG);
  });
  await Bun.sleep(20);
  await orchestrator.handle(...ids.map((id) => eventOf("InsufficientStock", id)));
  for (const [at, told] of (await Promise.all(waiting)).entries())
    expect([told?.view.saga_id, told?.view.status]).toEqual([ids[at], "COMPENSATED"]);
});

test("time up, abort and shutdown end a wait with what is there", async () => {
  const watch = new HistoryWatch(orchestrator.database.sql, NO_TICK);
  const sagaId = await start();
  const after = (await watch.history({ sagaId, after: 0 }, USER))?.events.at(-1)?.id ?? 0;
  expect((await watch.history({ sagaId, after }, USER, { waitMs: 50 }))?.events).toEqual([]);
  const gone = new AbortController();
  const aborted = watch.history({ sagaId, after }, USER, { ...LONG, signal: gone.signal });
  await Bun.sleep(20);
  gone.abort();
  expect((await aborted)?.events).toEqual([]);
  const waiting = watch.history({ sagaId, after }, USER, LONG);
  await Bun.sleep(20);
  watch[Symbol.dispose]();
  expect((await waiting)?.view.status).toBe("STARTED");
  expect((await watch.history({ sagaId, after }, USER, LONG))?.events).toEqual([]);
});

test("a thousand calls at once take one query", async () => {
  const { hostname, port, pathname } = new URL(orchestrator.database.url);
  await using proxy = await TcpProxy.start({ host: hostname, port: Number(port) }, 1);
  const url = `postgres://checkout@127.0.0.1:${proxy.port}${pathname}`;
  await using behind = openPostgres({ url, poolSize: 2, applicationName: "behind-a-proxy" });
  using watch = new HistoryWatch(behind.sql);
  const ids = await Promise.all(Array.from({ length: 10 }, start));
  await watch.history({ sagaId: ids[0] ?? "", after: 0 }, USER);
  const before = proxy.roundTrips;
  const all = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => watch.history({ sagaId: ids[i % 10] ?? "", after: 0 }, USER)),
  );
  expect(all.map((told) => told?.view.saga_id)).toEqual(all.map((_, i) => ids[i % 10]));
  expect(proxy.roundTrips - before).toBeLessThanOrEqual(2);
});
