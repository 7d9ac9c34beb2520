// The servers that the tests on real servers share: one Postgres, Redis, Kafka. Started once per run, by test-all.ts and by
// the mutants; each test takes a database and topics of its own.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../stack/paths.ts";
import { startStack } from "../stack/stack.ts";
import { wipe } from "../stack/wipe.ts";

const DATABASE = "test";

export interface TestServers extends AsyncDisposable {
  /** Where they are, as servers.ts reads it. */
  readonly env: Readonly<Record<string, string>>;
}

/** `name` is the folder of their data in the cache; what an earlier run left there is taken down first. */
export async function startTestServers(name: string, signal: AbortSignal): Promise<TestServers> {
  const dataDirectory = join(CACHE, name);
  wipe(dataDirectory);
  rmSync(dataDirectory, { recursive: true, force: true });
  // These databases live for minutes; what the tests are about is not whether the disk keeps its word.
  process.env["STACK_POSTGRES_FSYNC"] = "off";
  const stack = await startStack(
    {
      dataDirectory,
      databases: [DATABASE],
      roles: false,
      report: ({ name: server, seconds }) => console.log(`  ${server.padEnd(20)} ${seconds.toFixed(1)} s`),
    },
    signal,
  );
  delete process.env["STACK_POSTGRES_FSYNC"];
  const { postgres, redis, kafka_brokers } = stack.addresses;
  return {
    env: {
      TEST_POSTGRES_URL: postgres[DATABASE] ?? "",
      TEST_REDIS_URL: redis,
      TEST_KAFKA_BROKERS: kafka_brokers,
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}
