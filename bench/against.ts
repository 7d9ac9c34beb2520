// `bun run bench SCENARIO --against REV`: builds another commit beside the working tree and runs both in turn (A B A B A B) with the
// same driver, so that the compared figures come from the same hour. The build is kept in .bench/against for the next comparison.
import { buildBeside, commitNamed, REPOSITORY } from "./beside.ts";
import { describeComparison } from "./compare.ts";
import { type RunRecord, writeRuns } from "./record.ts";
import { runScenarios, type SessionOptions } from "./session.ts";

export interface AgainstOptions {
  readonly revision: string;
  readonly rounds: number;
  readonly session: SessionOptions;
  /** The file for the runs of both sides, A first. */
  readonly json: string | undefined;
}

/** True if both sides finished with a clean audit in every round. */
export async function runAgainst({ revision, rounds, session, json }: AgainstOptions): Promise<boolean> {
  const commit = commitNamed(revision);
  if (commit === null) throw new Error(`there is no commit ${revision}`);
  const { say } = session;
  const directory = await buildBeside(commit, say);
  const sides: { readonly a: RunRecord[]; readonly b: RunRecord[] } = { a: [], b: [] };
  let isClean = true;
  for (let round = 1; round <= rounds; round++) {
    for (const side of ["a", "b"] as const) {
      say(`round ${round} of ${rounds}: ${side === "a" ? `${revision} (A)` : "the working tree (B)"}`);
      const repository = side === "a" ? directory : REPOSITORY;
      const result = await runScenarios({ ...session, repository });
      sides[side].push(...result.runs);
      isClean = isClean && result.isClean;
    }
  }
  if (json !== undefined) await writeRuns(json, [...sides.a, ...sides.b]);
  for (const line of describeComparison(sides.a, sides.b, true)) say(line);
  return isClean;
}
