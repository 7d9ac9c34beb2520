// A console that may only read executes no runs.
import { expect, test } from "bun:test";
import { createLogger } from "../../internal/platform/log.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { Resources } from "../../internal/platform/resources.ts";
import { startRuns } from "./runs.ts";

/** Names of what it registers to be closed, and whether it takes a run. */
async function startedBy(isReadOnly: boolean): Promise<readonly string[]> {
  const names: string[] = [];
  class NamedResources extends Resources {
    override use<Resource extends AsyncDisposable>(name: string, resource: Resource): Resource {
      names.push(name);
      return super.use(name, resource);
    }
    override defer(name: string, close: () => PromiseLike<void> | void): void {
      names.push(name);
      super.defer(name, close);
    }
  }
  const resources = new NamedResources();
  // Nothing listens there, and nothing is connected before the first statement.
  await using database = openPostgres({
    url: "postgres://localhost:1/none",
    poolSize: 2,
    applicationName: "test",
  });
  const { sql } = database;
  const databases = { saga: sql, inventory: sql, payment: sql, order: sql };
  const log = createLogger({ role: "test", version: "0", level: "fatal" });
  const context = { resources, log, stopping: AbortSignal.abort() };
  startRuns({ pages: databases, background: databases }, { brokers: "localhost:1", isReadOnly }, context);
  await resources.close();
  return names;
}

test("a console executes runs, unless it may only read", async () => {
  expect(await startedBy(false)).toEqual(["runs", "executor of runs"]);
  expect(await startedBy(true)).toEqual([]);
});
