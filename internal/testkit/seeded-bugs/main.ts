// `bun run seeded-bugs [--only ID]... [--layer LAYER] [--json FILE] [--list]`: plants each known mistake in a copy of the source
// and reports which layer of tests notices. Exits 1 when one survives. Starts the servers that the tests need, unless the
// environment names some (servers.ts).
import { parseOptions, wrong } from "../../../bench/arguments.ts";
import { startTestServers } from "../test-servers.ts";
import { baselineFaults } from "./baseline.ts";
import { LAYERS, type SeededBug } from "./bug.ts";
import { BUGS } from "./bugs.ts";
import { Copy } from "./copy.ts";
import { climb, type Outcome } from "./ladder.ts";
import { describeTraps } from "./traps.ts";

const HELP = `Usage: bun run seeded-bugs [options]

  --only ID      plants this bug, and others that are named so
  --layer LAYER  plants those that this layer of tests is expected to catch: ${LAYERS.join(", ")}
  --json FILE    writes what became of each
  --list         shows the traps, and which bugs stand for them

Exits 0 when every bug was caught, 1 when one survived, 2 on wrong arguments.`;

const { values } = parseOptions("seeded-bugs", {
  options: {
    only: { type: "string", multiple: true, default: [] },
    layer: { type: "string" },
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
const chosen = chosenBugs(values.only, values.layer);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
// Bugs that only servers can show climb all the way; the others need none.
const needsServers = chosen.some(({ caughtBy }) => caughtBy.layer === "int" || caughtBy.layer === "audit");
await using servers =
  needsServers && process.env["TEST_POSTGRES_URL"] === undefined
    ? await startTestServers("seeded-bugs-stack", stop.signal)
    : null;
using copy = new Copy();
const env = servers?.env ?? {};

const faults = await baselineFaults(copy, chosen, env);
for (const fault of faults) console.error(fault);
const results: { readonly bug: SeededBug; readonly outcome: Outcome }[] = [];
for (const bug of faults.length > 0 ? [] : chosen) {
  if (stop.signal.aborted) break;
  const outcome = await climb(copy, bug, env);
  results.push({ bug, outcome });
  console.log(lineOf(bug, outcome));
}

const caught = results.filter(({ outcome }) => outcome.kind === "caught");
const byLayer = LAYERS.map((layer) => {
  const count = caught.filter(({ outcome }) => outcome.kind === "caught" && outcome.layer === layer).length;
  return `${layer} ${count}`;
});
console.log(`\n${caught.length} of ${chosen.length} seeded bugs caught: ${byLayer.join(", ")}`);
if (values.json !== undefined)
  await Bun.write(values.json, `${JSON.stringify(results.map(recordOf), null, 2)}\n`);
// Not process.exit: what is open has to be closed.
process.exitCode = caught.length === chosen.length ? 0 : 1;

function chosenBugs(only: readonly string[], layer: string | undefined): readonly SeededBug[] {
  const unknown = only.filter((id) => !BUGS.some((bug) => bug.id === id));
  const isLayer = layer === undefined || LAYERS.some((known) => known === layer);
  if (!isLayer) wrong("seeded-bugs", `there is no layer ${layer}`);
  if (unknown.length > 0) {
    const ids = BUGS.map(({ id }) => id).join(" ");
    wrong("seeded-bugs", `there is no bug ${unknown.join(", ")}; there are ${ids}`);
  }
  return BUGS.filter(
    ({ id, caughtBy }) =>
      (only.length === 0 || only.includes(id)) && (layer === undefined || caughtBy.layer === layer),
  );
}

function lineOf({ id, caughtBy }: SeededBug, outcome: Outcome): string {
  const seconds = `${outcome.seconds.toFixed(1).padStart(5)} s`;
  if (outcome.kind === "survived") return `${id.padEnd(32)} ${"SURVIVED".padEnd(8)} ${seconds}`;
  if (outcome.kind === "broken")
    return `${id.padEnd(32)} ${"BROKEN".padEnd(8)} ${seconds}  ${outcome.reason}`;
  const early = outcome.layer === caughtBy.layer ? "" : `  (expected by ${caughtBy.layer})`;
  return `${id.padEnd(32)} ${outcome.layer.padEnd(8)} ${seconds}  ${outcome.test.name}${early}`;
}

function recordOf({ bug: { id, title }, outcome }: { readonly bug: SeededBug; readonly outcome: Outcome }) {
  return { id, title, ...outcome };
}
