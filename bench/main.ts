// `bun run bench`: measures the compiled binaries on the real stack from outside. This file is only the command line: scenarios.ts has
// the scenarios, session.ts runs them, and each command below has its own file.
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { runAgainst } from "./against.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { commitNamed } from "./beside.ts";
import { ENCRYPTION } from "./encryption.ts";
import { headlineCommand } from "./headline.ts";
import { HOLDING } from "./holding.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";
import { compareCommand } from "./compare.ts";
import { writeRuns } from "./record.ts";
import { reportCommand } from "./report/main.ts";
import { DEFAULT_SCENARIOS, SCENARIOS } from "./scenarios.ts";
import { runScenarios, type SessionOptions } from "./session.ts";
import { runSolutions } from "./solutions.ts";
import { tracingCommand } from "./tracing.ts";
import { twoSidesCommand } from "./two-sides.ts";

/** Commands other than scenarios; each takes the rest of the arguments and returns the exit code. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly run: Command }>> = {
  headline: { about: "the headline targets, met or missed", run: headlineCommand },
  micro: {
    about: "the pure code of a checkout, piece by piece",
    // Imported lazily, because only this command loads the roles' code; the driver must not.
    run: async (args) => (await import("./micro/main.ts")).microCommand(args),
  },
  report: { about: "one HTML file for any number of runs", run: reportCommand },
  compare: {
    about: "the ratio of every figure of two builds, with one or more runs each",
    run: compareCommand,
  },
  tracing: {
    about: "what tracing costs per order: off, 1 % of the checkouts, all of them, in turn",
    run: tracingCommand,
  },
  encryption: {
    about: "what encryption and accounts cost per order: open and encrypted stacks, in turn",
    run: (args) => twoSidesCommand(ENCRYPTION, args),
  },
  holding: {
    about:
      "what it costs per order to have the money held before it is taken, in turn with cards charged at once",
    run: (args) => twoSidesCommand(HOLDING, args),
  },
  solutions: {
    about: "this product, a monolith and dual writes under one load and kill -9",
    run: runSolutions,
  },
};
type Command = (args: readonly string[]) => Promise<number>;

/** A new stack needs time for JIT compilation: for a minute the broker's JVM alone spends as much on it as on the orders. */
const DEFAULT_WARM_UP_SECONDS = "45";

const listOf = (entries: Readonly<Record<string, { readonly about: string }>>) =>
  Object.entries(entries)
    .map(([name, { about }]) => `  ${name.padEnd(17)} ${about}`)
    .join("\n");

const HELP = `Usage: bun run bench [scenario...] [options]

Scenarios (default: ${DEFAULT_SCENARIOS.join(", ")}):
${listOf(SCENARIOS)}

Commands, each with --help:
${listOf(COMMANDS)}

  --latency SPEC    latency of the payment provider: fixed:MS, uniform:MS-MS or lognormal:MS-MS (fixed:0; backlog fixed:200)
  --warm-up N       seconds of load before the measurement; 0 measures from the first order on (${DEFAULT_WARM_UP_SECONDS})
  --seconds N       how long a scenario is measured
  --rate N          checkouts a second, if the scenario has a rate, and reads in proportion; the first step of ramp
  --secure          with encrypted connections and an account for each role (stack up --secure)
  --orders N        number of checkouts that come at once, or that are open at once
  --require-target  exit with 1 if a target is missed
  --against REV     also builds that commit and runs both in turn; prints medians and ratios
  --rounds N        number of runs of each build (3)
  --stack DIR       measures the stack running in DIR instead of a new one
  --json FILE       also writes the results to FILE; each run is always kept in .bench/

Exits 0 if every saga finished and the audit is clean, otherwise 1; 2 on wrong arguments.`;

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
    secure: { type: "boolean", default: false },
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
  wrong("bench", "--warm-up must be at least 0 seconds, and --seconds above 0");
if (!(ratePerSecond === undefined || ratePerSecond > 0))
  wrong("bench", "--rate must be checkouts a second, above 0");
if (!(orders === undefined || (Number.isInteger(orders) && orders > 0)))
  wrong("bench", "--orders must be a whole number above 0");
if (values.latency !== undefined && parseLatency(values.latency) === null)
  wrong("bench", `--latency must be fixed:MS, uniform:MS-MS or lognormal:MS-MS, not ${values.latency}`);
const ownStack = scenarios.find(
  (name) => SCENARIOS[name]?.up !== undefined || SCENARIOS[name]?.isCold === true,
);
if (values.stack !== undefined && ownStack !== undefined)
  wrong("bench", `${ownStack} needs its own stack: run it without --stack`);

if (values.stack !== undefined && values.secure)
  wrong("bench", "--secure is for a new stack: start your own one with stack up --secure");

const rounds = Number(values.rounds);
if (!(Number.isInteger(rounds) && rounds > 0)) wrong("bench", "--rounds must be a whole number above 0");
if (values.against !== undefined && values.stack !== undefined)
  wrong("bench", "--against starts its own stacks: use it without --stack");
if (values.against !== undefined && commitNamed(values.against) === null)
  wrong("bench", `--against: there is no commit ${values.against}`);

const session: SessionOptions = {
  scenarios,
  stack: values.stack,
  ...(values.secure ? { up: ["--secure"] } : {}),
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
