// What the user of a connection lacks, on a real Postgres: nothing after `grants apply`, and exactly what was taken away.
import { expect, test } from "bun:test";
import { GRANTS } from "../../../schemas/database-grants.ts";
import { MIGRATED_DATABASES } from "../../../schemas/migrations.ts";
import { cloneDatabase } from "../../testkit/database.ts";
import { waitUntil } from "../../stack/wait.ts";
import { createLogger } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { OpsServer } from "../ops-http.ts";
import { Resources } from "../resources.ts";
import { watchRights } from "../watch-rights.ts";
import { missingRights } from "./own-rights-store.ts";

test.each([...MIGRATED_DATABASES])("%s: each role has what it needs, and so has an owner", async (name) => {
  await using database = await cloneDatabase(name);
  for (const role of GRANTS[name].roles)
    expect(await missingRights(database.as(role).sql, name, role)).toEqual([]);
  expect(await missingRights(database.sql, name, "app")).toEqual([]);
});

test("rights on columns, tables and functions that were taken away are named", async () => {
  await using database = await cloneDatabase("order");
  await database.sql.unsafe(`
    revoke update (status, tracking) on orders from order_app;
    revoke select on inbox from order_app;
    revoke delete on retry from order_app;
    revoke execute on function drop_day_partitions(text, date) from order_app`);
  const missing = await missingRights(database.postgres.sql, "order", "app");
  expect(missing.toSorted()).toEqual([
    "delete on table retry",
    "execute on function drop_day_partitions(text,date)",
    "select on table inbox",
    "update (status, tracking) on table orders",
  ]);
  // What others lack is nobody's loss here.
  expect(await missingRights(database.as("relay").sql, "order", "relay")).toEqual([]);
});

test("who comes as somebody else's user lacks what that one may not do", async () => {
  await using database = await cloneDatabase("payment");
  const missing = await missingRights(database.as("audit").sql, "payment", "app");
  expect(missing).toContain("insert on table payments");
  expect(missing).toContain("execute on function ensure_day_partitions(text,date,integer)");
});

test("a role says it in its readiness and its metric, is ready all the same, and says when it is over", async () => {
  await using database = await cloneDatabase("inventory");
  await database.sql.unsafe("revoke delete on retry from inventory_app");
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ role: "inventory", version: "0", level: "error", destination });
  const metrics = new Metrics();
  await using ops = new OpsServer({ hostname: "127.0.0.1", port: 0, metrics });
  const resources = new Resources();
  watchRights(
    { ops, metrics, log, resources },
    { sql: database.postgres.sql, database: "inventory", role: "app", intervalMs: 20 },
  );
  const count = async () => {
    const { text } = await metrics.expose();
    return /^checkout_database_denied\{database="inventory"\} (\d+)$/m.exec(text)?.[1];
  };
  await waitUntil("the missing right is counted", async () => (await count()) === "1", { timeoutMs: 30_000 });
  const { status, checks } = await ops.readiness();
  expect(status).toBe("ready");
  expect(checks["rights in inventory"]).toMatchObject({
    status: "down",
    reason: expect.stringContaining("delete on table retry"),
  });
  await database.sql.unsafe("grant delete on retry to inventory_app");
  await waitUntil("nothing is missing", async () => (await count()) === "0", { timeoutMs: 30_000 });
  expect((await ops.readiness()).checks["rights in inventory"]).toMatchObject({ status: "up" });
  // Once, however often it looks.
  expect(lines.filter((line) => line.includes("delete on table retry"))).toHaveLength(1);
  await resources.close();
});
