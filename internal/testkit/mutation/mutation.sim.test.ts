// Runs the mutants that need no servers, each against the test that must catch it. `bun run mutation` runs all mutants on every
// layer.
import { afterAll, expect, test } from "bun:test";
import { baselineFaults } from "./baseline.ts";
import { MUTANTS } from "./mutants.ts";
import { Copy } from "./copy.ts";
import { expectedTrial } from "./layers.ts";
import { runTrial } from "./trial.ts";

const copy = new Copy();
afterAll(() => copy[Symbol.dispose]());

const quick = MUTANTS.filter(({ caughtBy: { layer } }) => layer === "unit" || layer === "model");

/** The model's tests take as long as all others here, and `npm test` runs them anyway. The mutants' own runs show that they exist. */
const unit = quick.filter(({ caughtBy: { layer } }) => layer === "unit");

test("without a mutant the expected tests exist and pass", async () => {
  expect(await baselineFaults(copy, unit, {})).toEqual([]);
}, 300_000);

test.each(quick.map((mutant) => [mutant.id, mutant] as const))("%s is caught", async (_id, mutant) => {
  using _ = copy.plant(mutant);
  expect(await runTrial(copy.root, expectedTrial(mutant), {})).toMatchObject({ kind: "failed" });
});
