// Plants one bug and climbs the layers from the cheapest to the dearest until a test notices. On the layer where the bug is
// expected to be caught only that test runs; on the layers below it everything that could notice. Called by main.ts.
import { dirname } from "node:path/posix";
import { type Layer, LAYERS, type SeededBug } from "./bug.ts";
import type { Copy } from "./copy.ts";
import { runTrial, type TestCase, type Trial } from "./trial.ts";

/** All that the model is made of: it cannot notice a change anywhere else. */
const MODELLED =
  /^internal\/(checkout\/(saga|steps|state|commands)|services\/[a-z]+\/(decide|attempts|payment))\.ts$/;

export type Outcome =
  | { readonly kind: "caught"; readonly layer: Layer; readonly test: TestCase; readonly seconds: number }
  | { readonly kind: "survived"; readonly seconds: number }
  | { readonly kind: "broken"; readonly reason: string; readonly seconds: number };

export async function climb(
  copy: Copy,
  bug: SeededBug,
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  using _ = copy.plant(bug);
  for (const layer of LAYERS) {
    const trial = trialOf(copy, bug, layer);
    if (trial.files.length === 0) continue;
    const verdict = await runTrial(copy.root, trial, env);
    if (verdict.kind === "failed") return { kind: "caught", layer, test: verdict.test, seconds: seconds() };
    if (verdict.kind === "broken") return { kind: "broken", reason: verdict.reason, seconds: seconds() };
  }
  return { kind: "survived", seconds: seconds() };
}

/** The test that is expected to notice. */
export function expectedTrial({ caughtBy: { file, test } }: SeededBug): Trial {
  return { files: [`./${file}`], test };
}

function trialOf(copy: Copy, bug: SeededBug, layer: Layer): Trial {
  if (layer === bug.caughtBy.layer) return expectedTrial(bug);
  switch (layer) {
    case "unit":
      return { files: [".unit.test.ts"] };
    case "model":
      return bug.edits.some(({ file }) => MODELLED.test(file))
        ? { files: ["./internal/testkit/model/model.sim.test.ts"] }
        : { files: [] };
    case "int":
      return { files: testsBeside(copy, bug) };
    case "audit":
      return { files: ["./internal/testkit/shop/shop.sim.test.ts"] };
    default:
      return layer satisfies never;
  }
}

/** The tests on real servers in the folders that the bug touches. */
function testsBeside({ root }: Copy, { edits }: SeededBug): string[] {
  const folders = [...new Set(edits.map(({ file }) => dirname(file)))];
  return folders.flatMap((folder) =>
    [...new Bun.Glob(`${folder}/*.int.test.ts`).scanSync({ cwd: root })].map((file) => `./${file}`),
  );
}
