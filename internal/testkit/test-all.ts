// `npm test`: checks and unit tests, then the compiled binaries, then the tests on real servers, then those on the whole stack.
// The servers are started once and shared: each test takes a database and topics of its own. The last line of the output
// is `N passed, N failed`.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildAll, buildableRoles } from "../stack/build.ts";
import { CACHE } from "../stack/paths.ts";
import { type Stack, startStack } from "../stack/stack.ts";
import { wipe } from "../stack/wipe.ts";
import { runChecks } from "./check.ts";
import { type SuiteResult, runSuite } from "./suite.ts";

const DATABASE = "test";
const DATA = join(CACHE, "test-stack");

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}

const begun = performance.now();
let passed = 0;
let failed = 0;
let skipped = 0;
try {
  await testEverything();
} catch (error) {
  console.error(error);
  failed++;
}
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function testEverything(): Promise<void> {
  heading("checks and unit tests");
  const checks = await runChecks(stop.signal);
  count(checks.unit);
  failed += checks.failedChecks.length;

  heading("binaries");
  await buildAll(buildableRoles(), ({ file, built, seconds }) => {
    console.log(`  ${file.padEnd(40)} ${built ? `built in ${seconds.toFixed(1)} s` : "unchanged"}`);
  });

  heading("servers for the tests");
  await using servers = await startServers();
  const env = addressesOf(servers);

  heading("tests on real servers");
  const onServers = {
    name: "servers",
    endings: [".int.test.ts", ".sim.test.ts"],
    env,
    output: "shown",
  } as const;
  count(await runSuite({ ...onServers, signal: stop.signal }));

  heading("tests on the whole stack");
  const wholeStack = { name: "stack", endings: [".e2e.test.ts"], env, output: "shown" } as const;
  count(await runSuite({ ...wholeStack, signal: stop.signal }));
}

async function startServers(): Promise<Stack> {
  wipe(DATA);
  rmSync(DATA, { recursive: true, force: true });
  // These databases live for minutes; what the tests are about is not whether the disk keeps its word.
  process.env["STACK_POSTGRES_FSYNC"] = "off";
  const stack = await startStack(
    {
      dataDirectory: DATA,
      databases: [DATABASE],
      roles: false,
      report: ({ name, seconds }) => console.log(`  ${name.padEnd(20)} ${seconds.toFixed(1)} s`),
    },
    stop,
  );
  delete process.env["STACK_POSTGRES_FSYNC"];
  return stack;
}

function addressesOf({ addresses }: Stack): Record<string, string> {
  return {
    TEST_POSTGRES_URL: addresses.postgres[DATABASE] ?? "",
    TEST_REDIS_URL: addresses.redis,
    TEST_KAFKA_BROKERS: addresses.kafka_brokers,
  };
}

function count(result: SuiteResult): void {
  passed += result.passed;
  failed += result.failed;
  skipped += result.skipped;
}

function heading(text: string): void {
  stop.signal.throwIfAborted();
  console.log(`\n== ${text}`);
}
