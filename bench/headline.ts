// `bun run bench headline`: runs the headline targets and says of each whether it was met, with what was measured. The claims
// are arithmetic over runs (claims.ts); each names the scenario that shows it.
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { parseOptions, wrong } from "./arguments.ts";
import * as claims from "./claims.ts";
import { type RunRecord, type ClaimResult, writeRuns } from "./record.ts";
import { TARGET_RATE } from "./scenarios.ts";
import { runScenarios } from "./session.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";

/** The whole of 10,000 orders is decided this soon after they came at once. */
const FLASH_SALE_MS = 2_500;

const CLAIMS: Readonly<Record<string, (run: RunRecord) => readonly ClaimResult[]>> = {
  steady: (run) => [...claims.heldRate(run), ...claims.accepted(run), ...claims.publishedEvents(run)],
  "flash-sale": (run) => claims.flashSaleWithin(run, FLASH_SALE_MS),
  compensation: claims.undone,
};

const HELP = `Usage: bun run bench headline [options]

Runs the headline targets: ${TARGET_RATE} orders a second on a new system, cold; then, warm, a flash sale and declined cards.

  --seconds N     how long the rate is held (600)
  --latency SPEC  of the payment provider (uniform:200-500)
  --warm-up N     seconds of load before the flash sale and the declined cards (20)
  --json FILE     writes the runs

Exits 0 when every claim is met and the audits are clean, 1 when not, 2 on wrong arguments.`;

export async function headlineCommand(args: readonly string[]): Promise<number> {
  const { values } = parseOptions("bench headline", {
    args: [...args],
    options: {
      seconds: { type: "string", default: "600" },
      latency: { type: "string", default: "uniform:200-500" },
      "warm-up": { type: "string", default: "20" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const [seconds, warmUpSeconds] = [Number(values.seconds), Number(values["warm-up"])];
  if (!(seconds > 0) || !(warmUpSeconds >= 0))
    return wrong("bench headline", "--seconds takes some above 0, --warm-up from 0 on");
  if (parseLatency(values.latency) === null)
    return wrong("bench headline", `--latency ${values.latency} is none; as fixed:MS, uniform:MS-MS`);
  const common = {
    latency: values.latency,
    command: ["bun run bench headline", ...args].join(" "),
    say: console.log,
    opened: takeDownWhenInterrupted,
  };
  try {
    const cold = await runScenarios({
      ...common,
      scenarios: ["steady"],
      warmUpSeconds: 0,
      measuredSeconds: seconds,
    });
    const warm = await runScenarios({ ...common, scenarios: ["flash-sale", "compensation"], warmUpSeconds });
    const runs = [...cold.runs, ...warm.runs];
    if (values.json !== undefined) await writeRuns(values.json, runs);
    const isClean = cold.isClean && warm.isClean;
    const results = [...resultsOf(runs), audited(isClean)];
    for (const line of linesOf(results)) console.log(line);
    return results.every(({ isMet }) => isMet) ? 0 : 1;
  } catch (error) {
    console.error(`the benchmark failed: ${describeError(error)}`);
    return 1;
  }
}

/** Of each run those that its scenario shows. */
export function resultsOf(runs: readonly RunRecord[]): readonly ClaimResult[] {
  return runs.flatMap((run) => CLAIMS[run.scenario]?.(run) ?? []);
}

/** One line per claim. */
export function linesOf(results: readonly ClaimResult[]): readonly string[] {
  const width = Math.max(...results.map(({ claim }) => claim.length));
  return [
    "",
    ...results.map(
      ({ claim, measured, isMet }) => `${isMet ? "met   " : "MISSED"}  ${claim.padEnd(width)}  ${measured}`,
    ),
  ];
}

function audited(isClean: boolean): ClaimResult {
  return {
    claim: "every saga finished, audits clean",
    measured: isClean ? "clean" : "see above",
    isMet: isClean,
  };
}
