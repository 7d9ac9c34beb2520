// `bun run bench tracing`: what tracing costs per order. Runs the same load in turn (off, 1 %, all, off, 1 %, ..) on stacks of the same
// build, so that the compared figures come from the same hour. Spans go to a sink in this process, which counts and forgets them: the
// driver's own CPU is no part of the figures.
import { describeError } from "../internal/kernel/errors.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { describeComparison } from "./compare.ts";
import { figuresOf } from "./figures.ts";
import { median } from "./histograms.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";
import { type ClaimResult, type RunRecord, writeRuns } from "./record.ts";
import { SCENARIOS } from "./scenarios.ts";
import { runScenarios } from "./session.ts";

/** The share of the CPU per order that tracing one checkout in a hundred may add. */
const BUDGET = 0.03;
const FIGURE = "CPU, ours";

const HELP = `Usage: bun run bench tracing [options]

Runs the scenario with tracing off, with 1 % of the checkouts traced, and with all of them, in turn.

  --scenario NAME  the load (saturate)
  --rounds N       runs of each (3)
  --seconds N      how long a run is measured
  --warm-up N      seconds of load before each measurement (45)
  --json FILE      writes the runs to FILE: off, 1 %, all

Exits 0 if 1 % costs at most ${BUDGET * 100} % of the CPU per order and the audits are clean, otherwise 1; 2 on wrong arguments.`;

type Side = "off" | "1 %" | "all";

/** Arguments for `stack up`. */
function argumentsOf(side: Side, url: string): readonly string[] {
  if (side === "off") return [];
  return ["--otlp", url, "--set", `gateway.TRACE_SAMPLE_RATIO=${side === "all" ? 1 : 0.01}`];
}

export async function tracingCommand(args: readonly string[]): Promise<number> {
  const { values } = parseOptions("bench tracing", {
    args: [...args],
    options: {
      scenario: { type: "string", default: "saturate" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string" },
      "warm-up": { type: "string", default: "45" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (!Object.hasOwn(SCENARIOS, values.scenario))
    return wrong("bench tracing", `there is no scenario ${values.scenario}`);
  const [rounds, warmUpSeconds] = [Number(values.rounds), Number(values["warm-up"])];
  const measuredSeconds = values.seconds === undefined ? undefined : Number(values.seconds);
  if (!(Number.isInteger(rounds) && rounds > 0) || !(warmUpSeconds >= 0) || !((measuredSeconds ?? 1) > 0))
    return wrong("bench tracing", "--rounds and --seconds must be above 0, --warm-up at least 0");
  const session = {
    scenarios: [values.scenario],
    warmUpSeconds,
    measuredSeconds,
    command: ["bun run bench tracing", ...args].join(" "),
    say: console.log,
    opened: takeDownWhenInterrupted,
  };
  try {
    const { sides, isClean } = await runInTurn(session, rounds);
    if (values.json !== undefined)
      await writeRuns(values.json, [...sides.off, ...sides["1 %"], ...sides.all]);
    for (const side of ["1 %", "all"] as const) {
      console.log(`\nA = off, B = ${side === "all" ? "all checkouts" : side} traced`);
      for (const line of describeComparison(sides.off, sides[side], true)) console.log(line);
    }
    const { claim, isMet, measured } = budget(sides.off, sides["1 %"]);
    console.log(`\n${isMet ? "met   " : "MISSED"}  ${claim}  ${measured}`);
    return isMet && isClean ? 0 : 1;
  } catch (error) {
    console.error(`the benchmark failed: ${describeError(error)}`);
    return 1;
  }
}

async function runInTurn(session: Parameters<typeof runScenarios>[0], rounds: number) {
  using sink = openSink();
  const sides: Readonly<Record<Side, RunRecord[]>> = { off: [], "1 %": [], all: [] };
  let isClean = true;
  for (let round = 1; round <= rounds; round++) {
    for (const side of ["off", "1 %", "all"] as const) {
      session.say(`round ${round} of ${rounds}: tracing ${side}`);
      const before = sink.requests;
      const result = await runScenarios({ ...session, up: argumentsOf(side, sink.url) });
      session.say(`  ${sink.requests - before} requests with spans arrived`);
      sides[side].push(...result.runs);
      isClean = isClean && result.isClean;
    }
  }
  return { sides, isClean };
}

/** Whether tracing 1 % stays within the budget. */
export function budget(off: readonly RunRecord[], traced: readonly RunRecord[]): ClaimResult {
  const added = cpuOf(traced) / cpuOf(off) - 1;
  return {
    claim: `tracing 1 % of the checkouts adds at most ${BUDGET * 100} % CPU per order`,
    measured: `${(added * 100).toFixed(1)} %`,
    isMet: added <= BUDGET,
  };
}

function cpuOf(runs: readonly RunRecord[]): number {
  return median(
    runs.flatMap((run) =>
      figuresOf(run)
        .filter(({ name }) => name === FIGURE)
        .map(({ value }) => value),
    ),
  );
}

function openSink() {
  let requests = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      await request.arrayBuffer();
      requests += 1;
      return Response.json({});
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    get requests() {
      return requests;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}
