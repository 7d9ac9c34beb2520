// What commands share that measure one build on different stacks (`bench tracing`, two-sides.ts): their options, and runs of the same load
// on each side in turn (A, B, A, B, ..), so that the compared figures come from the same hour.
import { parseOptions, wrong } from "./arguments.ts";
import { figuresOf } from "./figures.ts";
import { median } from "./histograms.ts";
import { takeDownWhenInterrupted } from "./interrupted.ts";
import type { RunRecord } from "./record.ts";
import { SCENARIOS } from "./scenarios.ts";
import { runScenarios, type SessionOptions } from "./session.ts";

export interface InTurnOptions {
  readonly session: SessionOptions;
  /** Runs of each side. */
  readonly rounds: number;
  /** The file for all runs. */
  readonly json: string | undefined;
}

/** For the help of a command. */
export const IN_TURN_HELP = `  --scenario NAME  the load (saturate)
  --rounds N       runs of each (3)
  --seconds N      how long a run is measured
  --rate N         checkouts a second, if the scenario has a rate
  --warm-up N      seconds of load before each measurement (45)`;

/** Null: the help was wanted. Exits with 2 on wrong arguments. */
export function inTurnOptions(program: string, args: readonly string[]): InTurnOptions | null {
  const { values } = parseOptions(program, {
    args: [...args],
    options: {
      scenario: { type: "string", default: "saturate" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string" },
      rate: { type: "string" },
      "warm-up": { type: "string", default: "45" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  if (!Object.hasOwn(SCENARIOS, values.scenario))
    return wrong(program, `there is no scenario ${values.scenario}`);
  const [rounds, warmUpSeconds] = [Number(values.rounds), Number(values["warm-up"])];
  const [measuredSeconds, ratePerSecond] = [values.seconds, values.rate].map((text) =>
    text === undefined ? undefined : Number(text),
  );
  const isAbove0 = (number: number | undefined) => number === undefined || number > 0;
  const areAbove0 = [measuredSeconds, ratePerSecond].every(isAbove0);
  if (!(Number.isInteger(rounds) && rounds > 0) || !(warmUpSeconds >= 0) || !areAbove0)
    return wrong(program, "--rounds, --seconds and --rate must be above 0, --warm-up at least 0");
  const session = {
    scenarios: [values.scenario],
    warmUpSeconds,
    measuredSeconds,
    ratePerSecond,
    command: [`bun run ${program}`, ...args].join(" "),
    say: console.log,
    opened: takeDownWhenInterrupted,
  };
  return { session, rounds, json: values.json };
}

/** One side: its name, and the arguments of `stack up`. */
export interface Side<Name extends string> {
  readonly name: Name;
  readonly up: readonly string[];
}

/** The runs by side. `after` is called at the end of each, with those of that round; what it throws ends them all. */
export async function runInTurn<Name extends string>(
  { session, rounds }: Pick<InTurnOptions, "session" | "rounds">,
  sides: readonly Side<Name>[],
  after: (name: Name, runs: readonly RunRecord[]) => void = () => undefined,
): Promise<{ readonly runs: ReadonlyMap<Name, readonly RunRecord[]>; readonly isClean: boolean }> {
  const runs = new Map<Name, RunRecord[]>(sides.map(({ name }) => [name, []]));
  let isClean = true;
  for (let round = 1; round <= rounds; round++) {
    for (const { name, up } of sides) {
      session.say(`round ${round} of ${rounds}: ${name}`);
      const result = await runScenarios({ ...session, up });
      after(name, result.runs);
      runs.get(name)?.push(...result.runs);
      isClean = isClean && result.isClean;
    }
  }
  return { runs, isClean };
}

/** The median of a figure; not a number if no run has it. */
export function medianOf(figure: string, runs: readonly RunRecord[]): number {
  return median(
    runs.flatMap((run) =>
      figuresOf(run)
        .filter(({ name }) => name === figure)
        .map(({ value }) => value),
    ),
  );
}
