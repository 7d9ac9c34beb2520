// What operators see when a role's user of the database lacks a right: on a real Postgres, as the order service's own user.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { waitUntil } from "../stack/wait.ts";
import { Metrics } from "./metrics.ts";
import { OpsServer } from "./ops-http.ts";
import { openPostgres, type Postgres } from "./postgres.ts";
import { watchRefusals } from "./watch-refusals.ts";

/** Longer than a busy machine needs to look whether it is refused still. */
const DENIED_FOR_MS = 2_000;
const PATIENCE_MS = 10_000;

const held = new AsyncDisposableStack();
let database: TestDatabase;
beforeAll(async () => {
  database = held.use(await cloneDatabase("order"));
});
afterAll(() => held.disposeAsync());

/** The part of a role that opens its database. */
async function opened(deniedMs: number) {
  const stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const ops = stack.use(new OpsServer({ hostname: "127.0.0.1", port: 0, metrics }));
  const postgres: Postgres = stack.use(
    openPostgres({
      url: database.urlAs("app"),
      poolSize: 2,
      applicationName: "rights",
      timeouts: { deniedMs },
    }),
  );
  ops.addCheck("postgres", () => postgres.ready());
  watchRefusals({ ops, metrics }, "order", () => postgres.denied());
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${ops.port}${path}`)).text();
  return { postgres, ops, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const REFUSED: readonly (readonly [how: string, attempt: (role: Postgres) => Promise<unknown>])[] = [
  ["a transaction", (role) => role.transaction(({ tx, finish }) => finish([tx`delete from orders`]))],
  ["a single statement", async ({ sql }) => await sql`delete from orders`],
  [
    "a single statement whose error somebody catches",
    ({ sql }) => sql`delete from orders`.catch((e) => Promise.reject(e)),
  ],
];

test.each([...REFUSED])(
  "%s without its right: not ready, and the reason has the way out",
  async (_, attempt) => {
    await using role = await opened(PATIENCE_MS);
    expect((await role.ops.readiness()).status).toBe("ready");
    await expect(attempt(role.postgres)).rejects.toThrow();
    const { status, checks } = await role.ops.readiness();
    expect(status).toBe("not_ready");
    expect(checks["postgres"]?.status).toBe("up");
    expect(checks["refused by order"]?.reason).toMatch(
      /^permission denied for table orders: order_app may not do this in the database \S+; `checkoutctl grants check` finds missing rights, `grants apply` gives them$/,
    );
    expect(await role.ask("/readyz")).toContain("order_app");
    expect(await role.ask("/metrics")).toContain('checkout_database_refusing{database="order"} 1');
  },
);

test("some time after the last refusal it is ready again", async () => {
  await using role = await opened(DENIED_FOR_MS);
  await expect(async () => await role.postgres.sql`delete from orders`).toThrow("permission denied");
  expect(role.postgres.denied()).not.toBeNull();
  await waitUntil("it is ready", async () => (await role.ops.readiness()).status === "ready", {
    timeoutMs: PATIENCE_MS,
  });
  expect(await role.ask("/metrics")).toContain('checkout_database_refusing{database="order"} 0');
});

test("what fails for another reason, and what is allowed, changes nothing", async () => {
  await using role = await opened(PATIENCE_MS);
  await expect(async () => await role.postgres.sql`select 1 / 0`).toThrow("division by zero");
  expect([...(await role.postgres.sql`select count(*) as count from orders`)]).toEqual([{ count: 0 }]);
  expect(role.postgres.denied()).toBeNull();
});
