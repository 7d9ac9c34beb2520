// `bun run mutation [--only ID]... [--layer LAYER] [--quick] [--json FILE] [--list]`: plants each mutant in a copy of the source and reports
// which test layer catches it. Exits 1 if one survives. Starts the servers that the tests need, unless the environment names some
// (servers.ts).
import { parseOptions, wrong } from "../../../bench/arguments.ts";
import { startTestServers } from "../test-servers.ts";
import { baselineFaults } from "./baseline.ts";
import { LAYERS, type Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { Copy } from "./copy.ts";
import { climb, type Outcome } from "./layers.ts";
import { describeTraps } from "./traps.ts";

const HELP = `Usage: bun run mutation [options]

  --only ID      plants only this mutant; may be repeated
  --layer LAYER  plants only the mutants that this test layer should catch: ${LAYERS.join(", ")}
  --quick        runs only the test that should catch the mutant, not those of cheaper layers
  --json FILE    writes the result of each mutant to FILE
  --list         shows the traps and their mutants

Exits 0 if every mutant was caught, 1 if one survived, 2 on wrong arguments.`;

const { values } = parseOptions("mutation", {
  options: {
    only: { type: "string", multiple: true, default: [] },
    layer: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
if (values.list) {
  console.log(describeTraps());
  process.exit(0);
}
const chosen = chosenMutants(values.only, values.layer);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
// Only mutants of the layers int and audit need servers.
const needsServers = chosen.some(({ caughtBy }) => caughtBy.layer === "int" || caughtBy.layer === "audit");
await using servers =
  needsServers && process.env["TEST_POSTGRES_URL"] === undefined
    ? await startTestServers("mutation-stack", stop.signal)
    : null;
using copy = new Copy();
const env = servers?.env ?? {};

const faults = await baselineFaults(copy, chosen, env);
for (const fault of faults) console.error(fault);
const results: { readonly mutant: Mutant; readonly outcome: Outcome }[] = [];
for (const mutant of faults.length > 0 ? [] : chosen) {
  if (stop.signal.aborted) break;
  const outcome = await climb(copy, mutant, env, values.quick ? [mutant.caughtBy.layer] : LAYERS);
  results.push({ mutant, outcome });
  console.log(lineOf(mutant, outcome));
}

const caught = results.filter(({ outcome }) => outcome.kind === "caught");
const byLayer = LAYERS.map((layer) => {
  const count = caught.filter(({ outcome }) => outcome.kind === "caught" && outcome.layer === layer).length;
  return `${layer} ${count}`;
});
console.log(`\n${caught.length} of ${chosen.length} mutants caught: ${byLayer.join(", ")}`);
if (values.json !== undefined)
  await Bun.write(values.json, `${JSON.stringify(results.map(recordOf), null, 2)}\n`);
// Not process.exit, so that open resources are closed.
process.exitCode = caught.length === chosen.length ? 0 : 1;

function chosenMutants(only: readonly string[], layer: string | undefined): readonly Mutant[] {
  const unknown = only.filter((id) => !MUTANTS.some((mutant) => mutant.id === id));
  const isLayer = layer === undefined || LAYERS.some((known) => known === layer);
  if (!isLayer) wrong("mutation", `there is no layer ${layer}`);
  if (unknown.length > 0) {
    const ids = MUTANTS.map(({ id }) => id).join(" ");
    wrong("mutation", `there is no mutant ${unknown.join(", ")}; choose from ${ids}`);
  }
  return MUTANTS.filter(
    ({ id, caughtBy }) =>
      (only.length === 0 || only.includes(id)) && (layer === undefined || caughtBy.layer === layer),
  );
}

function lineOf({ id, caughtBy }: Mutant, outcome: Outcome): string {
  const seconds = `${outcome.seconds.toFixed(1).padStart(5)} s`;
  if (outcome.kind === "survived") return `${id.padEnd(32)} ${"SURVIVED".padEnd(8)} ${seconds}`;
  if (outcome.kind === "broken")
    return `${id.padEnd(32)} ${"BROKEN".padEnd(8)} ${seconds}  ${outcome.reason}`;
  const early = outcome.layer === caughtBy.layer ? "" : `  (expected by ${caughtBy.layer})`;
  return `${id.padEnd(32)} ${outcome.layer.padEnd(8)} ${seconds}  ${outcome.test.name}${early}`;
}

function recordOf({
  mutant: { id, title },
  outcome,
}: {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
}) {
  return { id, title, ...outcome };
}
