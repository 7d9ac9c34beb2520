// Runs the commands of the README, and of "Test and measure" in CONTRIBUTING.md, in order in a fresh clone. Downloads and npm packages are linked, because fetching them again would test
// the network. So are the binaries, which the first stage of npm test has built in the same way, but for one that `stack up` has to build.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { processesOf } from "../testkit/processes.ts";
import { binaryName, buildableRoles, buildAll } from "../tools/build.ts";
import { cleanEnvironment } from "./child.ts";
import { DIST, REPOSITORY } from "./paths.ts";

const BUILD_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 300_000;

const VARIABLES =
  `export GATEWAY=$(node -p 'JSON.parse(fs.readFileSync(".stack/state.json")).addresses.gateway') ` +
  "TOKEN=$(dist/checkoutctl token)";
const CHECKOUT =
  'curl "$GATEWAY/api/v1/checkout" -H "authorization: Bearer $TOKEN" -H "idempotency-key: first" --json @docs/first-checkout.json';

/** Each of these commands and how this test runs it: unchanged, shorter, or not here because another test runs it. */
const RUNS: Readonly<Record<string, "as it stands" | { readonly as: string } | { readonly by: string }>> = {
  "npm run demo": { by: "demo.e2e.test.ts" },
  "npm test": { by: "the run that this test is part of" },
  "npm run setup": "as it stands",
  'export PATH="$PWD/node_modules/.bin:$PATH"': { by: "the environment of every command here" },
  "bun run stack up": "as it stands",
  "bun run stack status": "as it stands",
  "dist/checkoutctl catalogue import --demo": "as it stands",
  [VARIABLES]: { by: "the next line, which needs them" },
  [CHECKOUT]: { as: `${VARIABLES}\n${CHECKOUT} --no-progress-meter --fail-with-body` },
  "dist/checkoutctl doctor": "as it stands",
  "dist/checkoutctl saga ls": "as it stands",
  "dist/checkoutctl audit": "as it stands",
  "bun run stack down": "as it stands",
  "bun run model": { by: "model.sim.test.ts" },
  "bun run bench": { as: "bun run bench steady --seconds 1 --warm-up 0" },
  "bun run chaos --faults 60 --orders 10000": { as: "bun run chaos --help" },
  "bun run mutation": { as: "bun run mutation --list" },
  "bun run alerts:drill": { as: "bun run alerts:drill --help" },
  "bun run rotation:drill": { as: "bun run rotation:drill --help" },
  "bun run upgrade:drill": { as: "bun run upgrade:drill --help" },
  "bun run deploy:drill": { as: "bun run deploy:drill --help" },
  "bun run check": { by: "the first stage of npm test" },
};

/** It looks for a stack beside itself, so a link would find the stack of this repository. */
const NOT_BUILT = "checkoutctl";

const parent = newDataDirectory("readme", "on disk");
const checkout = join(parent, "checkout");
beforeAll(() => buildAll(buildableRoles(), () => {}), BUILD_TIMEOUT_MS);
afterAll(async () => {
  // After a failure the stack still runs.
  if (existsSync(checkout)) await run("bun run stack down");
  rmSync(parent, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

test(
  'every command of the README and of "Test and measure" works in a fresh checkout, in the order given',
  async () => {
    const commands = commandsIn(documented());
    expect(commands).toEqual(Object.keys(RUNS));
    copySources();
    linkBinaries();
    for (const command of commands) {
      const how = RUNS[command];
      if (how === undefined || (how !== "as it stands" && "by" in how)) continue;
      const shell = how === "as it stands" ? command : how.as;
      const { code, output, errors } = await run(shell);
      expect({ command, code, output, errors }).toMatchObject({ command, code: 0 });
    }
    expect(existsSync(join(checkout, "dist", binaryName(NOT_BUILT)))).toBe(true);
    expect(processesOf(checkout)).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);

async function run(shell: string) {
  const child = Bun.spawn(["bash", "-c", shell], {
    cwd: checkout,
    env: cleanEnvironment({
      PATH: `${join(checkout, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
    }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output, errors };
}

function documented(): string {
  const [readme, contributing] = ["README.md", "CONTRIBUTING.md"].map((name) =>
    readFileSync(join(REPOSITORY, name), "utf8"),
  );
  const section = /^## Test and measure\n(.*?)^## /ms.exec(contributing ?? "")?.[1];
  return `${readme}\n${section}`;
}

/** The lines of the shell blocks, without comments. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = ""]) =>
    block
      .split("\n")
      .map((line) => line.replace(/\s+# .*$/, "").trim())
      .filter((line) => line !== ""),
  );
}

function copySources(): void {
  // The commit and what differs from it are part of the version that binaries are built with.
  git(REPOSITORY, "clone", "--quiet", "--shared", "--no-checkout", REPOSITORY, checkout);
  const index = git(REPOSITORY, "rev-parse", "--path-format=absolute", "--git-path", "index").trim();
  cpSync(index, join(checkout, ".git/index"));
  const listed = git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard", "-z");
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(REPOSITORY, file), join(checkout, file));
  }
  for (const linked of ["node_modules", ".cache"])
    symlinkSync(join(REPOSITORY, linked), join(checkout, linked));
}

/** The binaries, and copies of what says whether they are current: that is written anew when one is built. */
function linkBinaries(): void {
  const dist = join(checkout, "dist");
  mkdirSync(dist);
  for (const role of buildableRoles().filter((one) => one !== NOT_BUILT))
    symlinkSync(join(DIST, binaryName(role)), join(dist, binaryName(role)));
  cpSync(join(DIST, ".inputs"), join(dist, ".inputs"), { recursive: true });
}

function git(cwd: string, ...args: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["git", ...args], { cwd });
  expect({ args, code: exitCode, errors: stderr.toString() }).toMatchObject({ code: 0 });
  return stdout.toString();
}
