// Runs promtool for the tests of alert rules and dashboards. The set-up fetches it (internal/tools/bootstrap.mjs).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../kernel/errors.ts";
import { CACHE } from "../stack/paths.ts";

const PROMTOOL = join(CACHE, "prometheus-2.42/promtool");

/** The exit code, and everything it printed. `folder` is where it looks for files. */
export async function promtool(
  folder: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string }> {
  assert(existsSync(PROMTOOL), `${PROMTOOL} is missing: run \`npm run setup\``);
  const child = Bun.spawn([PROMTOOL, ...args], { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}
