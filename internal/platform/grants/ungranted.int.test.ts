// A database that one user owns and migrates, without `checkoutctl grants`: that user does everything, and another login of the server nothing.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres, { type Sql } from "postgres";
import { type DatabaseName, DATABASES, migrations } from "../../../schemas/migrations.ts";
import { Retention } from "../../messaging/retention.ts";
import { postgresUrl } from "../../testkit/servers.ts";
import { migrate } from "../migrate.ts";
import { openPostgres } from "../postgres.ts";

const run = crypto.randomUUID().slice(0, 8);
const SHOP = `shop_${run}`;
const STRANGER = `stranger_${run}`;
const databaseOf = (service: DatabaseName) => `ungranted_${service}_${run}`;

let admin: Sql;

function urlOf(service: DatabaseName, user: string): string {
  const url = new URL(postgresUrl());
  url.pathname = `/${databaseOf(service)}`;
  url.username = user;
  return url.href;
}

function open(service: DatabaseName, user: string): Sql {
  return postgres(urlOf(service, user), { max: 1, onnotice: () => undefined });
}

beforeAll(async () => {
  admin = postgres(postgresUrl(), { max: 1, onnotice: () => undefined });
  await admin.unsafe(`create role ${SHOP} login; create role ${STRANGER} login`);
  for (const service of DATABASES) {
    await admin.unsafe(`create database ${databaseOf(service)} owner ${SHOP}`);
    const sql = open(service, SHOP);
    await migrate(sql, migrations[service], service);
    await sql.end();
  }
});
afterAll(async () => {
  for (const service of DATABASES) await admin.unsafe(`drop database ${databaseOf(service)} with (force)`);
  await admin.unsafe(`drop role ${SHOP}; drop role ${STRANGER}`);
  await admin.end();
});

const OLD = Bun.randomUUIDv7("hex", Date.now() - 8 * 24 * 60 * 60 * 1_000);
const forged = (service: DatabaseName) => {
  const type = "PaymentSucceeded";
  const payload = { message_id: OLD, saga_id: OLD, type };
  const topic = service === "saga" ? "checkout-commands" : `${service}-events`;
  return JSON.stringify([{ event_id: OLD, topic, partition_key: OLD, type, payload }]);
};
const CALLS: readonly ((service: DatabaseName) => string)[] = [
  (service) => `select put_back_events('${forged(service)}')`,
  () => "select ensure_day_partitions('outbox', current_date + 50, 1)",
  () => "select drop_day_partitions('inbox', current_date - 60)",
  () => "select purge_default_partition('inbox', now() - interval '60 days', 10)",
];

test.each([...DATABASES])("%s: no other login can call what acts as the owner", async (service) => {
  const sql = open(service, STRANGER);
  for (const call of CALLS)
    await expect(async () => await sql.unsafe(call(service))).toThrow("permission denied for function");
  // Nor what a later migration makes.
  const definers = await sql<{ name: string }[]>`
    select oid::regprocedure::text as name from pg_proc
     where pronamespace = 'public'::regnamespace and prosecdef and has_function_privilege(oid, 'execute')`;
  expect([...definers]).toEqual([]);
  await sql.end();
});

test.each([...DATABASES])("%s: the owner goes on as before", async (service) => {
  const sql = open(service, SHOP);
  for (const call of CALLS) await sql.unsafe(call(service));
  expect(await sql`select from outbox where event_id = ${OLD}`).toHaveLength(1);
  await sql.end();
  await using database = openPostgres({
    url: urlOf(service, SHOP),
    poolSize: 2,
    applicationName: "ungranted",
  });
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const { processed } = await new Retention({ database, now: async () => Date.now(), log: quiet }).runOnce();
  expect(processed).toBeGreaterThan(0);
});
