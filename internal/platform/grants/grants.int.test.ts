// Rights on a real Postgres: made once, found again, kept by migrations, and without a gap.
import { expect, test } from "bun:test";
import { GRANTS } from "../../../schemas/database-grants.ts";
import { type MigratedDatabase, MIGRATED_DATABASES, migrations } from "../../../schemas/migrations.ts";
import { INBOX_RETENTION_MS, OUTBOX_RETENTION_MS } from "../../messaging/retention.ts";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { migrate } from "../migrate.ts";
import { userOf } from "../schema-owner-store.ts";
import { applyGrants, planGrants } from "./apply-store.ts";

/** As `checkoutctl grants apply` leaves it. */
async function granted(name: MigratedDatabase): Promise<TestDatabase> {
  const database = await cloneDatabase(name);
  await applyGrants(database.sql, name);
  return database;
}

test.each([...MIGRATED_DATABASES])(
  "%s: everything that migrations make has a line in the table of rights",
  async (name) => {
    await using database = await granted(name);
    expect(await planGrants(database.sql, name)).toEqual({
      changes: [],
      unnamed: [],
      owners: [],
      excess: [],
    });
    // Nothing is in the table that does not exist, and no column is misspelt.
    const { tables, functions } = GRANTS[name];
    const columns = await database.sql<{ table: string; column: string }[]>`
    select table_name as table, column_name as column from information_schema.columns where table_schema = 'public'`;
    const known = new Set(columns.map(({ table, column }) => `${table}.${column}`));
    const named = Object.entries(tables).flatMap(([table, roles]) =>
      Object.values(roles).flatMap(({ select, update }) =>
        [select, update]
          .flatMap((columnsOf) =>
            columnsOf === undefined || columnsOf === "all"
              ? []
              : "except" in columnsOf
                ? columnsOf.except
                : columnsOf,
          )
          .map((column) => `${table}.${column}`),
      ),
    );
    expect(named.filter((column) => !known.has(column))).toEqual([]);
    expect(Object.keys(tables).filter((table) => !columns.some((one) => one.table === table))).toEqual([]);
    const found = await database.sql<{ name: string }[]>`
    select p.oid::regprocedure::text as name from pg_proc p where pronamespace = 'public'::regnamespace order by 1`;
    expect(found.map((one) => one.name)).toEqual(Object.keys(functions).toSorted());
  },
);

test("a table or function of a migration without a line in the table of rights is noticed", async () => {
  await using database = await granted("order");
  await migrate(
    database.sql,
    [
      ...migrations.order,
      {
        name: "9999_parcels",
        sql: "create table parcels (id uuid); create function weigh() returns integer language sql return 1;",
      },
    ],
    "order",
  );
  const { unnamed } = await planGrants(database.sql, "order");
  expect(unnamed.toSorted()).toEqual(["function weigh()", "table parcels"]);
  await expect(async () => await database.as("app").sql`select * from parcels`).toThrow("permission denied");
});

test("what the migrator makes belongs to the owner, and gets its rights at once", async () => {
  await using database = await granted("order");
  await database.sql`drop table orders`;
  await database.sql`delete from schema_migrations where name in ('0002_order', '0025_shipping', '0037_charged_card')`;
  // As a deployment does it: without a superuser.
  const missing = migrations.order.filter(({ name }) => /order|shipping|card/.test(name));
  expect(await migrate(database.as("migrator").sql, missing, "order")).toHaveLength(3);
  const [row] = await database.sql`select tableowner from pg_tables where tablename = 'orders'`;
  expect(row).toEqual({ tableowner: "order_owner" });
  expect(await database.as("app").sql`select * from orders`).toHaveLength(0);
  // Nor may anybody call a function of a migration only because it is new.
  const weigh = { name: "9999_weigh", sql: "create function weigh() returns integer language sql return 1;" };
  await migrate(database.as("migrator").sql, [...migrations.order, weigh], "order");
  await expect(async () => await database.as("app").sql`select weigh()`).toThrow("permission denied");
  expect((await planGrants(database.sql, "order")).changes).toEqual([]);
});

