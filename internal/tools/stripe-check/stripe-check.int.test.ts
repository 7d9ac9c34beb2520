// The simulator answers our adapter as expected.ts says, and docs/payment-provider.md has the table. `bun run stripe:check` asks the others.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { REPOSITORY } from "../../stack/paths.ts";
import { differencesTable, EXPECTED } from "./expected.ts";
import { startSimulator } from "./implementations.ts";
import { observe } from "./observations.ts";

test("the simulator answers every question as expected", async () => {
  await using simulator = await startSimulator();
  const expected = Object.fromEntries(EXPECTED.map(({ question, simulator: answer }) => [question, answer]));
  expect(await observe(simulator)).toEqual(expected);
});

test("docs/payment-provider.md has the table", async () => {
  const text = await Bun.file(join(REPOSITORY, "docs/payment-provider.md")).text();
  expect(text).toContain(differencesTable());
});
