// Runs tests in a copy of the repository and says what came of it. A mutant counts as caught only where a test failed for what it
// saw; a file that does not even load, or a name that does not exist, would "fail" with any edit. Called by layers.ts.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testCommand } from "../../tools/suite.ts";

export interface Trial {
  /** Paths, or endings of paths, of test files. */
  readonly files: readonly string[];
  /** Part of the full name of the tests to run; all where it is left out. */
  readonly test?: string | undefined;
  /** Then it is cut off. Default: long enough for one file on a busy machine. */
  readonly timeoutMs?: number;
}

export type TrialResult =
  | { readonly kind: "passed"; readonly tests: readonly TestCase[] }
  /** The first test that saw something wrong. */
  | { readonly kind: "failed"; readonly test: TestCase }
  /** Nothing was tested: the edit does not load, or there is no such test. */
  | { readonly kind: "broken"; readonly reason: string };

export interface TestCase {
  readonly file: string;
  /** With the names of its `describe`s before it. */
  readonly name: string;
  /** The type of the error it failed with; null where it passed. */
  readonly error: string | null;
  /** What the error said; null where it passed. */
  readonly message: string | null;
}

/** A test that waits for what a mutant keeps from happening ends by this. */
const TEST_TIMEOUT_MS = 10_000;
const TRIAL_TIMEOUT_MS = 120_000;
const REPORT = "mutation-report.xml";
/** What a misspelt edit throws, and no assertion. */
const CRASHES = new Set(["SyntaxError", "ReferenceError", "TypeError"]);
/** How bun calls a `beforeAll` that throws. */
const HOOK = "(unnamed)";

/** `env` is added to this process's own. */
export async function runTrial(
  root: string,
  trial: Trial,
  env: Readonly<Record<string, string>>,
): Promise<TrialResult> {
  const report = join(root, REPORT);
  rmSync(report, { force: true });
  const one = trial.test === undefined ? ["--bail"] : ["-t", RegExp.escape(trial.test)];
  const args = [...trial.files, ...one];
  const child = Bun.spawn(testCommand({ timeoutMs: TEST_TIMEOUT_MS, report, args }), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    signal: AbortSignal.timeout(trial.timeoutMs ?? TRIAL_TIMEOUT_MS),
  });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  return verdictOf(existsSync(report) ? readFileSync(report, "utf8") : "", code, errors);
}

/** Pure. `report` is bun's JUnit report, empty where it wrote none; `code` its exit code; `errors` what it printed. */
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

/** What bun prints of an error that no test was there to take, with the name of the file that was running. */
function unhandled(errors: string): string | null {
  const [before = "", after] = errors.split("# Unhandled error between tests");
  if (after === undefined) return null;
  const file = before.match(/^\S+\.test\.ts:$/gm)?.at(-1) ?? "";
  return `between tests of ${file} ${lastLines(after.split(/^-+$/m)[1] ?? "", 30)}`;
}

function lastLines(text: string, lines = 5): string {
  return text.trim().split("\n").slice(-lines).join(" | ");
}
