// `bun run check`: the quick checks: unit tests beside lint, types and format. What has passed and is as it was is left out, unless `--all`
// is given. Also the first step of `npm test`, which leaves out nothing.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { CACHE, REPOSITORY } from "../stack/paths.ts";
import { CODE, Passed, SourceTree } from "./passed.ts";
import { NO_TESTS, type SuiteResult, runSuite } from "./suite.ts";

export interface CheckResult {
  /** Names of the failed checks, without the unit tests. */
  readonly failedChecks: readonly string[];
  readonly unit: SuiteResult;
}

export interface CheckOptions {
  /** False: what has passed before is checked again. */
  readonly isQuick: boolean;
  readonly signal?: AbortSignal;
}

interface Check {
  readonly name: string;
  /** In a check by file, the files that are due follow; none: all are checked. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is due, by name. A check that can only be made as a whole has one name. */
  readonly digests: (tree: SourceTree) => Readonly<Record<string, string>>;
}

interface Outcome {
  readonly ok: boolean;
  readonly detail: string;
}

const UNIT_TESTS = /\.unit\.test\.tsx?$/;
const ALL_UNIT_TESTS = [".unit.test.ts"];
const WHOLE = "all";
const UNCHANGED: Outcome = { ok: true, detail: "passed before" };

const byFile = (tree: SourceTree) =>
  Object.fromEntries(tree.files(CODE).map((file) => [file, tree.ofFile(file)]));
const byTest = (tree: SourceTree) =>
  Object.fromEntries(tree.files(UNIT_TESTS).map((file) => [file, tree.ofTest(file)]));
const asWhole = (tree: SourceTree) => ({ [WHOLE]: tree.digest });
const asProgram = (tree: SourceTree) => ({ [WHOLE]: tree.ofFiles(/(?<!\.md)$/) });

/** The unit tests wait for half of their time. */
const BESIDE_UNIT_TESTS: readonly Check[] = [
  {
    name: "lint",
    command: [join(REPOSITORY, "node_modules/oxlint/bin/oxlint"), "--type-aware"],
    // Its type checker is a Go program of ten seconds. Collecting garbage was a fifth of it; without that it stays below the limit. Half of
    // the cores, because each looks up again what another one knows, and the unit tests need some.
    env: { GOGC: "off", GOMEMLIMIT: "2GiB", GOMAXPROCS: String(Math.ceil(availableParallelism() / 2)) },
    digests: byFile,
  },
  { name: "types", command: ["check", "--no-script"], digests: asProgram },
  // Code that runs in browsers sees the DOM; everything else must not.
  {
    name: "shop's browser",
    command: ["check", "--no-script", "-p", "internal/storefront/client"],
    digests: asProgram,
  },
  {
    name: "console's browser",
    command: ["check", "--no-script", "-p", "internal/console/client"],
    digests: asProgram,
  },
  { name: "format", command: ["fmt", "--no-script", "--check"], digests: asWhole },
];

export async function runChecks({ isQuick, signal }: CheckOptions): Promise<CheckResult> {
  const run = new CheckRun(isQuick, signal);
  const [unit, ...results] = await Promise.all([
    run.unitTests(),
    ...BESIDE_UNIT_TESTS.map(async (check) => ({ name: check.name, ok: await run.check(check) })),
  ]);
  run.notePassed();
  return { failedChecks: results.filter(({ ok }) => !ok).map(({ name }) => name), unit };
}

class CheckRun {
  readonly #passed = new Passed(join(CACHE, "tests", "passed.json"));
  /** Null: everything is due. */
  readonly #tree: SourceTree | null;
  readonly #signal: AbortSignal | undefined;
  /** Digests by check. */
  readonly #passing = new Map<string, Readonly<Record<string, string>>>();

  constructor(isQuick: boolean, signal: AbortSignal | undefined) {
    this.#tree = isQuick ? SourceTree.read(REPOSITORY) : null;
    this.#signal = signal;
  }

  async unitTests(): Promise<SuiteResult> {
    let result = NO_TESTS;
    await this.#timed("unit tests", byTest, async (files) => {
      result = await runSuite({
        name: "unit",
        endings: files ?? ALL_UNIT_TESTS,
        processes: 3,
        output: "captured",
        ...(this.#signal ? { signal: this.#signal } : {}),
      });
      return { ok: result.failed === 0, detail: `${result.passed} passed` };
    });
    return result;
  }

  async check({ name, command, env, digests }: Check): Promise<boolean> {
    return this.#timed(name, digests, async (files) => {
      const isWhole = files === null || files.includes(WHOLE);
      return { ok: await this.#succeeds([...command, ...(isWhole ? [] : files)], env), detail: "ok" };
    });
  }

  /** Calls `work` with the names that are due, or with null for all; not if none is. Returns whether all passed. */
  async #timed(
    name: string,
    digests: Check["digests"],
    work: (names: readonly string[] | null) => Promise<Outcome>,
  ): Promise<boolean> {
    const begun = performance.now();
    const wanted = this.#tree === null ? null : digests(this.#tree);
    const due = wanted === null ? null : this.#passed.due(name, wanted);
    const { ok, detail } = due?.length === 0 ? UNCHANGED : await work(due);
    if (ok && wanted !== null) this.#passing.set(name, wanted);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const share = due === null || due.length === 0 || due.includes(WHOLE) ? "" : `, ${due.length} files`;
    console.log(`  ${name.padEnd(12)} ${seconds.padStart(5)} s  ${ok ? detail : "FAILED"}${share}`);
    return ok;
  }

  /** Nothing, if a file was changed meanwhile: then nobody knows what was checked. */
  notePassed(): void {
    if (this.#tree === null || this.#tree.digest !== SourceTree.read(REPOSITORY)?.digest) return;
    for (const [name, digests] of this.#passing) this.#passed.note(name, digests);
  }

  /** Runs a bun command; prints its output only if it fails. */
  async #succeeds(command: readonly string[], env: Check["env"]): Promise<boolean> {
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: REPOSITORY,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      ...(this.#signal ? { signal: this.#signal } : {}),
    });
    const [output, errors, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    if (code !== 0) process.stderr.write(output + errors);
    return code === 0;
  }
}

if (import.meta.main) {
  const { failedChecks, unit } = await runChecks({ isQuick: !process.argv.includes("--all") });
  process.exit(failedChecks.length === 0 && unit.failed === 0 ? 0 : 1);
}
