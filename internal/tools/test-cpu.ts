// `bun internal/tools/test-cpu.ts [part of a path]...`: how much CPU the tests of `npm test` cost, by file, with everything that they start and
// their share of the servers. Two cores are busy throughout `npm test`, so this is what makes it long; wall time depends on what else runs.
// Each file runs alone. `dist` must be built. Exits 1 if a file fails.
import { join } from "node:path";
import { cpuMsByGroup } from "../../bench/processes.ts";
import { tiedToUs } from "../stack/child.ts";
import { DIST, REPOSITORY } from "../stack/paths.ts";
import { startTestServers } from "../testkit/test-servers.ts";
import { binaryName } from "./build.ts";
import { RUNTIME } from "./suite.ts";

const ENDINGS = /\.(int|sim|e2e)\.test\.ts$/;
const TEST_TIMEOUT_MS = 300_000;

interface Cost {
  readonly file: string;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly code: number;
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const files = chosenFiles(Bun.argv.slice(2));
if (files.length === 0) {
  console.error(`no .int, .sim or .e2e test has ${Bun.argv.slice(2).join(" or ")} in its path`);
  process.exit(2);
}
const costs: Cost[] = [];
{
  await using servers = await startTestServers("test-cpu", stop.signal);
  const env = { ...servers.env, CHECKOUTCTL: join(DIST, binaryName("checkoutctl")) };
  for (const file of files) {
    if (stop.signal.aborted) break;
    const cost = await costOf(file, env);
    costs.push(cost);
    console.log(lineOf(cost));
  }
}
console.log("\nmost first:");
for (const cost of costs.toSorted((a, b) => b.cpuMs - a.cpuMs)) console.log(lineOf(cost));
const total = costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
console.log(`${(total / 1_000).toFixed(1)} s of CPU in ${costs.length} files`);
// Not process.exit, so that what is open is closed.
process.exitCode = costs.every(({ code }) => code === 0) ? 0 : 1;

function chosenFiles(parts: readonly string[]): readonly string[] {
  const all = [...new Bun.Glob("{cmd,internal,schemas,bench}/**/*.test.ts").scanSync({ cwd: REPOSITORY })];
  return all
    .filter((file) => ENDINGS.test(file) && (parts.length === 0 || parts.some((part) => file.includes(part))))
    .toSorted();
}

/** A process counts once it has ended and its parent knows, or while it runs below this one. */
function cpuSoFarMs(): number {
  return cpuMsByGroup([{ name: "us", pid: process.pid }]).get("us") ?? 0;
}

async function costOf(file: string, env: Readonly<Record<string, string>>): Promise<Cost> {
  const [cpuBefore, begun] = [cpuSoFarMs(), performance.now()];
  const child = Bun.spawn(tiedToUs([process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, `./${file}`]), {
    cwd: REPOSITORY,
    env: { ...process.env, ...RUNTIME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    signal: stop.signal,
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) process.stderr.write(output + errors);
  return { file, cpuMs: cpuSoFarMs() - cpuBefore, wallMs: performance.now() - begun, code };
}

function lineOf({ file, cpuMs: cpu, wallMs, code }: Cost): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1).padStart(6)} s`;
  return `${seconds(cpu)} CPU ${seconds(wallMs)}  ${file}${code === 0 ? "" : "  FAILED"}`;
}
