// First the unchanged copy: the tests that are to catch the bugs must exist in it and pass, or their failing later would say
// nothing. Called by main.ts and seeded-bugs.sim.test.ts.
import type { SeededBug } from "./bug.ts";
import type { Copy } from "./copy.ts";
import { runTrial } from "./trial.ts";

/** All files one after the other, on a machine that may do something else as well. */
const BASELINE_TIMEOUT_MS = 15 * 60_000;

/** What is wrong with the expected tests of `bugs` before anything is planted, a sentence each; empty where nothing is. */
export async function baselineFaults(
  copy: Copy,
  bugs: readonly SeededBug[],
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const files = [...new Set(bugs.map(({ caughtBy: { file } }) => `./${file}`))];
  const verdict = await runTrial(copy.root, { files, timeoutMs: BASELINE_TIMEOUT_MS }, env);
  if (verdict.kind === "failed")
    return [`without any bug ${verdict.test.file}, "${verdict.test.name}", fails`];
  if (verdict.kind === "broken") return [`without any bug nothing runs: ${verdict.reason}`];
  return bugs.flatMap(({ id, caughtBy: { file, test = "" } }) =>
    verdict.tests.some((one) => one.file === file && one.name.includes(test))
      ? []
      : [`${id}: ${file} has no test called "${test}"`],
  );
}
