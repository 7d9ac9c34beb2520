// A console that may only read executes no runs; one that executes them is not in a hurry.
import { expect, test } from "bun:test";
import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { createLogger } from "../../internal/platform/log.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { Resources } from "../../internal/platform/resources.ts";
import { startRuns } from "./runs.ts";
import { kafkaOptionsOf } from "./sources.ts";

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
  const settings = { KAFKA_BROKERS: "localhost:1" };
  startRuns({ pages: databases, background: databases }, { settings, isReadOnly }, context);
  await resources.close();
  return names;
}

test("a console executes runs, unless it may only read", async () => {
  const names = ["executor of runs", "executor of runs 2", "executor of runs 3"];
  expect(await startedBy(false)).toEqual(names.flatMap((name) => [`lease of ${name}`, name]));
  expect(await startedBy(true)).toEqual([]);
});

test("people wait a moment for Kafka, a run waits as long as every other role", () => {
  const { pages, background } = kafkaOptionsOf({ KAFKA_BROKERS: "broker:9092" });
  const limitOf = ({ connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS }: KafkaOptions) => connectTimeoutMs;
  expect([limitOf(pages), limitOf(background)]).toEqual([2_000, DEFAULT_CONNECT_TIMEOUT_MS]);
  expect([pages.brokers, background.brokers]).toEqual(["broker:9092", "broker:9092"]);
});
