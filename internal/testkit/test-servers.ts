// The shared servers of the `.int` tests: one Postgres, Redis and Kafka. Started once per run by test-all.ts and by the mutation
// run; each test uses its own database and topics.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "../stack/lock.ts";
import { CACHE } from "../stack/paths.ts";
import { startStack } from "../stack/stack.ts";
import { wipe } from "../stack/wipe.ts";
import { newDataDirectory, removeDataDirectories } from "./data-directory.ts";

const DATABASE = "test";

export interface TestServers extends AsyncDisposable {
  /** The addresses, in the variables that servers.ts reads. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The name of their data directory starts with `name`; the directory is removed at the end. Throws if another run in this checkout has
 * servers of this name: the two would overwrite each other's reports.
 */
export async function startTestServers(name: string, signal: AbortSignal): Promise<TestServers> {
  const lock = tryLock(join(CACHE, "tests", `${name}.lock`));
  if (lock === null) throw new Error("another run in this checkout is not over yet");
  removeDataDirectories();
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
      // For whoever looks into a failed run.
      cpSync(join(dataDirectory, "logs"), join(CACHE, "tests", `${name}-logs`), { recursive: true });
      wipe(dataDirectory);
      lock.release();
    },
  };
}
