// Retention on a real database: future days exist, past days are dropped, and nothing is dropped that is needed or in use.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { describeError } from "../kernel/errors.ts";
import { openPostgres } from "../platform/postgres.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { cautiousNow, Retention } from "./retention.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase("order");
  // The database that was copied may have been migrated before midnight.
  await retentionIn(0).runOnce();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

let undropped = -1;
const logged: string[] = [];
const note = (_fields: object, message: string) => void logged.push(message);

/** Retention as it runs now, or would run this many days from now. Then the database refuses to drop what is not old by its own clock. */
function retentionIn(daysFromNow: number): Retention {
  const now = async () => Date.now() + daysFromNow * DAY_MS;
  const log = { info: note, warn: note, error: note };
  return new Retention({
    database: database.postgres,
    now,
    log,
    onUndropped: (count) => (undropped = count),
  });
}

async function days(table: "inbox" | "outbox"): Promise<string[]> {
  const rows = await database.sql<{ day: string }[]>`
    select right(c.relname, 8) as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass(${table}) and c.relname !~ 'default' order by 1`;
  return rows.map((row) => row.day);
}

const day = (offset: number) =>
  new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");

/** Days as if the table had been in use since then. */
async function usedSince(table: "inbox" | "outbox", offset: number): Promise<void> {
  const first = new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
  await database.sql`select ensure_day_partitions(${table}, ${first}::date, ${-offset})`;
}

/** A row with an id of the partition of that day. */
async function append(topic: string, published: boolean, offset: number): Promise<void> {
  const id = Bun.randomUUIDv7("hex", Date.now() + offset * DAY_MS);
  await database.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    values (${id}, ${topic}, 'k', '{}', '{}', ${published}, ${published ? Date.now() : null}::timestamptz)`;
}

test("creates the coming days", async () => {
  await database.sql.unsafe(`drop table outbox_${day(2)}, inbox_${day(2)}`);
  await retentionIn(0).runOnce();
  expect(await days("outbox")).toContain(day(2));
  expect(await days("inbox")).toContain(day(2));
  expect(await days("inbox")).toContain(day(3));
});

test("every day, from the migration or later, has a vacuum threshold, and its JSON is not analyzed", async () => {
  const [count] = await database.sql<[{ days: number; by_size: number; json: number; analyzed: number }]>`
    select count(distinct c.oid) as days,
           count(distinct c.oid) filter (where c.reloptions @> '{autovacuum_vacuum_threshold=100000}') as by_size,
           count(*) filter (where a.atttypid = 'jsonb'::regtype) as json,
           count(*) filter (where a.atttypid = 'jsonb'::regtype and a.attstattarget is distinct from 0) as analyzed
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid and c.relkind = 'r'
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     where i.inhparent in ('inbox'::regclass, 'outbox'::regclass)`;
  expect(count.days).toBeGreaterThan(10);
  expect(count).toEqual({ days: count.days, by_size: count.days, json: count.json, analyzed: 0 });
  expect(count.json).toBeGreaterThan(8);
});

test("drops an outbox day after a week, but not while one of its events waits for Kafka", async () => {
  await usedSince("outbox", -10);
  await append("waiting", false, -8);
  await append("done", true, -9);
  await retentionIn(0).runOnce();
  expect(await days("outbox")).toContain(day(-8));
  expect(await days("outbox")).not.toContain(day(-9));
  expect(await days("outbox")).toContain(day(-7));
  expect(undropped).toBe(1);

  await database.sql`update outbox set published = true, published_at = now()`;
  await retentionIn(0).runOnce();
  expect(await days("outbox")).not.toContain(day(-8));
  expect(undropped).toBe(0);
});

test("keeps inbox ids longer than Kafka and the dead letters keep their messages", async () => {
  await usedSince("inbox", -40);
  await retentionIn(0).runOnce();
  expect(await days("inbox")).toContain(day(-34));
  expect(await days("inbox")).not.toContain(day(-35));
});

test("times out behind a transaction that uses the table, so that nothing waits behind it", async () => {
  await usedSince("outbox", -10);
  await using busy = openPostgres({ url: database.url, poolSize: 2, applicationName: "busy" });
  await busy.transaction(async (transaction) => {
    await transaction.send([transaction.tx`select count(*) from outbox`]);
    const startedAt = performance.now();
    await retentionIn(0).runOnce();
    // Sooner than a statement's timeout of 10 s ends it.
    expect(performance.now() - startedAt).toBeLessThan(9_500);
    expect(logged).toContain("retention cannot lock the partitions, retrying in its next run");
    await transaction.finish([]);
  });
  expect(await days("outbox")).toContain(day(-9));
  await retentionIn(0).runOnce();
  expect(await days("outbox")).not.toContain(day(-9));
});

test("a day that a fast clock wrote to in advance gets its partition, with the rows", async () => {
  const ahead = Date.now() + 100 * DAY_MS;
  const [published, waiting] = [Bun.randomUUIDv7("hex", ahead), Bun.randomUUIDv7("hex", ahead)];
  for (const [id, at] of [
    [published, Date.now()],
    [waiting, null],
  ] as const)
    await database.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
      values (${id}, 'ahead', 'k', '{}', '{}', ${at !== null}, ${at}::timestamptz)`;
  await database.sql`insert into inbox (message_id) values (${published})`;
  const partitionOf = async (table: string, id: string) => {
    const [row] = await database.sql.unsafe(
      `select tableoid::regclass::text as name from ${table} where ${table === "inbox" ? "message_id" : "event_id"} = '${id}'`,
    );
    return row?.["name"];
  };
  expect(await partitionOf("outbox", waiting)).toBe("outbox_default");

  await ensureDayOf(ahead);
  expect(await partitionOf("outbox", waiting)).toBe(`outbox_${day(100)}`);
  expect(await partitionOf("outbox", published)).toBe(`outbox_${day(100)}`);
  expect(await partitionOf("inbox", published)).toBe(`inbox_${day(100)}`);
  // A partition like all others: its rows can be claimed and are unique.
  expect(await database.sql`select from outbox where not published and topic = 'ahead'`).toHaveLength(1);
});

