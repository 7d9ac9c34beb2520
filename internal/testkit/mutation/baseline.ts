// Checks the unchanged copy first: the tests that should catch the mutants must exist and pass. Otherwise a later failure proves
// nothing. Called by main.ts and mutation.sim.test.ts.
import type { Mutant } from "./mutant.ts";
import type { Copy } from "./copy.ts";
import { runTrial, type TestCase, type Trial } from "./trial.ts";

/** For all of them in sequence on a busy machine. */
const BASELINE_TIMEOUT_MS = 15 * 60_000;
/** As in the test suite. Nothing hangs without a mutant, but a busy machine is slow. */
const TEST_TIMEOUT_MS = 60_000;

/** The faults of the expected tests without any mutant, one sentence each; empty if there are none. */
export async function baselineFaults(
  copy: Copy,
  mutants: readonly Mutant[],
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const passed: TestCase[] = [];
  for (const trial of trialsOf(mutants)) {
    const result = await runTrial(copy.root, trial, env);
    if (result.kind === "failed")
      return [`${result.test.file}, "${result.test.name}" fails without any mutant: repair it first`];
    if (result.kind === "broken") return [`the tests do not run without any mutant: ${result.reason}`];
    passed.push(...result.tests);
  }
  return mutants.flatMap(({ id, caughtBy: { file, test = "" } }) =>
    passed.some((one) => one.file === file && one.name.includes(test))
      ? []
      : [`${id}: ${file} has no test called "${test}": correct the mutant's caughtBy`],
  );
}

/** The named tests, and the files of which any test may notice. What no mutant names says nothing here, and takes minutes. */
function trialsOf(mutants: readonly Mutant[]): readonly Trial[] {
  const limits = { timeoutMs: BASELINE_TIMEOUT_MS, testTimeoutMs: TEST_TIMEOUT_MS };
  const expected = mutants.map(({ caughtBy }) => caughtBy);
  const filesOf = (some: typeof expected) => [...new Set(some.map(({ file }) => `./${file}`))];
  const named = expected.filter(({ test }) => test !== undefined);
  const whole = expected.filter(({ test }) => test === undefined);
  return [
    { files: filesOf(named), tests: [...new Set(named.flatMap(({ test }) => test ?? []))], ...limits },
    { files: filesOf(whole), ...limits },
  ].filter(({ files }) => files.length > 0);
}
