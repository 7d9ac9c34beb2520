// `bun run bench <scenario>`: measures the compiled binaries on the real stack from outside. Scenarios are data; runLoad is the
// one way they are run.
import { parseArgs } from "node:util";
import { describeError } from "../internal/kernel/errors.ts";
import { type LoadOptions, type LoadResult, runLoad } from "./load.ts";
import { openSystem } from "./system.ts";

interface Scenario {
  readonly about: string;
  readonly load: LoadOptions;
  readonly skus: number;
}

/** 10,000 orders a minute. */
const TARGET_RATE = 167;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  saturate: {
    about: "as many orders as the machine takes, one item each",
    load: {
      ratePerSecond: 20_000,
      warmUpSeconds: 5,
      measuredSeconds: 20,
      linesPerCart: 1,
      maxOpenSagas: 4_000,
    },
    skus: 100,
  },
  steady: {
    about: "10,000 orders a minute, one item each",
    load: { ratePerSecond: TARGET_RATE, warmUpSeconds: 5, measuredSeconds: 30, linesPerCart: 1 },
    skus: 100,
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    stack: { type: "string" },
    latency: { type: "string", default: "fixed:0" },
    seconds: { type: "string" },
    json: { type: "string" },
  },
});
const names = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals;
const unknown = names.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(", ")}; there is ${Object.keys(SCENARIOS).join(", ")}`);
  process.exit(2);
}

const results: Record<string, LoadResult> = {};
let isClean = true;
try {
  for (const [name, { about, load, skus }] of Object.entries(SCENARIOS)) {
    if (!names.includes(name)) continue;
    console.log(`${name}: ${about}; provider latency ${values.latency}`);
    await using system = await openSystem({ stack: values.stack, skus, latency: values.latency });
    const measuredSeconds = values.seconds === undefined ? load.measuredSeconds : Number(values.seconds);
    const result = await runLoad(system, { ...load, measuredSeconds });
    results[name] = result;
    print(result);
    const audited = await system.audit();
    isClean = isClean && audited && result.refused === 0 && result.notAtRest === 0;
  }
} catch (error) {
  console.error(`the benchmark failed: ${describeError(error)}`);
  process.exit(1);
}
if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit(isClean ? 0 : 1);

function print(result: LoadResult): void {
  const { accepted, atRest, cpuMsPerOrder } = result;
  const line = (p: LoadResult["accepted"]) => `p50 ${p.p50}, p90 ${p.p90}, p99 ${p.p99}, max ${p.max} ms`;
  console.log(`  orders/s at rest  ${result.ordersPerSecond.toFixed(0)}`);
  console.log(`  202 after         ${line(accepted)}`);
  console.log(`  saga at rest in   ${line(atRest)}`);
  console.log(`  outcomes          ${result.completed} completed, ${result.compensated} compensated`);
  console.log(`  trouble           ${result.refused} refused, ${result.notAtRest} not at rest`);
  console.log(`  CPU-ms per order  ${result.cpuMsPerOrderTotal.toFixed(2)} in all processes but this one`);
  for (const [name, ms] of Object.entries(cpuMsPerOrder).toSorted(([, a], [, b]) => b - a))
    console.log(`    ${name.padEnd(20)} ${ms.toFixed(3)}`);
}
