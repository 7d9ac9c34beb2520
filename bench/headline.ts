// `bun run bench headline`: runs the headline targets and prints for each whether it was met, with the measurement. claims.ts computes
// the claims from the runs.
import { describeError } from "../internal/kernel/errors.ts";
import { parseLatency } from "../internal/kernel/latency.ts";
import { parseOptions, wrong } from "./arguments.ts";
import * as claims from "./claims.ts";
import { type RunRecord, type ClaimResult, writeRuns } from "./record.ts";
import { TARGET_RATE } from "./scenarios.ts";
import { runScenarios } from "./session.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";

/** All of 10,000 simultaneous orders must be decided within this time. */
const FLASH_SALE_MS = 2_500;

const CLAIMS: Readonly<Record<string, (run: RunRecord) => readonly ClaimResult[]>> = {
  steady: (run) => [...claims.heldRate(run), ...claims.accepted(run), ...claims.publishedEvents(run)],
  "flash-sale": (run) => claims.flashSaleWithin(run, FLASH_SALE_MS),
  compensation: claims.undone,
};

const HELP = `Usage: bun run bench headline [options]

Runs the headline targets: ${TARGET_RATE} orders a second on a new, cold system; then, warm, a flash sale and declined cards.

  --seconds N     how long the rate is held (600)
  --latency SPEC  latency of the payment provider (uniform:200-500)
  --warm-up N     seconds of load before the flash sale and the declined cards (20)
  --json FILE     writes the runs to FILE

Exits 0 if every claim is met and the audits are clean, otherwise 1; 2 on wrong arguments.`;

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
    return wrong("bench headline", "--seconds must be above 0, --warm-up at least 0");
  if (parseLatency(values.latency) === null)
    return wrong("bench headline", `--latency must be like fixed:MS or uniform:MS-MS, not ${values.latency}`);
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

/** The claim results of each run, by its scenario. */
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
