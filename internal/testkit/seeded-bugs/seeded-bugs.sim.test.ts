// The seeded bugs that need no servers to show, each against the test that must notice. All of them, on every layer:
// `bun run seeded-bugs`.
import { afterAll, expect, test } from "bun:test";
import { baselineFaults } from "./baseline.ts";
import { BUGS } from "./bugs.ts";
import { Copy } from "./copy.ts";
import { expectedTrial } from "./ladder.ts";
import { runTrial } from "./trial.ts";

const copy = new Copy();
afterAll(() => copy[Symbol.dispose]());

const quick = BUGS.filter(({ caughtBy: { layer } }) => layer === "unit" || layer === "model");

test("without a bug, the tests that are to catch them exist and pass", async () => {
  expect(await baselineFaults(copy, quick, {})).toEqual([]);
});

test.each(quick.map((bug) => [bug.id, bug] as const))("%s is caught", async (_id, bug) => {
  using _ = copy.plant(bug);
  expect(await runTrial(copy.root, expectedTrial(bug), {})).toMatchObject({ kind: "failed" });
});
