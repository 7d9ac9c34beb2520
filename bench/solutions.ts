// `bun run bench solutions`: compares the naive monolith, the orchestrator with dual writes (both in bench/baselines) and this product, one
// after the other on one machine, under the same load and the same kills. Called by main.ts.
import { cpus } from "node:os";
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";
import type { Contestant, ContestantOptions } from "./solutions/contestant.ts";
import { openDualWrites } from "./solutions/dual-writes.ts";
import { measure, type Measured, type MeasureOptions } from "./solutions/measure.ts";
import { openMonolith } from "./solutions/monolith.ts";
import { openProduct } from "./solutions/product.ts";
import { comparisonTable } from "./solutions/table.ts";

const PROGRAM = "bench solutions";
const REPOSITORY = `${import.meta.dir}/..`;

const SOLUTIONS: Readonly<Record<string, (options: ContestantOptions) => Promise<Contestant>>> = {
  monolith: openMonolith,
  "dual writes": openDualWrites,
  "this product": openProduct,
};

const HELP = `Usage: bun run bench solutions [options]

Compares three ways to build the checkout: ${Object.keys(SOLUTIONS).join(", ")}.
During the first load its processes are killed (-9) in turn; then its orders, stock and the provider ledger are compared.
The second load kills nothing, buys only a few products, and is timed.

  --seconds N         duration of each of the two loads (60)
  --warm-up N         seconds of load before the second is measured (10)
  --rate N            checkouts per second in the second load (167)
  --kill-rate N       checkouts per second in the first load (100)
  --kills N           kills in the first load (6)
  --hot-skus N        products that the second load buys (10)
  --latency SPEC      latency of the payment provider (uniform:200-500)
  --no-provider-keys  the baselines charge without idempotency keys
  --only NAME         measures only this solution
  --json FILE         writes the results

Exits 0 if this product lost nothing and its audit is clean, 1 if not, 2 on wrong arguments.`;

/** Returns the exit code. */
export async function runSolutions(args: readonly string[]): Promise<number> {
  const comparison = comparisonOf(args);
  if (comparison === "help") {
    console.log(HELP);
    return 0;
  }
  const running = new AsyncDisposableStack();
  takeDownWhenInterrupted(running);
  let measured: Results;
  try {
    measured = await measureAll(comparison, running);
  } catch (error) {
    // A signal has interrupted it and ends the process.
    if (running.disposed) await new Promise(() => {});
    console.error(`the comparison failed: ${describeError(error)}`);
    await running.disposeAsync();
    return 1;
  }
  console.log(`\n${headingOf(comparison)}\n`);
  const { options, latency, json } = comparison;
  console.log(comparisonTable(measured, options));
  if (json !== undefined)
    await Bun.write(json, `${JSON.stringify({ options, latency, measured }, null, 2)}\n`);
  return isSound(measured["this product"]) ? 0 : 1;
}

/** The parsed command line. */
interface Comparison {
  readonly options: MeasureOptions;
  /** Latency of the payment provider. */
  readonly latency: string;
  /** The baselines charge with an idempotency key per checkout. */
  readonly withKeys: boolean;
  /** The only solution to measure; undefined for all. */
  readonly only: string | undefined;
  /** The file for the results. */
  readonly json: string | undefined;
}

/** The results by name of the solution. */
type Results = Readonly<Record<string, Measured>>;

/** Ends the process if the arguments are wrong. */
function comparisonOf(args: readonly string[]): Comparison | "help" {
  const { values } = parseOptions(PROGRAM, {
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      "warm-up": { type: "string", default: "10" },
      rate: { type: "string", default: "167" },
      "kill-rate": { type: "string", default: "100" },
      kills: { type: "string", default: "6" },
      "hot-skus": { type: "string", default: "10" },
      latency: { type: "string", default: "uniform:200-500" },
      "no-provider-keys": { type: "boolean", default: false },
      only: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return "help";
  const numberOf = (name: "seconds" | "warm-up" | "rate" | "kill-rate" | "kills" | "hot-skus") => {
    const value = Number(values[name]);
    return value > 0 ? value : wrong(PROGRAM, `--${name} takes a number above 0, not ${values[name]}`);
  };
  const options = {
    seconds: numberOf("seconds"),
    warmUpSeconds: numberOf("warm-up"),
    ratePerSecond: numberOf("rate"),
    killRatePerSecond: numberOf("kill-rate"),
    kills: numberOf("kills"),
    hotSkus: numberOf("hot-skus"),
  };
  const { latency, only, json } = values;
  if (parseLatency(latency) === null)
    wrong(PROGRAM, `--latency must be fixed:MS, uniform:MS-MS or lognormal:MS-MS, not ${latency}`);
  if (only !== undefined && !Object.hasOwn(SOLUTIONS, only))
    wrong(PROGRAM, `--only must be one of ${Object.keys(SOLUTIONS).join(", ")}, not ${only}`);
  return { options, latency, withKeys: !values["no-provider-keys"], only, json };
}

/** Measures one after the other. Puts what runs into `running`, which takes it down after an error or an interrupt. */
async function measureAll(comparison: Comparison, running: AsyncDisposableStack): Promise<Results> {
  const { options, latency, withKeys, only } = comparison;
  // Built first, because the baselines use the simulator's binary, and a build during a measurement would distort it.
  const build = Bun.spawn([process.execPath, `${REPOSITORY}/internal/tools/build.ts`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await build.exited) !== 0) throw new Error("the build failed: bun run build");
  const measured: Record<string, Measured> = {};
  for (const [name, open] of Object.entries(SOLUTIONS)) {
    if (only !== undefined && only !== name) continue;
    console.log(`${name}: starting`);
    const directory = `${REPOSITORY}/.stack-bench-solutions`;
    const contestant = await open({ directory, latency, withKeys, opened: takeDownWhenInterrupted });
    running.use(contestant);
    takeDownWhenInterrupted(running);
    console.log(`${name}: under load`);
    measured[name] = await measure(contestant, options);
    await contestant[Symbol.asyncDispose]();
  }
  return measured;
}

/** The machine, the day, and the options that the figures depend on. */
function headingOf({ latency, withKeys }: Comparison): string {
  const [cpu] = cpus();
  return [
    `${cpus().length} x ${cpu?.model ?? "unknown"}`,
    new Date().toISOString().slice(0, 10),
    `provider latency ${latency}`,
    ...(withKeys ? [] : ["baselines without idempotency keys at the provider"]),
  ].join(", ");
}

/** True if nothing is lost and the audit is clean, or if this product was not measured. */
function isSound(ours: Measured | undefined): boolean {
  if (ours === undefined) return true;
  return ours.isAuditClean === true && Object.values(ours.killed.losses).every((lost) => lost === 0);
}
