// Runs test files with `bun test` in a separate process and counts the results. Used by check.ts and test-all.ts.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OPTIMIZE_AFTER, tiedToUs } from "../stack/child.ts";
import { CACHE, REPOSITORY } from "../stack/paths.ts";

export interface SuiteOptions {
  /** Shown in the output and used as the name of the report file. */
  readonly name: string;
  /** File name endings such as `.int.test.ts`, or whole paths. */
  readonly endings: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Number of test processes. Each file runs in only one of them. Default: 1. */
  readonly processes?: number;
  /** Writes how long each file took into the timings. Only with several processes. */
  readonly updateTimings?: boolean;
  /** Captured output is only printed on failure. */
  readonly output: "shown" | "captured";
  readonly signal?: AbortSignal;
}

export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * How long each file takes, in ms. Bun starts the long ones early, so that none of them runs alone at the end.
 * `npm test -- --update-timings` measures them anew.
 */
const TIMINGS = "internal/tools/test-timings.json";
const TEST_TIMEOUT_MS = 60_000;
/** A test process that hangs must not hang the run. */
const SUITE_TIMEOUT_MS = 20 * 60_000;

/**
 * How test processes run, and all that they start. Code is optimized after 20,000 runs instead of 1,000: most code of a test runs too seldom to
 * be worth it, which was a seventh of the CPU of the unit tests. What runs for seconds, like the model, is optimized a little later. And Bun's
 * allocator does not look for holes in the heap, as in the roles.
 */
export const RUNTIME = { [OPTIMIZE_AFTER]: "20000", MIMALLOC_PURGE_HOLES: "0" };

export const NO_TESTS: SuiteResult = { passed: 0, failed: 0, skipped: 0 };

/** A run that exits with an error but without a failed test, for example by a crash, counts as one failure. */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  if (!anyFile(options.endings)) return NO_TESTS;
  const counts = join(CACHE, "tests", `${options.name}.xml`);
  mkdirSync(join(CACHE, "tests"), { recursive: true });
  rmSync(counts, { force: true });
  const shown = options.output === "shown";
  const child = Bun.spawn(
    testCommand({
      timeoutMs: TEST_TIMEOUT_MS,
      report: counts,
      args: [...sharing(options), ...options.endings],
    }),
    {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        ...RUNTIME,
        ...options.env,
      },
      stdin: "ignore",
      stdout: shown ? "inherit" : "pipe",
      stderr: shown ? "inherit" : "pipe",
      signal: AbortSignal.any([
        AbortSignal.timeout(SUITE_TIMEOUT_MS),
        ...(options.signal ? [options.signal] : []),
      ]),
    },
  );
  const [output, errors, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    child.exited,
  ]);
  const result = readCounts(counts);
  const failed = code !== 0 && result.failed === 0 ? 1 : result.failed;
  if (failed > 0) process.stderr.write(output + errors);
  if (code !== 0 && result.failed === 0)
    console.error(`${options.name}: bun test ended with ${code} without a failed test`);
  return { ...result, failed };
}

/** `bun test`, tied to this process. `args` select the tests, `timeoutMs` limits each test, `report` is the JUnit report file. */
export function testCommand({
  timeoutMs,
  report,
  args,
}: {
  readonly timeoutMs: number;
  readonly report: string;
  readonly args: readonly string[];
}): string[] {
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  return tiedToUs([process.execPath, "test", `--timeout=${timeoutMs}`, ...reporter, ...args]);
}

/** Not isolated, because the Kafka addon supports one global object per process. */
function sharing({ processes = 1, updateTimings = false }: SuiteOptions): readonly string[] {
  if (processes === 1) return [];
  const update = updateTimings ? ["--update-timings"] : [];
  return [`--parallel=${processes}`, "--no-isolate", `--timings=${TIMINGS}`, ...update];
}

function anyFile(endings: readonly string[]): boolean {
  return endings.some((ending) => {
    if (existsSync(join(REPOSITORY, ending))) return true;
    const files = new Bun.Glob(`{cmd,internal,schemas,bench}/**/*${ending}`).scanSync({ cwd: REPOSITORY });
    return files.next().done !== true;
  });
}

async function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string> {
  return stream === undefined ? "" : new Response(stream).text();
}

/** Reads the counts from the report's outermost element. */
function readCounts(file: string): SuiteResult {
  if (!existsSync(file)) return NO_TESTS;
  const root = /<testsuites [^>]*>/.exec(readFileSync(file, "utf8"))?.[0] ?? "";
  const attribute = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute("failures");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}
