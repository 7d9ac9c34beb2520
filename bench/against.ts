// `bun run bench SCENARIO --against REV`: builds another commit beside the working tree and runs both in turn (A B A B A B) with the
// same driver, so that the compared figures come from the same hour. The build is kept in .bench/against for the next comparison.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describeComparison } from "./compare.ts";
import { type RunRecord, writeRuns } from "./record.ts";
import { runScenarios, type SessionOptions } from "./session.ts";

const REPOSITORY = join(import.meta.dir, "..");
const CACHE_PARTS = /^(bin|kafka-.*|postgres-.*-template)$/;

export interface AgainstOptions {
  readonly revision: string;
  readonly rounds: number;
  readonly session: SessionOptions;
  /** The file for the runs of both sides, A first. */
  readonly json: string | undefined;
}

/** The commit of the revision; null if there is none. */
export function commitNamed(revision: string): string | null {
  const { exitCode, stdout } = git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`);
  return exitCode === 0 ? stdout.toString().trim() : null;
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

/** Creates a worktree of the commit with its binaries. Shared dependencies are linked or copied instead of downloaded again. */
async function buildBeside(commit: string, say: (line: string) => void): Promise<string> {
  const directory = join(REPOSITORY, ".bench/against", commit.slice(0, 12));
  if (!existsSync(join(directory, "package.json"))) {
    mkdirSync(dirname(directory), { recursive: true });
    // Git still lists a worktree that was deleted by hand.
    git("worktree", "prune");
    const added = git("worktree", "add", "--detach", directory, commit);
    if (added.exitCode !== 0) throw new Error(`git worktree add: ${added.stderr.toString().trim()}`);
  }
  if (!existsSync(join(directory, "node_modules"))) {
    const lock = (at: string) => readFileSync(join(at, "package-lock.json"), "utf8");
    // If versions differ, npm changes files, so they must be copies and not our own.
    const isSame = lock(directory) === lock(REPOSITORY);
    await command(directory, ["cp", isSame ? "-al" : "-a", join(REPOSITORY, "node_modules"), directory]);
    mkdirSync(join(directory, ".cache"), { recursive: true });
    for (const part of readdirSync(join(REPOSITORY, ".cache")).filter((name) => CACHE_PARTS.test(name)))
      await command(directory, ["cp", "-a", join(REPOSITORY, ".cache", part), join(directory, ".cache")]);
  }
  say(`building ${commit.slice(0, 12)} in ${directory} (remove it with git worktree remove --force)`);
  await command(directory, ["npm", "run", "--silent", "setup"]);
  await command(directory, ["npm", "run", "--silent", "build"]);
  await command(REPOSITORY, [process.execPath, join(REPOSITORY, "internal/tools/build.ts")]);
  return directory;
}

function git(...args: readonly string[]) {
  return Bun.spawnSync(["git", ...args], { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe"] });
}

async function command(cwd: string, words: readonly string[]): Promise<void> {
  const child = Bun.spawn([...words], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${words.join(" ")} failed:\n${output}${errors}`);
}
