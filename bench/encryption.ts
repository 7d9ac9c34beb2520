// `bun run bench encryption`: what encryption and least privilege cost per order. Runs the same load in turn on open stacks and on stacks with
// `--secure`, of the same build, so that the compared figures come from the same hour.
import { describeError } from "../internal/kernel/errors.ts";
import { describeComparison } from "./compare.ts";
import { IN_TURN_HELP, inTurnOptions, medianOf, runInTurn } from "./in-turn.ts";
import { type RunRecord, writeRuns } from "./record.ts";

const HELP = `Usage: bun run bench encryption [options]

Runs the scenario with open connections, and with encrypted ones and an account for each role (stack up --secure), in turn.

${IN_TURN_HELP}
  --json FILE      writes the runs to FILE: open, encrypted

Exits 0 if every saga finished and the audits are clean, otherwise 1; 2 on wrong arguments.`;

/** Arguments for `stack up`. */
const SIDES = [
  { name: "open", up: [] },
  { name: "encrypted", up: ["--secure"] },
] as const;

export async function encryptionCommand(args: readonly string[]): Promise<number> {
  const options = inTurnOptions("bench encryption", args);
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  try {
    const { runs, isClean } = await runInTurn(options, SIDES, (side, ofSide) => {
      if (side === "open" && ofSide.some((run) => run.options["secure"] === true))
        throw new Error("the open side was encrypted, too: unset CHECKOUT_SECURE");
    });
    if (options.json !== undefined) await writeRuns(options.json, [...runs.values()].flat());
    const [open = [], encrypted = []] = SIDES.map(({ name }) => runs.get(name) ?? []);
    console.log("\nA = open, B = encrypted, with an account for each role");
    for (const line of describeComparison(open, encrypted, true)) console.log(line);
    console.log("");
    for (const line of added(open, encrypted)) console.log(line);
    return isClean ? 0 : 1;
  } catch (error) {
    console.error(`the benchmark failed: ${describeError(error)}`);
    return 1;
  }
}

/** What encryption adds to the CPU per order, by medians: without parties outside, and with them. */
export function added(open: readonly RunRecord[], encrypted: readonly RunRecord[]): readonly string[] {
  return ["CPU, ours", "CPU, all"].map((figure) => {
    const [before, after] = [medianOf(figure, open), medianOf(figure, encrypted)];
    const percent = ((after / before - 1) * 100).toFixed(1);
    return `${figure}: ${before.toFixed(2)} ms/order open, ${after.toFixed(2)} encrypted (${percent} % more)`;
  });
}
