// `bun run bench tracing`: what tracing costs per order. Runs the same load in turn (off, 1 %, all, off, 1 %, ..) on stacks of the same
// build, so that the compared figures come from the same hour. Spans go to a sink in this process, which counts and forgets them: the
// driver's own CPU is no part of the figures.
import { describeError } from "../internal/kernel/errors.ts";
import { describeComparison } from "./compare.ts";
import { IN_TURN_HELP, inTurnOptions, medianOf, runInTurn } from "./in-turn.ts";
import { type ClaimResult, type RunRecord, writeRuns } from "./record.ts";

/** The share of the CPU per order that tracing one checkout in a hundred may add. */
const BUDGET = 0.03;
const FIGURE = "CPU, ours";

const HELP = `Usage: bun run bench tracing [options]

Runs the scenario with tracing off, with 1 % of the checkouts traced, and with all of them, in turn.

${IN_TURN_HELP}
  --json FILE      writes the runs to FILE: off, 1 %, all

Exits 0 if 1 % costs at most ${BUDGET * 100} % of the CPU per order and the audits are clean, otherwise 1; 2 on wrong arguments.`;

type Side = "off" | "1 %" | "all";

/** Arguments for `stack up`. */
function argumentsOf(side: Side, url: string): readonly string[] {
  if (side === "off") return [];
  return ["--otlp", url, "--set", `gateway.TRACE_SAMPLE_RATIO=${side === "all" ? 1 : 0.01}`];
}

export async function tracingCommand(args: readonly string[]): Promise<number> {
  const options = inTurnOptions("bench tracing", args);
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  using sink = openSink();
  const sides = (["off", "1 %", "all"] as const).map((name) => ({ name, up: argumentsOf(name, sink.url) }));
  let before = 0;
  const tellOfSpans = () => {
    options.session.say(`  ${sink.requests - before} requests with spans arrived`);
    before = sink.requests;
  };
  try {
    const { runs, isClean } = await runInTurn(options, sides, tellOfSpans);
    if (options.json !== undefined) await writeRuns(options.json, [...runs.values()].flat());
    const [off = [], some = [], all = []] = sides.map(({ name }) => runs.get(name) ?? []);
    for (const [traced, what] of [
      [some, "1 %"],
      [all, "all checkouts"],
    ] as const) {
      console.log(`\nA = off, B = ${what} traced`);
      for (const line of describeComparison(off, traced, true)) console.log(line);
    }
    const { claim, isMet, measured } = budget(off, some);
    console.log(`\n${isMet ? "met   " : "MISSED"}  ${claim}  ${measured}`);
    return isMet && isClean ? 0 : 1;
  } catch (error) {
    console.error(`the benchmark failed: ${describeError(error)}`);
    return 1;
  }
}

/** Whether tracing 1 % stays within the budget. */
export function budget(off: readonly RunRecord[], traced: readonly RunRecord[]): ClaimResult {
  const added = medianOf(FIGURE, traced) / medianOf(FIGURE, off) - 1;
  return {
    claim: `tracing 1 % of the checkouts adds at most ${BUDGET * 100} % CPU per order`,
    measured: `${(added * 100).toFixed(1)} %`,
    isMet: added <= BUDGET,
  };
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
