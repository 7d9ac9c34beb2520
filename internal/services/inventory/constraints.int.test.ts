// Violates the table constraints on purpose: only a bug could write such a row.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";

const CHECK = "23514";
const FOREIGN_KEY = "23503";
const UNIQUE = "23505";

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase("inventory");
  await database.sql.unsafe(`
    insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    values ('apple', 'Apple', 250, 'EUR', 10, 9);
    insert into reservations values (gen_random_uuid(), '${SAGA}', 0, 'apple', 1, 250, now(), now(), 'HELD');`);
});
afterAll(() => database[Symbol.asyncDispose]());

const SAGA = "01900000-0000-7000-8000-000000000001";

const stock = (values: string) =>
  `insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count) values (${values})`;
const line = (values: string) =>
  `insert into reservations (reservation_id, reserved_at, expires_at, saga_id, line, sku_id, quantity, unit_price_cents, status)
   values (gen_random_uuid(), now(), now(), ${values})`;

test.each([
  ["stock below zero", "update inventory set available_count = -1", CHECK],
  ["more available than ever stocked", "update inventory set available_count = 11", CHECK],
  ["a price below zero", stock("'a', 'A', -1, 'EUR', 0, 0"), CHECK],
  ["an invalid currency", stock("'a', 'A', 1, 'euro', 0, 0"), CHECK],
  ["a duplicate SKU", stock("'apple', 'A', 1, 'EUR', 0, 0"), UNIQUE],
  ["deleting a reserved SKU", "delete from inventory", FOREIGN_KEY],
  ["a reservation of an unknown SKU", line("gen_random_uuid(), 0, 'ghost', 1, 1, 'HELD'"), FOREIGN_KEY],
  ["a second reservation of a saga", line(`'${SAGA}', 0, 'apple', 1, 1, 'HELD'`), UNIQUE],
  ["a tombstone beside a reservation", line(`'${SAGA}', 0, null, 0, 0, 'RELEASED'`), UNIQUE],
  ["a tombstone with status HELD", line("gen_random_uuid(), 0, null, 0, 0, 'HELD'"), CHECK],
  ["a tombstone on a line other than 0", line("gen_random_uuid(), 1, null, 0, 0, 'RELEASED'"), CHECK],
  ["a line with quantity 0", line("gen_random_uuid(), 0, 'apple', 0, 1, 'HELD'"), CHECK],
  ["a negative line number", line("gen_random_uuid(), -1, 'apple', 1, 1, 'HELD'"), CHECK],
  ["texts of an unknown SKU", "insert into products (sku_id) values ('ghost')", FOREIGN_KEY],
  ["categories that are a list", "insert into products (sku_id, categories) values ('apple', '[]')", CHECK],
  ["names that are a list", "insert into products (sku_id, names) values ('apple', '[]')", CHECK],
  [
    "descriptions that are a text",
    "insert into products (sku_id, descriptions) values ('apple', '\"x\"')",
    CHECK,
  ],
  ["an empty category", "insert into products (sku_id, category) values ('apple', '')", CHECK],
  ["a picture without https", "insert into products (sku_id, picture) values ('apple', 'http://a/b')", CHECK],
  ["a picture of any host", "insert into products (sku_id, picture) values ('apple', '//a/b')", CHECK],
  ["an unknown status", line("gen_random_uuid(), 0, 'apple', 1, 1, 'LOST'"), CHECK],
])("refused: %s", async (_, statement, code) => {
  const error: unknown = await database.sql.unsafe(statement).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code });
});
