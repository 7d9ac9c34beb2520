// A role rejects a connection pooler that does not keep connection settings (see testkit/pooler.ts).
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { Pooler } from "../testkit/pooler.ts";
import { postgresUrl } from "../testkit/servers.ts";
import { openPostgres } from "./postgres.ts";

test.each([
  ["refuses", "it refuses them: unsupported startup parameter: lock_timeout"],
  ["drops", "it drops them"],
] as const)("a pooler that %s connection settings is a configuration fault", async (greeting, what) => {
  await using pooler = await Pooler.start(postgresUrl(), greeting);
  await using database = openPostgres({ url: pooler.url, poolSize: 2, applicationName: "pooler-test" });
  const error = await database.ready().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error("expected an AppError", { cause: error });
  expect(error.code).toBe("CONFIG_INVALID");
  expect(error.message).toContain("is a connection pooler");
  expect(error.message).toContain(what);
});
