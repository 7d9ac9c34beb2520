// Runs promtool and amtool for the tests of alert rules and dashboards. The set-up fetches them (internal/tools/bootstrap.mjs).
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../kernel/errors.ts";
import { CACHE } from "../stack/paths.ts";

const PROMTOOL = join(CACHE, "prometheus-2.42/promtool");
const AMTOOL = join(CACHE, "alertmanager-0.25/amtool");

export interface ToolResult {
  readonly code: number;
  /** Everything it printed. */
  readonly output: string;
}

/** `folder` is where it looks for files. */
export function promtool(folder: string, ...args: readonly string[]): Promise<ToolResult> {
  return run(PROMTOOL, folder, args);
}

/** Its texts lie beside it, where the set-up makes it look for them. */
export function amtool(...args: readonly string[]): Promise<ToolResult> {
  return run(AMTOOL, dirname(AMTOOL), args);
}

async function run(file: string, cwd: string, args: readonly string[]): Promise<ToolResult> {
  assert(existsSync(file), `${file} is missing: run \`npm run setup\``);
  const child = Bun.spawn([file, ...args], { cwd, stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}
