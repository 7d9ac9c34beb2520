// Retention on a real database: days ahead exist, days past go, and nothing goes that is still needed or in use.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPostgres } from "../platform/postgres.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { Retention } from "./retention.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase("order");
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const logged: string[] = [];
const note = (_fields: object, message: string) => void logged.push(message);

/** Retention as it would run so many days from now. */
function retentionIn(daysFromNow: number): Retention {
  const clock = { now: () => Date.now() + daysFromNow * DAY_MS };
  return new Retention({ database: database.postgres, clock, log: { info: note, warn: note, error: note } });
}

async function days(table: "inbox" | "outbox"): Promise<string[]> {
  const rows = await database.sql<{ day: string }[]>`
    select right(c.relname, 8) as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass(${table}) and c.relname !~ 'default' order by 1`;
  return rows.map((row) => row.day);
}

const day = (offset: number) =>
  new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");

/** An id of today's partition. */
async function append(topic: string, published: boolean): Promise<void> {
  await database.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    values (${Bun.randomUUIDv7()}, ${topic}, 'k', '{}', '{}', ${published}, ${published ? Date.now() : null}::timestamptz)`;
}

test("makes the days to come", async () => {
  await retentionIn(1).runOnce();
  expect(await days("outbox")).toContain(day(4));
  expect(await days("inbox")).toContain(day(4));
});

test("drops an outbox day after a week, but not while an event of it waits for Kafka", async () => {
  await append("waiting", false);
  await append("done", true);
  await retentionIn(9).runOnce();
  expect(await days("outbox")).toContain(day(0));
  expect(await days("outbox")).not.toContain(day(-1));

  await database.sql`update outbox set published = true, published_at = now()`;
  await retentionIn(9).runOnce();
  expect(await days("outbox")).not.toContain(day(0));
});

test("keeps inbox ids longer than Kafka and the dead letters keep their messages", async () => {
  await retentionIn(33).runOnce();
  expect(await days("inbox")).toContain(day(0));
  await retentionIn(36).runOnce();
  expect(await days("inbox")).not.toContain(day(0));
});

test("gives way to a transaction that is using the table instead of making everyone wait behind it", async () => {
  await using busy = openPostgres({ url: database.url, poolSize: 2, applicationName: "busy" });
  await busy.transaction(async (transaction) => {
    await transaction.send([transaction.tx`select count(*) from outbox`]);
    const startedAt = performance.now();
    await retentionIn(60).runOnce();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(logged).toContain("partitions are in use, retention gives way until its next run");
    await transaction.finish([]);
  });
  expect(await retentionIn(60).runOnce()).toMatchObject({ processed: expect.any(Number) });
  expect(await days("outbox")).toContain(day(63));
});
