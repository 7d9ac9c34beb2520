// The table of a drill, and whether it passed. Pure.
import { table } from "../../tools/markdown.ts";
import type { Outcome } from "./drill.ts";
import { WATCHDOG } from "./stages.ts";

export interface DrillReport {
  readonly text: string;
  readonly passed: boolean;
}

/** `notDrilled`: alerts without a scene, with the reason. */
export function reportOf(
  outcomes: readonly Outcome[],
  notDrilled: Readonly<Record<string, string>>,
): DrillReport {
  const rows = outcomes.map(({ alert, cause, end, firedAfter, stoppedAfter }) => [
    alert,
    cause,
    firedAfter === undefined ? "NEVER" : `${firedAfter} s`,
    end,
    alert === WATCHDOG ? "-" : stoppedAfter === undefined ? "NEVER" : `${stoppedAfter} s`,
  ]);
  const failed = outcomes.filter(
    ({ alert, firedAfter, stoppedAfter }) =>
      firedAfter === undefined || (stoppedAfter === undefined && alert !== WATCHDOG),
  );
  const left = Object.entries(notDrilled).map(([alert, reason]) => `- ${alert}: ${reason}`);
  const text = [
    table(["alert", "cause", "fired after", "end of the cause", "stopped after"], rows),
    "",
    `${outcomes.length - failed.length} of ${outcomes.length} alerts fired and stopped; ${left.length} not drilled`,
    ...left,
    ...failed.map(({ alert, fault }) => `FAILED ${alert}${fault === undefined ? "" : `: ${fault}`}`),
  ].join("\n");
  return { text, passed: failed.length === 0 };
}
