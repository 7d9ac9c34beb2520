// `bun run model`: explores every interleaving of one checkout, and of two that want the same last unit, and prints the result.
// Exits 1 on a violation, with the shortest path to it, or if an exploration reached its limit.
import { parseOptions } from "../../../bench/arguments.ts";
import { type Exploration, explore } from "./explore.ts";
import { checkoutModel } from "./model.ts";
import { PROTECTIONS, REAL, without } from "./rules.ts";
import { SCENARIOS, withoutProtectionScenario } from "./scenarios.ts";

const MAX_STATES = 20_000_000;

const HELP = `Usage: bun run model [--json]

Exits 0 if there is no violation and every protection is needed, otherwise 1; 2 on wrong arguments.`;

const { values } = parseOptions("model", {
  options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
const say = values.json ? () => {} : console.log;
let failed = false;
let states = 0;
const report: Record<string, unknown> = {};

for (const { name, ...scenario } of SCENARIOS) {
  const begun = performance.now();
  const result = explore(checkoutModel({ ...scenario, rules: REAL }), {
    maxStates: MAX_STATES,
    onProgress: (count, depth) => say(`  ${name}: ${count.toLocaleString("en")} states, depth ${depth} ...`),
  });
  states += result.states;
  failed ||= result.violations.length > 0 || !result.isComplete;
  report[name] = { ...result, seconds: (performance.now() - begun) / 1_000 };
  say(`${name}: ${summary(result)} in ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
  showViolations(result);
}

say("\nEach protection removed must break something:");
for (const protection of PROTECTIONS) {
  const { name: _, ...scenario } = withoutProtectionScenario(protection);
  const result = explore(checkoutModel({ ...scenario, rules: without(protection) }), {
    maxStates: MAX_STATES,
  });
  const [first] = result.violations;
  failed ||= first === undefined;
  report[`without ${protection}`] = result;
  const found =
    first === undefined ? "NOT CAUGHT" : `caught after ${first.path.length} actions: ${first.invariant}`;
  say(`  without ${protection}: ${found}`);
}
say(
  `\n${states.toLocaleString("en")} distinct states, ${failed ? "FAILED" : "0 violations, every protection needed"}`,
);
if (values.json) console.log(JSON.stringify({ states, failed, ...report }, null, 2));
process.exit(failed ? 1 : 0);

function summary({ states: count, transitions, depth, violations, isComplete }: Exploration): string {
  const cut = isComplete ? "" : " (INCOMPLETE)";
  return `${count.toLocaleString("en")} states, ${transitions.toLocaleString("en")} transitions, depth ${depth}, ${violations.length} violations${cut}`;
}

function showViolations({ violations }: Exploration): void {
  for (const { invariant, path } of violations)
    say(
      `  VIOLATION of "${invariant}" after:\n${path.map((action, index) => `    ${index + 1}. ${action}`).join("\n")}`,
    );
}