/** As retention does it on that day. */
async function ensureDayOf(time: number): Promise<void> {
  const first = new Date(time).toISOString().slice(0, 10);
  const { sql } = database.postgres;
  for (const table of ["inbox", "outbox"])
    await sql`select ensure_day_partitions(${table}, ${first}::date, 1)`;
}

test("a process whose clock runs ahead drops nothing: the database refuses", async () => {
  const refused = await retentionIn(9)
    .runOnce()
    .catch((error: unknown) => describeError(error));
  expect(refused).toContain("may still be needed");
  expect(await days("outbox")).toContain(day(0));
});

test("rows dated far ahead are dropped when their time is over by the database clock", async () => {
  const id = Bun.randomUUIDv7("hex", Date.now() + 20 * 365 * DAY_MS);
  const written = (daysAgo: number) => Date.now() - daysAgo * DAY_MS;
  await database.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers) values (${id}, 'far', 'k', '{}', '{}')`;
  await database.sql`insert into inbox (message_id) values (${id})`;
  const left = async (daysAgo: number) => {
    await database.sql`update outbox set created_at = ${written(daysAgo)}::timestamptz where event_id = ${id}`;
    await database.sql`update inbox set received_at = ${written(daysAgo)}::timestamptz where message_id = ${id}`;
    await retentionIn(0).runOnce();
    return {
      outbox: (await database.sql`select from outbox where event_id = ${id}`).length,
      inbox: (await database.sql`select from inbox where message_id = ${id}`).length,
    };
  };
  expect(await left(6)).toEqual({ outbox: 1, inbox: 1 });
  // Kafka does not have the event yet.
  expect(await left(36)).toEqual({ outbox: 1, inbox: 0 });
  await database.sql`update outbox set published = true, published_at = now() where event_id = ${id}`;
  expect(await left(8)).toEqual({ outbox: 0, inbox: 0 });
});

test("a single fast clock does not make the inbox forget", async () => {
  const ahead = Date.now() + 100 * DAY_MS;
  expect(await cautiousNow(database.sql, { now: () => ahead })).toBeLessThan(ahead - 99 * DAY_MS);
  expect(await cautiousNow(database.sql, { now: () => 1_000 })).toBe(1_000);
});
