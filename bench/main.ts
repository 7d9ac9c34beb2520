// `bun run bench <scenario>`: measures the compiled binaries on the real stack from outside. Scenarios are data; runLoad is the
// one way they are run.
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { type LoadOptions, type LoadResult, runLoad } from "./load.ts";
import { openSystem } from "./system.ts";

interface Scenario {
  readonly about: string;
  readonly load: LoadOptions;
  readonly target?: Target;
}

/** What the system promises under this load. With `--require-target` a run that misses it ends with 1. */
interface Target {
  /** From the intended start until the saga rests. */
  readonly atRestP99Ms: number;
  readonly ordersPerSecond: number;
}

/** 10,000 orders a minute. */
const TARGET_RATE = 167;
const AT_REST_TARGET_MS = 3_000;
/** Of the rate: arrivals are counted in whole ones. */
const HELD_SHARE = 0.99;
/** What undoing may add, p99, from the moment the saga knows that it has failed. */
const UNDO_TARGET_MS = 500;

const SATURATION: LoadOptions = {
  ratePerSecond: 20_000,
  warmUpSeconds: 5,
  measuredSeconds: 20,
  linesPerCart: 1,
  // So many sagas under way that every batch fills, and few enough that the queue has an end.
  maxOpenSagas: 4_000,
};

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  saturate: { about: "as many orders as the machine takes, one item each", load: SATURATION },
  steady: {
    about: "10,000 orders a minute, one item each",
    load: { ratePerSecond: TARGET_RATE, warmUpSeconds: 5, measuredSeconds: 30, linesPerCart: 1 },
    target: { atRestP99Ms: AT_REST_TARGET_MS, ordersPerSecond: TARGET_RATE * HELD_SHARE },
  },
  compensation: {
    about: "3,000 checkouts a minute whose card is declined: how long their undoing takes",
    load: {
      ratePerSecond: 50,
      warmUpSeconds: 5,
      measuredSeconds: 30,
      linesPerCart: 1,
      card: "pm_card_visa_chargeDeclined",
    },
  },
};

const SKUS = 100;
const EXIT_INTERRUPTED = 130;
/** A new stack first compiles itself hot: the broker's JVM alone spends as much on that for a minute as on the orders. */
const DEFAULT_WARM_UP_SECONDS = "45";

const HELP = `Usage: bun run bench [scenario...] [options]

${Object.entries(SCENARIOS)
  .map(([name, { about }]) => `  ${name.padEnd(15)} ${about}`)
  .join("\n")}

  --latency SPEC    of the payment provider, as fixed:MS, uniform:MS-MS or lognormal:MS-MS (fixed:0)
  --warm-up N       seconds of load before anything is measured; 0 measures from the first order on (${DEFAULT_WARM_UP_SECONDS})
  --seconds N       how long a scenario is measured
  --require-target  a target that is missed makes the exit code 1
  --stack DIR       measures the stack that runs there instead of a new one
  --json FILE       writes the results

Exits 0 when every saga came to rest and the audit is clean, 1 when not, 2 on wrong arguments.`;

const { values, positionals } = parseOptions("bench", {
  allowPositionals: true,
  options: {
    stack: { type: "string" },
    latency: { type: "string", default: "fixed:0" },
    seconds: { type: "string" },
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
const names = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals;
const unknown = names.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown.length > 0) wrong("bench", `there is no scenario ${unknown.join(", ")}`);

const warmUp = Number(values["warm-up"]);
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
if (!(warmUp >= 0) || !(seconds === undefined || seconds > 0))
  wrong("bench", "--warm-up takes seconds from 0 on, --seconds some above 0");

if (parseLatency(values.latency) === null)
  wrong("bench", `--latency ${values.latency} is none; as fixed:MS, uniform:MS-MS or lognormal:MS-MS`);

const results: Record<string, LoadResult> = {};
let isClean = true;
try {
  await using system = await openSystem({ stack: values.stack, skus: SKUS, latency: values.latency });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      const exit = () => process.exit(EXIT_INTERRUPTED);
      // The load that is under way finds nobody any more.
      process.on("unhandledRejection", () => {});
      void system[Symbol.asyncDispose]().then(exit, exit);
    });
  console.log(
    `${warmUp > 0 ? `warming up for ${warmUp} s` : "cold, measured from the first order on"}; provider latency ${values.latency}`,
  );
  if (warmUp > 0) await runLoad(system, { ...SATURATION, warmUpSeconds: 0, measuredSeconds: warmUp });
  for (const [name, { about, load, target }] of Object.entries(SCENARIOS)) {
    if (!names.includes(name)) continue;
    console.log(`${name}: ${about}`);
    const measuredSeconds = seconds ?? load.measuredSeconds;
    const warmUpSeconds = warmUp > 0 ? load.warmUpSeconds : 0;
    const result = await runLoad(system, { ...load, warmUpSeconds, measuredSeconds });
    results[name] = result;
    print(result);
    isClean = isClean && result.refused === 0 && result.notAtRest === 0;
    if (target === undefined) continue;
    const isMet = meets(result, target);
    console.log(
      `  target            ${isMet ? "met" : "MISSED"}: at rest within ${target.atRestP99Ms} ms (p99), ${target.ordersPerSecond.toFixed(0)} orders/s held`,
    );
    if (values["require-target"]) isClean = isClean && isMet;
  }
  isClean = (await system.audit()) && isClean;
} catch (error) {
  console.error(`the benchmark failed: ${describeError(error)}`);
  process.exit(1);
}
if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit(isClean ? 0 : 1);

/** An open loop whose arrivals all came, and rested in time, held its rate. */
function meets(result: LoadResult, { atRestP99Ms, ordersPerSecond }: Target): boolean {
  const isHeld = result.placedPerSecond >= ordersPerSecond && result.refused === 0 && result.notAtRest === 0;
  return isHeld && result.atRest.p99 < atRestP99Ms;
}

function print(result: LoadResult): void {
  const { accepted, atRest, cpuMsPerOrder } = result;
  const line = (p: LoadResult["accepted"]) => `p50 ${p.p50}, p90 ${p.p90}, p99 ${p.p99}, max ${p.max} ms`;
  console.log(`  orders/s at rest  ${result.ordersPerSecond.toFixed(0)}`);
  // Held back on purpose, arrivals at saturation have no intended start to be timed from.
  if (accepted.max > 0) {
    console.log(`  202 after         ${line(accepted)}`);
    console.log(`  saga at rest in   ${line(atRest)}`);
  }
  if (result.undone.max > 0) {
    const verdict = result.undone.p99 <= UNDO_TARGET_MS ? "met" : "MISSED";
    console.log(
      `  undone within     ${line(result.undone)} of knowing why; p99 target of ${UNDO_TARGET_MS} ms ${verdict}`,
    );
  }
  console.log(`  outcomes          ${result.completed} completed, ${result.compensated} compensated`);
  console.log(`  trouble           ${result.refused} refused, ${result.notAtRest} not at rest`);
  console.log(`  CPU-ms per order  ${result.cpuMsPerOrderTotal.toFixed(2)} in all processes but this one`);
  for (const [name, ms] of Object.entries(cpuMsPerOrder).toSorted(([, a], [, b]) => b - a))
    console.log(`    ${name.padEnd(20)} ${ms.toFixed(3)}`);
}
