// An open transaction locks one row: messages that need it wait, all others continue, and no message is dead-lettered for it. On
// real Kafka, Postgres and Redis.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";
import { openPostgres } from "../platform/postgres.ts";
import { holdRows, LOCK_TIMEOUT_MS, SHORT_LOCK_TIMEOUT_MS } from "../testkit/row-lock.ts";
import { waitFor } from "../paysim/test-provider.ts";

const ATTEMPTS_WHILE_HELD = 8;

let service: CountingService;
beforeAll(async () => {
  service = await CountingService.create();
});
afterAll(() => service[Symbol.asyncDispose]());

const newSagas = (count: number) => Array.from({ length: count }, () => Bun.randomUUIDv7());
const open = (lockMs: number) =>
  openPostgres({
    url: service.database.url,
    poolSize: 4,
    applicationName: "counting",
    timeouts: { lockMs },
  });

/** A saga with a row, so that the row can be locked. */
async function counted(): Promise<string> {
  const saga = Bun.randomUUIDv7();
  await service.database.sql`insert into counter values (${saga}, 0)`;
  return saga;
}

const hold = (saga: string) =>
  holdRows(service.database.url, `select * from counter where saga_id = '${saga}' for update`);

async function countsOf(sagas: readonly string[]): Promise<(number | undefined)[]> {
  const counts = await service.counts();
  return sagas.map((saga) => counts[saga]);
}

test("the rest of the batch is applied, the locked message after the release, and the log names the lock holder", async () => {
  await using database = open(LOCK_TIMEOUT_MS);
  await database.ready();
  await using one = await service.start({ database });
  const [held, others] = [await counted(), newSagas(20)];
  await using lock = await hold(held);
  await service.send(...others.map((saga) => cancelOrder(saga)), cancelOrder(held), cancelOrder(held));
  expect(await one.handle(22)).toMatchObject({ handled: 20, retriesScheduled: 2, deadLettered: 0 });
  expect(await countsOf([...others, held])).toEqual([...others.map(() => 1), 0]);
  expect(one.warnings.filter((line) => line.includes("rows are locked"))).toEqual([
    expect.stringMatching(
      new RegExp(`a row of counter that pid ${lock.pid} holds \\(somebody, .*idle in transaction`),
    ),
  ]);

  await lock.release();
  one.clockOffsetMs += 2_000;
  expect(await one.retries.runOnce()).toMatchObject({ processed: 2 });
  expect([await countsOf([held]), await service.pendingRetries()]).toEqual([[2], []]);
});

test("attempts on a locked row do not count, and nothing is dead-lettered", async () => {
  await using database = open(SHORT_LOCK_TIMEOUT_MS);
  await using one = await service.start({ database });
  const [held, other] = [await counted(), Bun.randomUUIDv7()];
  await using lock = await hold(held);
  await service.send(cancelOrder(held));
  await one.handle(1);
  for (let attempt = 0; attempt < ATTEMPTS_WHILE_HELD; attempt += 1) {
    one.clockOffsetMs += 1_500;
    expect(await one.retries.runOnce()).toMatchObject({ processed: 1 });
  }
  expect(await service.pendingRetries()).toMatchObject([{ attempts: 0 }]);
  expect(await service.deadLetters()).toEqual([]);
  // A message that failed by itself is retried and counted as always.
  service.throwing.add(other);
  await service.send(cancelOrder(other));
  await one.handle(1);
  one.clockOffsetMs += 1_500;
  expect(await one.retries.runOnce()).toMatchObject({ processed: 2 });
  const attempts = (await service.pendingRetries()).map((pending) => pending.attempts);
  expect(attempts.toSorted((left, right) => left - right)).toEqual([0, 2]);
  service.throwing.clear();

  await lock.release();
  one.clockOffsetMs += 10_000;
  expect(await one.retries.runOnce()).toMatchObject({ processed: 2 });
  expect([await countsOf([held, other]), await service.pendingRetries()]).toEqual([[1, 1], []]);
});

test("after the first lock timeout no batch waits for the row", async () => {
  await using database = open(SHORT_LOCK_TIMEOUT_MS);
  await using one = await service.start({ database });
  const held = await counted();
  await using lock = await hold(held);
  await service.send(cancelOrder(held));
  await one.handle(1);
  one.freezeClock();
  const warned = one.warnings.length;
  const sagas = newSagas(5);
  for (const saga of sagas) {
    await service.send(cancelOrder(held), cancelOrder(saga));
    expect(await one.handle(2)).toMatchObject({ handled: 1, retriesScheduled: 1 });
  }
  // A lock timeout would log a warning.
  expect(one.warnings.slice(warned)).toEqual([]);
  expect(await countsOf(sagas)).toEqual(sagas.map(() => 1));
  await lock.release();
  await waitFor(async () => {
    one.freezeClock(1_000);
    await one.retries.runOnce();
    return (await service.pendingRetries()).length === 0;
  });
  expect(await countsOf([held])).toEqual([6]);
});

test("a key that another transaction is about to insert delays at most a quarter of its batch", async () => {
  await using database = open(SHORT_LOCK_TIMEOUT_MS);
  await using one = await service.start({ database });
  const [unborn, others] = [Bun.randomUUIDv7(), newSagas(7)];
  await using lock = await holdRows(service.database.url, `insert into counter values ('${unborn}', 1)`);
  await service.send(...others.map((saga) => cancelOrder(saga)), cancelOrder(unborn));
  const { handled, retriesScheduled } = await one.handle(8);
  expect(handled + retriesScheduled).toBe(8);
  expect(retriesScheduled).toBeWithin(1, 3);
  await lock.release();
  one.clockOffsetMs += 2_000;
  await one.retries.runOnce();
  expect([await countsOf([...others, unborn]), await service.pendingRetries()]).toEqual([
    [...others.map(() => 1), 1],
    [],
  ]);
});

test("a batch waits for a locked table, and nothing is set aside", async () => {
  await using database = open(SHORT_LOCK_TIMEOUT_MS);
  await using one = await service.start({ database });
  await using lock = await holdRows(service.database.url, "lock table counter in access exclusive mode");
  const saga = Bun.randomUUIDv7();
  await service.send(cancelOrder(saga));
  const handling = one.handle(1);
  await waitFor(async () => one.warnings.includes("the database is unavailable, the batch waits"));
  await lock.release();
  expect(await handling).toMatchObject({ handled: 1, retriesScheduled: 0 });
  expect(await countsOf([saga])).toEqual([1]);
});
