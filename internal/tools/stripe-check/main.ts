// `bun run stripe:check`: our Stripe adapter against two implementations of Stripe's API that others wrote, and against our simulator.
// Ends with 1 where one answers otherwise than expected.ts says. Installs them on its first run, which takes a minute and needs Go,
// Python 3 and the network; so it is no part of `npm test`.
import { EXPECTED, type Expected } from "./expected.ts";
import { startLocalstripe, startSimulator, startStripeMock } from "./implementations.ts";
import { observe } from "./observations.ts";

const IMPLEMENTATIONS = [
  ["simulator", startSimulator],
  ["stripeMock", startStripeMock],
  ["localstripe", startLocalstripe],
] as const satisfies readonly (readonly [keyof Expected, unknown])[];

let differing = 0;
for (const [name, start] of IMPLEMENTATIONS) {
  await using implementation = await start();
  const seen = await observe(implementation);
  const others = EXPECTED.filter((expected) => seen[expected.question] !== expected[name]);
  for (const expected of others)
    console.log(`${name}: ${expected.question}: ${seen[expected.question]}, expected ${expected[name]}`);
  console.log(`${name}: ${EXPECTED.length - others.length} of ${EXPECTED.length} answers as expected`);
  differing += others.length;
}
process.exit(differing === 0 ? 0 : 1);
