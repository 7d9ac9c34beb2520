// The shared servers of the `.int` tests: one Postgres, Redis and Kafka. Started once per run by test-all.ts and by the mutation
// run; each test uses its own database and topics.
import { startStack } from "../stack/stack.ts";
import { wipe } from "../stack/wipe.ts";
import { newDataDirectory, usersOfData } from "./data-directory.ts";

const DATABASE = "test";

export interface TestServers extends AsyncDisposable {
  /** The addresses, in the variables that servers.ts reads. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The name of their data directory starts with `name`. The directory is removed at the end. Throws if servers of this name are running:
 * a run beside another one in the same checkout would overwrite its results.
 */
export async function startTestServers(name: string, signal: AbortSignal): Promise<TestServers> {
  const [user] = usersOfData(name);
  if (user !== undefined)
    throw new Error(`the servers of another run in this checkout are still running: ${user}`);
  const dataDirectory = newDataDirectory(name);
  // These databases live for minutes, and durability is not under test.
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
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]();
      wipe(dataDirectory);
    },
  };
}
