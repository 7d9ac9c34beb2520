// First the unchanged copy: the tests that are to catch the mutants must exist in it and pass, or their failing later would say
// nothing. Called by main.ts and mutation.sim.test.ts.
import type { Mutant } from "./mutant.ts";
import type { Copy } from "./copy.ts";
import { runTrial } from "./trial.ts";

/** All files one after the other, on a machine that may do something else as well. */
const BASELINE_TIMEOUT_MS = 15 * 60_000;

/** What is wrong with the expected tests of `mutants` before anything is planted, a sentence each; empty where nothing is. */
export async function baselineFaults(
  copy: Copy,
  mutants: readonly Mutant[],
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const files = [...new Set(mutants.map(({ caughtBy: { file } }) => `./${file}`))];
  const result = await runTrial(copy.root, { files, timeoutMs: BASELINE_TIMEOUT_MS }, env);
  if (result.kind === "failed")
    return [`without any mutant ${result.test.file}, "${result.test.name}", fails`];
  if (result.kind === "broken") return [`without any mutant nothing runs: ${result.reason}`];
  return mutants.flatMap(({ id, caughtBy: { file, test = "" } }) =>
    result.tests.some((one) => one.file === file && one.name.includes(test))
      ? []
      : [`${id}: ${file} has no test called "${test}"`],
  );
}
