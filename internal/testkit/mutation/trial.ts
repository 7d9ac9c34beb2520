// Runs tests in a copy of the repository and returns the verdict. A mutant counts as caught only if an assertion or a wait failed.
// A file that does not load, or a name that does not exist, would "fail" with any edit. Called by layers.ts.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testCommand } from "../../tools/suite.ts";

export interface Trial {
  /** Paths of test files, or path endings. */
  readonly files: readonly string[];
  /** Parts of the full names of the tests to run. Default: all tests. */
  readonly tests?: readonly string[] | undefined;
  /** Default: long enough for one file on a busy machine. */
  readonly timeoutMs?: number;
  /** Of each test. Default: what a test needs that no mutant delays. */
  readonly testTimeoutMs?: number;
}

export type TrialResult =
  | { readonly kind: "passed"; readonly tests: readonly TestCase[] }
  /** The first test that failed. */
  | { readonly kind: "failed"; readonly test: TestCase }
  /** Nothing was tested: the edit does not load, or the test does not exist. */
  | { readonly kind: "broken"; readonly reason: string };

export interface TestCase {
  readonly file: string;
  /** Starts with the names of its `describe` blocks. */
  readonly name: string;
  /** The error type; null if the test passed. */
  readonly error: string | null;
  /** The error message; null if the test passed. */
  readonly message: string | null;
}

/** Ends a test that waits for something a mutant prevents. */
const TEST_TIMEOUT_MS = 10_000;
const TRIAL_TIMEOUT_MS = 120_000;
const REPORT = "mutation-report.xml";
/** Errors of a misspelt edit, never of an assertion. */
const CRASHES = new Set(["SyntaxError", "ReferenceError", "TypeError"]);
/** Bun's name for a `beforeAll` that throws. */
const HOOK = "(unnamed)";

/** `env` is added to the environment of this process. */
export async function runTrial(
  root: string,
  trial: Trial,
  env: Readonly<Record<string, string>>,
): Promise<TrialResult> {
  const report = join(root, REPORT);
  rmSync(report, { force: true });
  const chosen =
    trial.tests === undefined ? ["--bail"] : ["-t", trial.tests.map((test) => RegExp.escape(test)).join("|")];
  const args = [...trial.files, ...chosen];
  const child = Bun.spawn(testCommand({ timeoutMs: trial.testTimeoutMs ?? TEST_TIMEOUT_MS, report, args }), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    signal: AbortSignal.timeout(trial.timeoutMs ?? TRIAL_TIMEOUT_MS),
  });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  return verdictOf(existsSync(report) ? readFileSync(report, "utf8") : "", code, errors);
}

/** Pure. `report` is bun's JUnit report (empty if there is none), `code` its exit code, `errors` its stderr. */
export function verdictOf(report: string, code: number, errors: string): TrialResult {
  const tests = testCases(report);
  const failed = tests.filter(({ error }) => error !== null);
  const saw = failed.find(({ name, error }) => !name.endsWith(HOOK) && !CRASHES.has(error ?? ""));
  if (saw !== undefined) return { kind: "failed", test: saw };
  const [crashed] = failed;
  if (crashed !== undefined) return { kind: "broken", reason: `${crashed.name} crashed: ${crashed.error}` };
  if (tests.length === 0) return { kind: "broken", reason: `no test ran: ${lastLines(errors)}` };
  if (code !== 0)
    return { kind: "broken", reason: `exit code ${code}: ${unhandled(errors) ?? lastLines(errors)}` };
  return { kind: "passed", tests };
}

function testCases(report: string): TestCase[] {
  const cases = /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
  return [...report.matchAll(cases)]
    .filter(([, , body = ""]) => !body.includes("<skipped"))
    .map(([, attributes = "", body = ""]) => {
      const failure = /<failure([^>]*)/.exec(body)?.[1];
      const name = attributeOf(attributes, "name");
      const group = attributeOf(attributes, "classname").replaceAll(" > ", " ");
      return {
        file: attributeOf(attributes, "file"),
        name: group === "" ? name : `${group} ${name}`,
        error: failure === undefined ? null : attributeOf(failure, "type"),
        message: failure === undefined ? null : attributeOf(failure, "message").trim(),
      };
    });
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
  "#10": "\n",
};

function attributeOf(attributes: string, name: string): string {
  const value = new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replaceAll(/&(#?\w+);/g, (entity, code: string) => ENTITIES[code] ?? entity);
}

/** Bun's text for an error outside of any test, with the name of the running file. */
function unhandled(errors: string): string | null {
  const [before = "", after] = errors.split("# Unhandled error between tests");
  if (after === undefined) return null;
  const file = before.match(/^\S+\.test\.ts:$/gm)?.at(-1) ?? "";
  return `between tests of ${file} ${lastLines(after.split(/^-+$/m)[1] ?? "", 30)}`;
}

function lastLines(text: string, lines = 5): string {
  return text.trim().split("\n").slice(-lines).join(" | ");
}
