// Plants one mutant and runs the given layers, from the cheapest to the most expensive, until a test fails. On the layer that should catch
// the mutant only the expected test runs; on cheaper layers all tests that could catch it run. Called by main.ts.
import { dirname } from "node:path/posix";
import type { Layer, Mutant } from "./mutant.ts";
import type { Copy } from "./copy.ts";
import { runTrial, type TestCase, type Trial } from "./trial.ts";

/** The files that the model runs. It cannot notice a change in any other file. */
const MODELLED =
  /^internal\/(orchestrator\/(saga|steps|state|commands)|services\/[a-z]+\/(decide|attempts\/(attempts|holds|refund-attempts)|payment))\.ts$/;

export type Outcome =
  | { readonly kind: "caught"; readonly layer: Layer; readonly test: TestCase; readonly seconds: number }
  | { readonly kind: "survived"; readonly seconds: number }
  | { readonly kind: "broken"; readonly reason: string; readonly seconds: number };

export async function climb(
  copy: Copy,
  mutant: Mutant,
  env: Readonly<Record<string, string>>,
  layers: readonly Layer[],
): Promise<Outcome> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  using _ = copy.plant(mutant);
  for (const layer of layers) {
    const trial = trialOf(copy, mutant, layer);
    if (trial.files.length === 0) continue;
    const result = await runTrial(copy.root, trial, env);
    if (result.kind === "failed") return { kind: "caught", layer, test: result.test, seconds: seconds() };
    if (result.kind === "broken") return { kind: "broken", reason: result.reason, seconds: seconds() };
  }
  return { kind: "survived", seconds: seconds() };
}

/** The test that should fail. */
export function expectedTrial({ caughtBy: { file, test } }: Mutant): Trial {
  return { files: [`./${file}`], tests: test === undefined ? undefined : [test] };
}

function trialOf(copy: Copy, mutant: Mutant, layer: Layer): Trial {
  if (layer === mutant.caughtBy.layer) return expectedTrial(mutant);
  switch (layer) {
    case "unit":
      return { files: [".unit.test.ts"] };
    case "model":
      return mutant.edits.some(({ file }) => MODELLED.test(file))
        ? { files: ["./internal/testkit/model/model.sim.test.ts"] }
        : { files: [] };
    case "int":
      return { files: testsBeside(copy, mutant) };
    case "audit":
      return { files: ["./internal/testkit/simulation/simulation.sim.test.ts"] };
    default:
      return layer satisfies never;
  }
}

/** The `.int` tests in the folders that the mutant changes. */
function testsBeside({ root }: Copy, { edits }: Mutant): string[] {
  const folders = [...new Set(edits.map(({ file }) => dirname(file)))];
  return folders.flatMap((folder) =>
    [...new Bun.Glob(`${folder}/*.int.test.ts`).scanSync({ cwd: root })].map((file) => `./${file}`),
  );
}
