// The connections of the console: searches that take long leave the collector and the leases of runs alone, and their number is what the
// runbook says.
import { expect, test } from "bun:test";
import { Resources } from "../../internal/platform/resources.ts";
import { cloneDatabase } from "../../internal/testkit/database.ts";
import { openDatabases } from "./sources.ts";

test("while every connection of the pages is busy, the background has its own, and both are at most 8", async () => {
  await using database = await cloneDatabase("saga");
  const resources = new Resources();
  const { url, sql } = database;
  const urls = { saga: url, inventory: url, payment: url, order: url, notification: url };
  const { pages, background } = openDatabases(urls, { resources, ops: { addCheck: () => undefined } });
  // More than there can be connections.
  const searches = Array.from({ length: 12 }, () => pages.saga`select pg_sleep(8)`.then(String, String));
  const first = await Promise.race([background.saga`select 1`.then(() => "lease"), ...searches]);
  expect(first).toBe("lease");
  await Promise.all(Array.from({ length: 12 }, () => background.saga`select pg_sleep(0.01)`));
  const [row] = await sql<[{ count: number }]>`
    select count(*)::integer as count from pg_stat_activity
     where datname = current_database() and application_name = 'checkout-console'`;
  expect(row.count).toBe(8);
  await resources.close();
  await Promise.all(searches);
  // The server goes on with what nobody waits for.
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'checkout-console'`;
});
