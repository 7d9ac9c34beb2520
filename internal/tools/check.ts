// `bun run check`: the quick checks: unit tests beside lint, types and format. Also the first step of `npm test`.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";
import { type SuiteResult, runSuite } from "./suite.ts";

export interface CheckResult {
  /** Names of the failed checks, without the unit tests. */
  readonly failedChecks: readonly string[];
  readonly unit: SuiteResult;
}

interface Check {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The unit tests wait for half of their time. */
const BESIDE_UNIT_TESTS: readonly Check[] = [
  {
    name: "lint",
    command: [join(REPOSITORY, "node_modules/oxlint/bin/oxlint"), "--type-aware"],
    // Its type checker is a Go program of ten seconds. Collecting garbage was a fifth of it; without that it stays below the limit. Half of
    // the cores, because each looks up again what another one knows, and the unit tests need some.
    env: { GOGC: "off", GOMEMLIMIT: "2GiB", GOMAXPROCS: String(Math.ceil(availableParallelism() / 2)) },
  },
  { name: "types", command: ["check", "--no-script"] },
  // Code that runs in browsers sees the DOM; everything else must not.
  { name: "shop's browser", command: ["check", "--no-script", "-p", "internal/storefront/client"] },
  { name: "console's browser", command: ["check", "--no-script", "-p", "internal/console/client"] },
  { name: "format", command: ["fmt", "--no-script", "--check"] },
];

export async function runChecks(signal?: AbortSignal): Promise<CheckResult> {
  const [unit, ...results] = await Promise.all([
    unitTests(signal),
    ...BESIDE_UNIT_TESTS.map((check) => resultOf(check, signal)),
  ]);
  return { failedChecks: results.filter(({ ok }) => !ok).map(({ name }) => name), unit };
}

async function unitTests(signal?: AbortSignal): Promise<SuiteResult> {
  const timedRun = await timed("unit tests", async () => {
    const suite = { name: "unit", endings: [".unit.test.ts"], processes: 3, output: "captured" } as const;
    const result = await runSuite(signal ? { ...suite, signal } : suite);
    return { ok: result.failed === 0, detail: `${result.passed} passed`, result };
  });
  return timedRun.result;
}

function resultOf(check: Check, signal?: AbortSignal): Promise<{ name: string; ok: boolean }> {
  return timed(check.name, async () => ({ ok: await succeeds(check, signal), name: check.name }));
}

/** Runs a bun command; prints its output only if it fails. */
async function succeeds({ command, env }: Check, signal?: AbortSignal): Promise<boolean> {
  const child = Bun.spawn([process.execPath, ...command], {
    cwd: REPOSITORY,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(signal ? { signal } : {}),
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) process.stderr.write(output + errors);
  return code === 0;
}

async function timed<T extends { ok: boolean; detail?: string }>(
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  const result = await work();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const outcome = result.ok ? (result.detail ?? "ok") : "FAILED";
  console.log(`  ${name.padEnd(12)} ${seconds.padStart(5)} s  ${outcome}`);
  return result;
}

if (import.meta.main) {
  const { failedChecks, unit } = await runChecks();
  process.exit(failedChecks.length === 0 && unit.failed === 0 ? 0 : 1);
}
