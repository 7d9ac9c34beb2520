// A role rejects a connection pooler that does not keep connection settings, and a server that does not say what it is (see testkit/pooler.ts).
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
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

async function faultOf(database: Postgres): Promise<AppError> {
  const error = await database.ready().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error("expected an AppError", { cause: error });
  return error;
}