test("a right too many, or too few, is found and put right", async () => {
  await using database = await granted("payment");
  await database.sql.unsafe(`
    grant delete on payments to payment_app; grant select on payments to payment_audit; revoke update on outbox from payment_relay;
    grant execute on function unmake_day_partitions(text, date) to public; grant create on schema public to public;
    grant select on refunds to public`);
  const { changes } = await planGrants(database.sql, "payment");
  expect(changes.map(({ kind }) => kind).toSorted()).toEqual([
    "grant",
    "grant",
    "revoke",
    "revoke",
    "revoke",
    "revoke",
    "revoke",
  ]);
  await applyGrants(database.sql, "payment");
  expect((await planGrants(database.sql, "payment")).changes).toEqual([]);
  const audit = database.as("audit").sql;
  await expect(async () => await audit`select payment_method from payments`).toThrow("permission denied");
  expect(await audit`select saga_id, amount_cents from payments`).toHaveLength(0);
});

test("a database that one user owned is handed over, and that user goes on working until it is taken out", async () => {
  await using database = await cloneDatabase("order", { role: "superuser" });
  const { sql } = database;
  const user = `shop_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${user} login`);
  try {
    await sql.unsafe(
      `grant order_owner to ${user}; alter database ${new URL(database.url).pathname.slice(1)} owner to ${user}`,
    );
    const tables = await sql<
      { name: string }[]
    >`select tablename as name from pg_tables where schemaname = 'public'`;
    for (const { name } of tables) await sql.unsafe(`alter table ${name} owner to ${user}`);
    await sql.unsafe(`revoke order_owner from ${user}`);
    await applyGrants(sql, "order");
    expect(await planGrants(sql, "order")).toEqual({ changes: [], unnamed: [], owners: [user], excess: [] });
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${user}`);
      expect(await tx`delete from orders`).toHaveLength(0);
    });
    await sql.unsafe(`revoke order_owner from ${user}`);
    expect((await planGrants(sql, "order")).owners).toEqual([]);
  } finally {
    await sql.unsafe(`drop owned by ${user}; drop role ${user}`);
  }
});

test("rights are not given before the functions that they need are there", async () => {
  await using database = await cloneDatabase("order", { role: "superuser" });
  await database.sql`delete from schema_migrations where name = '0038_least_privilege'`;
  await database.sql`grant delete on orders to order_app`;
  await expect(applyGrants(database.sql, "order")).rejects.toThrow(
    "lacks the migration 0038_least_privilege, which its roles need; nothing was changed: run `checkoutctl migrate` first",
  );
  expect((await planGrants(database.sql, "order")).changes.map(({ statement }) => statement)).toContain(
    "revoke delete on table orders from order_app",
  );
  // An empty database may get its roles first.
  await database.sql`drop table schema_migrations`;
  await applyGrants(database.sql, "order");
});

test("a user who may not change rights is told who may", async () => {
  await using database = await granted("order");
  // Whoever owns the list of migrations owns this program's tables.
  await database.sql`alter table schema_migrations owner to current_user`;
  await expect(applyGrants(database.as("console").sql, "order")).rejects.toThrow(
    "`alter table schema_migrations owner to order_owner` failed; nothing was changed: run this as a superuser of the database",
  );
});

test("a role knows whether it works as the owner", async () => {
  await using database = await granted("order");
  expect(await userOf(database.as("app").sql)).toEqual({ name: "order_app", isOwner: false });
  expect((await userOf(database.as("migrator").sql)).isOwner).toBe(true);
  expect((await userOf(database.sql)).isOwner).toBe(true);
});

test("a refused statement names the user and the way out", async () => {
  await using database = await granted("order");
  const work = database.as("app").transaction(async ({ tx, finish }) => {
    await finish([tx`delete from orders`]);
  });
  await expect(work).rejects.toThrow(
    /^transaction failed: order_app may not do this in the database \S+; `checkoutctl grants check`/,
  );
});

test("the functions of the partitions know the retention of the program", async () => {
  await using database = await cloneDatabase("order");
  const [row] = await database.sql<[{ inbox: number; outbox: number }]>`
    select retention_days('inbox') as inbox, retention_days('outbox') as outbox`;
  const days = (ms: number) => ms / (24 * 60 * 60 * 1_000);
  expect(row).toEqual({ inbox: days(INBOX_RETENTION_MS), outbox: days(OUTBOX_RETENTION_MS) });
});

test.each([
  ["select drop_day_partitions('outbox', (now() at time zone 'utc')::date - 6)", "may still be needed"],
  ["select drop_day_partitions('inbox', (now() at time zone 'utc')::date - 33)", "may still be needed"],
  ["select purge_default_partition('outbox', now() - interval '6 days', 10)", "may still be needed"],
  ["select purge_default_partition('inbox', now() - interval '33 days', 10)", "may still be needed"],
  ["select drop_day_partitions('orders', '2020-01-01')", "not partitioned by day"],
  ["select ensure_day_partitions('orders', '2020-01-01', 1)", "not partitioned by day"],
  ["select ensure_day_partitions('outbox', current_date, 1000)", "too many"],
  ["select ensure_day_partitions('outbox', current_date - 39, 1)", "too old"],
  ["select ensure_day_partitions('inbox', current_date + 102, 1)", "too far ahead"],
])("the app may not %s", async (statement, why) => {
  await using database = await cloneDatabase("order");
  await expect(async () => await database.as("app").sql.unsafe(statement)).toThrow(why);
});

/** A time zone that changed to or from summer time three days ago. */
function changedZone(to: "summer" | "winter"): string {
  // As POSIX has it: days of the year from 1, without 29 February.
  const day = (offset: number) => {
    const date = new Date(Date.now() + offset * 24 * 60 * 60 * 1_000);
    return Date.UTC(1970, date.getUTCMonth(), date.getUTCDate()) / 86_400_000 + 1;
  };
  const [start, end] = to === "summer" ? [day(-3), day(120)] : [day(-120), day(-3)];
  return `WIN-1SUM,J${start}/2,J${end}/3`;
}

test.each(["summer", "winter"] as const)(
  "after the change to %s time the retention is as many hours as the program counts",
  async (to) => {
    await using database = await cloneDatabase("order", { settings: { timezone: changedZone(to) } });
    const { sql } = database.as("app");
    // The zone has indeed a day of another length.
    const [week] = await sql<[{ hours: number }]>`
      select extract(epoch from clock_timestamp() - (clock_timestamp() - make_interval(days => 7)))::integer / 3600 as hours`;
    expect(week.hours).toBe(to === "summer" ? 167 : 169);
    for (const [table, ms] of [
      ["inbox", INBOX_RETENTION_MS],
      ["outbox", OUTBOX_RETENTION_MS],
    ] as const) {
      const before = (time: number) =>
        sql`select purge_default_partition(${table}, ${time}::timestamptz, 10) as purged`;
      expect([...(await before(Date.now() - ms))]).toEqual([{ purged: 0 }]);
      await expect(async () => await before(Date.now() - ms + 60_000)).toThrow("may still be needed");
    }
  },
);

test("a replay puts back only messages that this service has sent, and only old ones of old sagas", async () => {
  await using database = await cloneDatabase("order");
  const { sql } = database.as("console");
  const old = Bun.randomUUIDv7("hex", Date.now() - 8 * 24 * 60 * 60 * 1_000);
  const saga = Bun.randomUUIDv7("hex", Date.now() - 9 * 24 * 60 * 60 * 1_000);
  const event = (event_id: string, topic: string, partition_key = saga) => {
    const payload = { message_id: event_id, saga_id: partition_key, type: "OrderCreated" };
    return { event_id, topic, partition_key, type: "OrderCreated", payload };
  };
  const putBack = (events: readonly object[]) =>
    sql`select put_back_events(${JSON.stringify(events)}::text::json) as made`;
  const refused = "this outbox cannot have lost the message";
  await expect(async () => await putBack([event(old, "payment-events")])).toThrow(refused);
  await expect(async () => await putBack([event(Bun.randomUUIDv7(), "order-events")])).toThrow(refused);
  for (const young of [Bun.randomUUIDv7(), crypto.randomUUID(), "no saga"])
    await expect(async () => await putBack([event(old, "order-events", young)])).toThrow(refused);
  await expect(async () => await putBack([{ ...event(old, "order-events"), type: "OrderFailed" }])).toThrow(
    refused,
  );
  expect([...(await putBack([event(old, "order-events")]))]).toEqual([{ made: 1 }]);
  expect([...(await putBack([event(old, "order-events")]))]).toEqual([{ made: 0 }]);
});
