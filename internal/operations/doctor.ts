// Runs the checks of `checkoutctl doctor`: all at once, each with its own time limit, so that a server that hangs neither stops nor
// hides the other checks. What a finding means is decided in doctor-verdicts.ts and doctor-work.ts.
import { describeError } from "../kernel/errors.ts";
import type { DoctorReport, Finding, Verdict } from "../../schemas/doctor.ts";
import { within } from "./ask.ts";

export interface Check {
  readonly check: string;
  readonly subject: string;
  readonly run: () => Promise<readonly Finding[]>;
  /** What a failure of `run` means. Default: not checked, for the reason of the failure. */
  readonly whenAway?: { readonly verdict: Verdict; readonly todo: string };
}

/** Never throws. The findings are in the order of the checks. */
export async function examine(checks: readonly Check[], timeoutMs: number): Promise<readonly Finding[]> {
  const findings = await Promise.all(checks.map((one) => findingsOf(one, timeoutMs)));
  return findings.flat();
}

export function reportOf(
  findings: readonly Finding[],
  { now, version }: { readonly now: number; readonly version: string },
): DoctorReport {
  const count = (verdict: Verdict) => findings.filter((one) => one.verdict === verdict).length;
  const problem = count("problem");
  return {
    at: now,
    version,
    // Where nothing could be looked at, nothing is known.
    ok: problem === 0 && count("not checked") < findings.length,
    counts: { ok: count("ok"), warning: count("warning"), problem, not_checked: count("not checked") },
    findings: [...findings],
  };
}

async function findingsOf(
  { check, subject, run, whenAway }: Check,
  timeoutMs: number,
): Promise<readonly Finding[]> {
  try {
    return await within(timeoutMs, run);
  } catch (error) {
    const { verdict, todo = null } = whenAway ?? { verdict: "not checked" as const };
    return [{ check, subject, verdict, says: describeError(error), todo }];
  }
}
