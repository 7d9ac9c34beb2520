// `npm test`: checks and unit tests, then the compiled binaries, then the tests on real servers and on whole stacks. The servers are
// started once and shared; each test uses its own database and topics. The last line of the output is `N passed, N failed`.
import { basename, join } from "node:path";
import { binaryName, type BuiltBinary, buildAll, buildableRoles } from "./build.ts";
import { runChecks } from "./check.ts";
import { type SuiteResult, runSuite } from "./suite.ts";
import { DIST } from "../stack/paths.ts";
import { hasMemory, removeDataDirectories } from "../testkit/data-directory.ts";
import { startTestServers } from "../testkit/test-servers.ts";

/** Most tests wait for servers: with fewer processes two cores are idle part of the time. Each process may start a whole stack. */
const PROCESSES = hasMemory() ? 5 : 3;
const updateTimings = process.argv.includes("--update-timings");

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}

const begun = performance.now();
const total = { passed: 0, failed: 0, skipped: 0 };
/** Failed stages that are not tests: a check, a build, a server. Each counts as one failure. */
const broken: string[] = [];

await stage("checks and unit tests", async () => {
  const { unit, failedChecks } = await runChecks({ isQuick: false, signal: stop.signal });
  count(unit);
  broken.push(...failedChecks);
});
await stage("binaries", () => buildAll(buildableRoles(), reportBinary));
await stage("servers for the tests", async () => {
  await using servers = await startTestServers("test-stack", stop.signal);
  // One pool: the short tests run while the longest ones wait for a stack.
  await stage("tests on real servers and whole stacks", async () => {
    const endings = [".int.test.ts", ".sim.test.ts", ".e2e.test.ts"];
    const env = { ...servers.env, CHECKOUTCTL: join(DIST, binaryName("checkoutctl")) };
    const common = { name: "servers", output: "shown", signal: stop.signal } as const;
    count(await runSuite({ ...common, endings, env, processes: PROCESSES, updateTimings }));
  });
});

removeDataDirectories();
const failed = total.failed + broken.length;
console.log();
if (broken.length > 0) console.log(`broken: ${broken.join(", ")}`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
console.log(`${total.passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** After a failed stage the later ones still run, unless a signal has stopped the run. */
async function stage(name: string, work: () => Promise<void>): Promise<void> {
  if (stop.signal.aborted) return;
  console.log(`\n== ${name}`);
  try {
    await work();
    stop.signal.throwIfAborted();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(reason);
    // After a signal the enclosing stages fail with the same reason.
    if (!broken.includes(reason)) broken.push(stop.signal.aborted ? reason : name);
  }
}

function count(result: SuiteResult): void {
  total.passed += result.passed;
  total.failed += result.failed;
  total.skipped += result.skipped;
}

function reportBinary({ file, built, seconds }: BuiltBinary): void {
  console.log(`  ${basename(file).padEnd(24)} ${built ? `built in ${seconds.toFixed(1)} s` : "unchanged"}`);
}
