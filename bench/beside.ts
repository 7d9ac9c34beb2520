// Builds the binaries of another commit beside the working tree, in .bench/against, where the next run finds them. Used by the comparison of
// two builds (against.ts) and by the upgrade drill.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const REPOSITORY = join(import.meta.dir, "..");
const CACHE_PARTS = /^(bin|kafka-.*|postgres-.*-template)$/;

/** The commit of the revision; null if there is none. */
export function commitNamed(revision: string): string | null {
  const { exitCode, stdout } = git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`);
  return exitCode === 0 ? stdout.toString().trim() : null;
}

/**
 * Creates a worktree of the commit with its binaries, and brings our own up to date. Shared dependencies are linked or copied instead of
 * downloaded again. Returns its folder.
 */
export async function buildBeside(commit: string, say: (line: string) => void): Promise<string> {
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
