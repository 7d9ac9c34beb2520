// What a stolen password of a database role cannot do: each statement is refused by a real Postgres.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { type MigratedDatabase, MIGRATED_DATABASES } from "../../../schemas/migrations.ts";
import { cloneDatabase, type Login, type TestDatabase } from "../../testkit/database.ts";
import { applyGrants } from "./apply-store.ts";

const databases = new Map<MigratedDatabase, TestDatabase>();

beforeAll(async () => {
  const open = async (name: MigratedDatabase) => {
    const database = await cloneDatabase(name);
    databases.set(name, database);
    // Who may connect belongs to the database, and is not copied with its template.
    await applyGrants(database.sql, name);
  };
  await Promise.all(MIGRATED_DATABASES.map(open));
});
afterAll(async () => {
  for (const database of databases.values()) await database[Symbol.asyncDispose]();
});

function clone(name: MigratedDatabase): TestDatabase {
  const database = databases.get(name);
  if (database === undefined) throw new Error(`there is no database of ${name}`);
  return database;
}

const ID = "0190f5fe-7c00-7000-8000-000000000000";
const EVENT = "(event_id, topic, partition_key, payload, headers)";

/** Each would harm somebody. */
const FORBIDDEN: readonly (readonly [
  database: MigratedDatabase,
  role: Login,
  harm: string,
  statement: string,
])[] = [
  // A charge that nobody asked for, or an answer that no service gave.
  [
    "payment",
    "relay",
    "invents an answer",
    `insert into outbox ${EVENT} values ('${ID}', 'payment-events', 'x', '{}', '{}')`,
  ],
  ["payment", "relay", "changes an answer", `update outbox set payload = '{}'`],
  ["payment", "relay", "sends an answer elsewhere", `update outbox set topic = 'order-events'`],
  ["payment", "relay", "removes an answer", `delete from outbox`],
  ["payment", "relay", "reads payments", `select * from payments`],
  ["saga", "relay", "reads addresses", `select shipping_address from saga_state`],
  ["saga", "relay", "forgets what was handled", `delete from inbox`],
  ["inventory", "relay", "changes stock", `update inventory set available_count = 0`],
  [
    "saga",
    "console",
    "invents a command",
    `insert into outbox ${EVENT} values ('${ID}', 'checkout-commands', 'x', '{}', '{}')`,
  ],
  ["saga", "console", "changes a command", `update outbox set payload = '{}'`],
  ["saga", "console", "moves a saga", `update saga_state set status = 'COMPLETED'`],
  ["saga", "console", "reads sealed cards", `select payment_method from saga_state`],
  ["payment", "console", "marks a payment as paid", `update payments set status = 'SUCCEEDED'`],
  ["payment", "console", "removes an alert", `delete from payment_alerts`],
  ["payment", "console", "hides what an alert says", `update payment_alerts set detail = ''`],
  ["order", "console", "sends an order elsewhere", `update orders set shipping_address = '{}'`],
  ["inventory", "console", "changes a price", `update inventory set unit_price_cents = 1`],
  // Traces of what was done.
  ["saga", "app", "changes history", `update saga_history set note = ''`],
  ["saga", "app", "removes history", `delete from saga_history`],
  ["saga", "app", "empties history", `truncate saga_history`],
  ["saga", "app", "changes the audit trail", `update operator_actions set actor = 'somebody else'`],
  ["saga", "app", "reads the audit trail", `select reason from operator_actions`],
  ["saga", "console", "changes who acted", `update operator_actions set actor = 'somebody else'`],
  ["saga", "console", "changes why", `update operator_actions set reason = 'none'`],
  ["saga", "console", "removes from the audit trail", `delete from operator_actions`],
  ["saga", "console", "removes history", `delete from saga_history`],
  // Rows that must stay what they are.
  ["saga", "app", "gives a saga to another shopper", `update saga_state set user_id = '${ID}'`],
  ["saga", "app", "removes sagas", `delete from saga_state`],
  ["payment", "app", "changes an amount", `update payments set amount_cents = 0`],
  ["payment", "app", "removes a payment", `delete from payments`],
  ["payment", "app", "changes a refund", `update refunds set amount_cents = 0`],
  ["order", "app", "changes what was bought", `update orders set items = '[]'`],
  ["order", "app", "removes an order", `delete from orders`],
  ["inventory", "app", "removes a reservation", `delete from reservations`],
  ["inventory", "app", "changes what was reserved", `update reservations set quantity = 0`],
  ["inventory", "app", "removes a product", `delete from inventory`],
  ["order", "app", "forgets what was handled", `delete from inbox`],
  ["order", "app", "changes a message", `update outbox set payload = '{}'`],
  ["order", "app", "removes a message", `delete from outbox`],
  // The schema, and the functions that change it.
  ["order", "app", "makes a table", `create table loot (card text)`],
  ["order", "app", "makes a temporary table", `create temporary table loot (card text)`],
  ["order", "app", "drops a partition", `drop table outbox_default`],
  [
    "order",
    "app",
    "goes around the check of the age",
    `select unmake_day_partitions('outbox', current_date + 9)`,
  ],
  ["order", "app", "goes around the check of the rows", `select unmake_default_rows('outbox', now(), 10)`],
  ["order", "app", "puts messages back", `select put_back_events('[]')`],
  [
    "order",
    "app",
    "says that a migration has run",
    `insert into schema_migrations (name, checksum) values ('x', 'y')`,
  ],
  [
    "order",
    "app",
    "adds a trigger",
    `create trigger t after insert on orders for each row execute function suppress_redundant_updates_trigger()`,
  ],
  ["order", "app", "becomes the owner", `set role order_owner`],
  ["order", "app", "reads passwords", `select * from pg_authid`],
  ["order", "app", "reads files of the server", `select pg_read_file('/etc/passwd')`],
  ["order", "app", "runs programs", `copy (select 1) to program 'true'`],
  ["order", "relay", "makes partitions", `select ensure_day_partitions('outbox', current_date, 1)`],
  ["order", "console", "drops partitions", `select drop_day_partitions('outbox', current_date - 100)`],
  // The auditor sees no personal data and writes nothing.
  ["saga", "audit", "reads mail addresses", `select email from saga_state`],
  ["saga", "audit", "reads addresses", `select shipping_address from saga_state`],
  ["saga", "audit", "reads messages", `select payload from outbox`],
  ["saga", "audit", "reads users", `select user_id from saga_state`],
  ["order", "audit", "reads addresses", `select shipping_address from orders`],
  ["payment", "audit", "reads sealed cards", `select payment_method from payments`],
  ["order", "audit", "reads messages that failed", `select value from retry`],
  ["notification", "console", "removes a mail", `delete from waiting_mails`],
];

test.each(FORBIDDEN)("%s_%s %s", async (database, role, _harm, statement) => {
  const { sql } = clone(database).as(role);
  const refused = await sql.unsafe(statement).then(
    () => "allowed",
    (error: unknown) => (error instanceof postgres.PostgresError ? error.code : String(error)),
  );
  expect(refused).toBe("42501");
});

test("the list above is longer than sixty lines", () => {
  expect(FORBIDDEN.length).toBeGreaterThan(60);
});

test("the auditor's sessions are read-only even where it could write", async () => {
  const { sql } = clone("saga").as("audit");
  await expect(async () => await sql.unsafe("delete from saga_history")).toThrow("read-only transaction");
});

test.each([
  ["saga", "order_app"],
  ["order", "saga_console"],
  ["payment", "inventory_relay"],
] as const)("nobody enters the %s database as %s", async (name, role) => {
  const url = new URL(clone(name).url);
  url.username = role;
  const sql = postgres(url.href, { max: 1, onnotice: () => undefined });
  await expect(async () => await sql`select 1`).toThrow("permission denied for database");
  await sql.end();
});
