// Commands that measure what one thing costs per order: the same load in turn on stacks without it and with it, of the same build, so that the
// compared figures come from the same hour. `bun run bench encryption` and `bun run bench holding`.
import { describeError } from "../internal/kernel/errors.ts";
import { describeComparison } from "./compare.ts";
import { IN_TURN_HELP, inTurnOptions, medianOf, runInTurn, type Side } from "./in-turn.ts";
import { type RunRecord, writeRuns } from "./record.ts";

export interface TwoSides {
  /** Of `bun run bench`. */
  readonly name: string;
  /** First sentence of the help. */
  readonly about: string;
  readonly without: Side<string>;
  readonly with: Side<string>;
  /** Throws when a side is not what it is called. */
  readonly check?: (side: string, runs: readonly RunRecord[]) => void;
}

export async function twoSidesCommand(what: TwoSides, args: readonly string[]): Promise<number> {
  const options = inTurnOptions(`bench ${what.name}`, args);
  if (options === null) {
    console.log(helpOf(what));
    return 0;
  }
  try {
    const { runs, isClean } = await runInTurn(options, [what.without, what.with], what.check);
    if (options.json !== undefined) await writeRuns(options.json, [...runs.values()].flat());
    const [before, after] = [runs.get(what.without.name) ?? [], runs.get(what.with.name) ?? []];
    console.log(`\nA = ${what.without.name}, B = ${what.with.name}`);
    for (const line of describeComparison(before, after, true)) console.log(line);
    console.log("");
    for (const line of added(what, before, after)) console.log(line);
    return isClean ? 0 : 1;
  } catch (error) {
    console.error(`the benchmark failed: ${describeError(error)}`);
    return 1;
  }
}

/** What the second side adds to the CPU per order, by medians: without parties outside, and with them. */
export function added(
  what: Pick<TwoSides, "without" | "with">,
  before: readonly RunRecord[],
  after: readonly RunRecord[],
): readonly string[] {
  return ["CPU, ours", "CPU, all"].map((figure) => {
    const [a, b] = [medianOf(figure, before), medianOf(figure, after)];
    const percent = ((b / a - 1) * 100).toFixed(1);
    return `${figure}: ${a.toFixed(2)} ms/order ${what.without.name}, ${b.toFixed(2)} ${what.with.name} (${percent} % more)`;
  });
}

function helpOf({ name, about, without, with: other }: TwoSides): string {
  return `Usage: bun run bench ${name} [options]

${about}

${IN_TURN_HELP}
  --json FILE      writes the runs to FILE: ${without.name}, ${other.name}

Exits 0 if every saga finished and the audits are clean, otherwise 1; 2 on wrong arguments.`;
}
