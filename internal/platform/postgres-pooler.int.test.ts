// A role rejects a connection pooler that does not keep connection settings, and a server that does not say what it is (see testkit/pooler.ts).
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { waitUntil } from "../stack/wait.ts";
import { Pooler } from "../testkit/pooler.ts";
import { postgresUrl } from "../testkit/servers.ts";
import { openPostgres, type Postgres } from "./postgres.ts";

test.each([
  ["refuses", "it refuses them: unsupported startup parameter: lock_timeout"],
  ["drops", "it drops them"],
] as const)("a pooler that %s connection settings is a configuration fault", async (greeting, what) => {
  await using pooler = await Pooler.start(postgresUrl(), greeting);
  await using database = openPostgres({ url: pooler.url, poolSize: 2, applicationName: "pooler-test" });
  const error = await faultOf(database);
  expect(error.code).toBe("CONFIG_INVALID");
  expect(error.message).toContain("is a connection pooler");
  expect(error.message).toContain(what);
});

test("a server that does not say whether it is a standby is a configuration fault", async () => {
  await using pooler = await Pooler.start(postgresUrl(), "hides");
  await using database = openPostgres({ url: pooler.url, poolSize: 2, applicationName: "pooler-test" });
  const error = await faultOf(database);
  expect(error.code).toBe("CONFIG_INVALID");
  expect(error.message).toContain("does not say on connect whether it is a standby");
  expect(error.message).toContain("Connect directly to Postgres 14 or later");
});

test("a server is not refused because another connection breaks before its answer", async () => {
  const applicationName = "pooler-test-broken";
  // Both statements are ended from outside, however busy the machine is.
  const timeouts = { statementMs: 60_000 };
  await using database = openPostgres({ url: postgresUrl(), poolSize: 4, applicationName, timeouts });
  await using other = openPostgres({ url: postgresUrl(), poolSize: 2, applicationName: "pooler-test" });
  const running = async () => {
    const rows = await other.sql<{ pid: number }[]>`
      select pid from pg_stat_activity
       where application_name = ${applicationName} and wait_event = 'PgSleep' order by query_start`;
    return rows.map(({ pid }) => pid);
  };
  const limit = { timeoutMs: 30_000 };
  // While a connection opens, the driver puts no statement behind its first one.
  await Promise.all([1, 2].map(() => database.sql`select pg_sleep(0.1)`));
  const first = database.sql`select pg_sleep(50)`.execute();
  await waitUntil("the first connection waits", async () => (await running()).length === 1, limit);
  const broken = database.sql`select pg_sleep(50)`.execute();
  const areEnded = Promise.allSettled([first, broken]);
  await waitUntil("the second connection waits", async () => (await running()).length === 2, limit);
  // The driver sends it on the first connection, behind the statement there.
  const ready = database.ready();
  const [held = 0, lost = 0] = await running();
  await other.sql`select pg_terminate_backend(${lost}, 1000)`;
  expect(
    await broken.then(
      () => "done",
      () => "broken",
    ),
  ).toBe("broken");
  await other.sql`select pg_cancel_backend(${held})`;
  expect((await areEnded).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await ready;
});

async function faultOf(database: Postgres): Promise<AppError> {
  const error = await database.ready().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error("expected an AppError", { cause: error });
  return error;
}
