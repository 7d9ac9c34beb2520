// Finds the highest rate that the system holds. Each step is an open loop, a quarter faster than the one before until one is missed;
// then the rate is refined between the last two. The queue of a missed step drains before the next step.
import { FINISH_P99_MS, heldRate } from "./claims.ts";
import type { LoadOptions } from "./load.ts";
import type { RunRecord } from "./record.ts";

const FIRST_RATE = 50;
const FACTOR = 1.25;
const MAX_RATE = 20_000;
/** Refinement steps between the highest held and the lowest missed rate. */
const REFINEMENTS = 2;

export interface RampStep {
  readonly ratePerSecond: number;
  readonly isHeld: boolean;
  readonly p99: number;
}

/** Runs steps with `runStep`. Returns the record of the fastest held step, or of the first if none was held; findings list all steps. */
export async function ramp(
  load: LoadOptions,
  firstRate: number | undefined,
  runStep: (load: LoadOptions) => Promise<RunRecord>,
): Promise<RunRecord> {
  const steps: RampStep[] = [];
  let best: RunRecord | undefined;
  const tries = async (ratePerSecond: number): Promise<RunRecord> => {
    const record = await runStep({ ...load, ratePerSecond });
    const isHeld = heldRate(record).every(({ isMet }) => isMet);
    steps.push({ ratePerSecond, isHeld, p99: record.latencies.finished?.p99 ?? Number.NaN });
    if (isHeld) best = record;
    return record;
  };
  const isHeld = () => steps.at(-1)?.isHeld === true;

  let [held, missed] = [0, firstRate ?? FIRST_RATE];
  const first = await tries(missed);
  while (isHeld() && missed < MAX_RATE) {
    held = missed;
    missed = Math.round(missed * FACTOR);
    await tries(missed);
  }
  for (let left = REFINEMENTS; left > 0 && held > 0; left--) {
    const between = Math.round((held + missed) / 2);
    await tries(between);
    if (isHeld()) held = between;
    else missed = between;
  }
  const told = steps
    .toSorted((a, b) => a.ratePerSecond - b.ratePerSecond)
    .map(
      ({ ratePerSecond, isHeld: was, p99 }) =>
        `${ratePerSecond}/s ${was ? "held" : "missed"} (p99 ${p99.toFixed(0)} ms)`,
    );
  const record = best ?? first;
  return {
    ...record,
    findings: {
      ...record.findings,
      "highest rate held":
        best === undefined ? `none from ${missed}/s on` : `${held}/s with p99 under ${FINISH_P99_MS} ms`,
      steps: told.join(", "),
    },
  };
}
