// `bun run bench`: measures the compiled binaries on the real stack from outside. The command line only: scenarios are data in
// scenarios.ts, session.ts runs them, and each command below has a file of its own.
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { commitNamed, runAgainst } from "./against.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { headlineCommand } from "./headline.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";
import { compareCommand } from "./compare.ts";
import { writeRuns } from "./record.ts";
import { reportCommand } from "./report/main.ts";
import { DEFAULT_SCENARIOS, SCENARIOS } from "./scenarios.ts";
import { runScenarios, type SessionOptions } from "./session.ts";
import { runSolutions } from "./solutions.ts";

/** Commands other than scenarios; each takes the rest of the arguments and returns the exit code. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly run: Command }>> = {
  headline: { about: "the headline targets, met or missed", run: headlineCommand },
  micro: {
    about: "the pure code of a checkout, piece by piece",
    // It alone loads the roles' own code, of which the driver is to know nothing.
    run: async (args) => (await import("./micro/main.ts")).microCommand(args),
  },
  report: { about: "one HTML file of any number of runs", run: reportCommand },
  compare: {
    about: "the ratio of every figure of two runs, or of several of each side",
    run: compareCommand,
  },
  solutions: {
    about: "this product, a monolith and dual writes under one load and kill -9",
    run: runSolutions,
  },
};
type Command = (args: readonly string[]) => Promise<number>;

/** A new stack first compiles itself hot: the broker's JVM alone spends as much on that for a minute as on the orders. */
const DEFAULT_WARM_UP_SECONDS = "45";

const listOf = (entries: Readonly<Record<string, { readonly about: string }>>) =>
  Object.entries(entries)
    .map(([name, { about }]) => `  ${name.padEnd(17)} ${about}`)
    .join("\n");

const HELP = `Usage: bun run bench [scenario...] [options]

Scenarios (${DEFAULT_SCENARIOS.join(", ")} where none is named):
${listOf(SCENARIOS)}

Commands, each with --help:
${listOf(COMMANDS)}

  --latency SPEC    of the payment provider, as fixed:MS, uniform:MS-MS or lognormal:MS-MS (fixed:0; backlog fixed:200)
  --warm-up N       seconds of load before anything is measured; 0 measures from the first order on (${DEFAULT_WARM_UP_SECONDS})
  --seconds N       how long a scenario is measured
  --rate N          checkouts a second, where the scenario has a rate; where ramp begins
  --orders N        how many come at once, where they do
  --require-target  a target that is missed makes the exit code 1
  --against REV     builds that commit too and runs both in turn; prints medians and ratios
  --rounds N        how often each of the two runs (3)
  --stack DIR       measures the stack that runs there instead of a new one
  --json FILE       writes the results there too; each run is kept in .bench/ anyway

Exits 0 when every saga finished and the audit is clean, 1 when not, 2 on wrong arguments.`;

const [first] = Bun.argv.slice(2);
const command = first === undefined ? undefined : COMMANDS[first];
if (command !== undefined) process.exit(await command.run(Bun.argv.slice(3)));

const { values, positionals } = parseOptions("bench", {
  allowPositionals: true,
  options: {
    stack: { type: "string" },
    latency: { type: "string" },
    seconds: { type: "string" },
    rate: { type: "string" },
    orders: { type: "string" },
    against: { type: "string" },
    rounds: { type: "string", default: "3" },
    "warm-up": { type: "string", default: DEFAULT_WARM_UP_SECONDS },
    "require-target": { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
const scenarios = positionals.length === 0 ? [...DEFAULT_SCENARIOS] : positionals;
const unknown = scenarios.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown.length > 0) wrong("bench", `there is no scenario ${unknown.join(", ")}`);

const warmUpSeconds = Number(values["warm-up"]);
const measuredSeconds = numberOf(values.seconds);
const ratePerSecond = numberOf(values.rate);
const orders = numberOf(values.orders);
if (!(warmUpSeconds >= 0) || !(measuredSeconds === undefined || measuredSeconds > 0))
  wrong("bench", "--warm-up takes seconds from 0 on, --seconds some above 0");
if (!(ratePerSecond === undefined || ratePerSecond > 0))
  wrong("bench", "--rate takes checkouts a second, above 0");
if (!(orders === undefined || (Number.isInteger(orders) && orders > 0)))
  wrong("bench", "--orders takes a whole number above 0");
if (values.latency !== undefined && parseLatency(values.latency) === null)
  wrong("bench", `--latency ${values.latency} is none; as fixed:MS, uniform:MS-MS or lognormal:MS-MS`);
const ownStack = scenarios.find(
  (name) => SCENARIOS[name]?.up !== undefined || SCENARIOS[name]?.isCold === true,
);
if (values.stack !== undefined && ownStack !== undefined)
  wrong("bench", `${ownStack} needs a stack of its own, with other settings than the one in ${values.stack}`);

const rounds = Number(values.rounds);
if (!(Number.isInteger(rounds) && rounds > 0)) wrong("bench", "--rounds takes a whole number above 0");
if (values.against !== undefined && values.stack !== undefined)
  wrong("bench", "--against starts stacks of its own, of both commits; --stack DIR is one");
if (values.against !== undefined && commitNamed(values.against) === null)
  wrong("bench", `--against ${values.against} names no commit`);

const session: SessionOptions = {
  scenarios,
  stack: values.stack,
  latency: values.latency,
  warmUpSeconds,
  measuredSeconds,
  ratePerSecond,
  orders,
  command: `bun run bench ${Bun.argv.slice(2).join(" ")}`,
  say: console.log,
  opened: takeDownWhenInterrupted,
};
try {
  if (values.against !== undefined) {
    const isClean = await runAgainst({ revision: values.against, rounds, session, json: values.json });
    process.exit(isClean ? 0 : 1);
  }
  const { runs, isClean } = await runScenarios(session);
  if (values.json !== undefined) await writeRuns(values.json, runs);
  const isMet = runs.every(({ claims }) => claims.every((result) => result.isMet));
  process.exit(isClean && (isMet || !values["require-target"]) ? 0 : 1);
} catch (error) {
  console.error(`the benchmark failed: ${describeError(error)}`);
  process.exit(1);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
