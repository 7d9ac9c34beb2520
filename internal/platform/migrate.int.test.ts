import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { MIGRATED_DATABASES, migrations } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import { waitFor } from "../paysim/test-provider.ts";
import { cloneDatabase } from "../testkit/database.ts";
import { holdRows } from "../testkit/row-lock.ts";
import { postgresUrl } from "../testkit/servers.ts";
import { migrate, pendingMigrations } from "./migrate.ts";
import { openPostgres } from "./postgres.ts";

const SCHEMA = "migrate_test";
const options = { max: 2, onnotice: () => undefined, connection: { search_path: SCHEMA } };
const sql = postgres(postgresUrl(), options);
const first = { name: "0001_first", sql: "create table thing (id int primary key)" };
const second = { name: "0002_second", sql: "insert into thing values (1); insert into thing values (2)" };

beforeEach(async () => {
  await sql.unsafe(`drop schema if exists ${SCHEMA} cascade; create schema ${SCHEMA}`);
});
afterAll(async () => {
  await sql.unsafe(`drop schema ${SCHEMA} cascade`);
  await sql.end();
});

async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error("expected an AppError", { cause: error });
  expect(error.code).toBe("MIGRATION_FAILED");
  return error.message;
}

const things = async () =>
  (await sql<{ id: number }[]>`select id from thing order by id`).map((row) => row.id);

describe("migrate", () => {
  test("applies missing migrations in order, once", async () => {
    expect(await pendingMigrations(sql, [first, second])).toEqual(["0001_first", "0002_second"]);
    expect(await migrate(sql, [first])).toEqual(["0001_first"]);
    expect(await migrate(sql, [first, second])).toEqual(["0002_second"]);
    expect(await migrate(sql, [first, second])).toEqual([]);
    expect(await pendingMigrations(sql, [first, second])).toEqual([]);
    expect(await things()).toEqual([1, 2]);
  });

  test("a file that fails is rolled back and named, and the pool stays usable", async () => {
    const broken = {
      name: "0002_broken",
      sql: "insert into thing values (1); insert into nothing values (1)",
    };
    expect(await failureOf(migrate(sql, [first, broken]))).toContain("0002_broken");
    expect(await things()).toEqual([]);
    expect(await pendingMigrations(sql, [first, broken])).toEqual(["0002_broken"]);
    expect(await migrate(sql, [first, second])).toEqual(["0002_second"]);
  });

  test("behind an open transaction it lets others through, and is applied when the transaction ends", async () => {
    await migrate(sql, [first]);
    const url = new URL(postgresUrl());
    url.searchParams.set("search_path", SCHEMA);
    await using open = await holdRows(url.href, "insert into thing values (1)");
    const altering = { name: "0002_altering", sql: "alter table thing add column name text" };
    const migrating = migrate(sql, [first, altering]);
    await using others = openPostgres({
      url: url.href,
      poolSize: 2,
      applicationName: "others",
      timeouts: { lockMs: 2_000 },
    });
    // Not by a statement on the table: that would wait behind the alter, and return only after its lock timeout.
    await waitFor(async () => {
      const [row] = await others.sql`
        select exists (select from pg_stat_activity where query like 'alter table thing%' and wait_event_type = 'Lock') as waits`;
      return row?.["waits"] === true;
    });
    // Each of these waits behind the waiting alter until the alter's lock timeout.
    await others.sql`select from thing`;
    await others.sql`select from thing`;
    await open.release();
    expect(await migrating).toEqual(["0002_altering"]);
  });

  test("a file that was changed after it was applied is named", async () => {
    await migrate(sql, [first]);
    const changed = { ...first, sql: `${first.sql} -- changed` };
    expect(await failureOf(migrate(sql, [changed]))).toContain("0001_first");
    expect(await failureOf(pendingMigrations(sql, [changed]))).toContain("0001_first");
  });

  test("a file with a lower number than an applied one is refused", async () => {
    await migrate(sql, [first]);
    const late = { name: "0000_late", sql: "select 1" };
    expect(await failureOf(migrate(sql, [late, first]))).toContain("0000_late");
  });

  test("a no-transaction file runs outside a transaction", async () => {
    const index = {
      name: "0002_index",
      sql: "-- no-transaction\ncreate index concurrently a on thing (id);\ncreate index concurrently b on thing (id);\n",
    };
    expect(await migrate(sql, [first, index])).toEqual(["0001_first", "0002_index"]);
  });

  test("two processes at once: one applies, the other finds it done", async () => {
    const other = postgres(postgresUrl(), options);
    const results = await Promise.all([migrate(sql, [first, second]), migrate(other, [first, second])]);
    await other.end();
    expect(results.flat()).toEqual(["0001_first", "0002_second"]);
    expect(await things()).toEqual([1, 2]);
  });
});

describe("the owner of a database", () => {
  const tables = async () =>
    (
      await sql<{ name: string }[]>`
        select tablename as name from pg_tables where schemaname = ${SCHEMA} order by 1`
    ).map((row) => row.name);

  test("is recorded, and another service's migrations are refused", async () => {
    await migrate(sql, migrations.inventory, "inventory");
    const before = await tables();
    for (const refused of [migrate, pendingMigrations]) {
      const message = await failureOf(refused(sql, migrations.order, "order"));
      expect(message).toContain("this is the database of inventory, not of order");
    }
    expect(await tables()).toEqual(before);
    expect(await migrate(sql, migrations.inventory, "inventory")).toEqual([]);
  });

  test("is derived in a database migrated before owners were recorded, and then recorded", async () => {
    await migrate(sql, migrations.payment);
    expect(await failureOf(migrate(sql, migrations.saga, "saga"))).toContain("the database of payment");
    expect(await tables()).not.toContain("schema_owner");
    await migrate(sql, migrations.payment, "payment");
    await sql`delete from schema_migrations`;
    expect(await failureOf(migrate(sql, migrations.saga, "saga"))).toContain("the database of payment");
  });

  test("is ambiguous with tables of two services: neither may migrate", async () => {
    await migrate(sql, migrations.order);
    await sql`insert into schema_migrations (name, checksum) values ('0002_saga', '')`;
    expect(await failureOf(migrate(sql, migrations.order, "order"))).toContain("of saga and order");
  });
});

describe("a cloned test database", () => {
  test.each([...MIGRATED_DATABASES])("of %s has the schema of all its migrations", async (name) => {
    await using database = await cloneDatabase(name);
    expect(await pendingMigrations(database.sql, migrations[name])).toEqual([]);
  });

  test("reports an open transaction", async () => {
    const database = await cloneDatabase("saga");
    const connection = await database.sql.reserve();
    await connection`begin`;
    const error = await database[Symbol.asyncDispose]().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(String(error)).toContain("left transactions open: begin");
  });

  test("reports an open connection", async () => {
    const database = await cloneDatabase("saga");
    const own = postgres(database.url, { max: 1 });
    await own`select 1`;
    const error = await database[Symbol.asyncDispose]().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(String(error)).toContain("left connections open");
    await own.end({ timeout: 0 });
  });
});
