// `bun run upgrade:drill`: upgrades a local stack under load from the last release to the working tree, rolls it back and upgrades it again,
// role by role, and shows what held. Builds both. Exit 0: all held; 1: something did not; 2: usage.
import { Command } from "@commander-js/extra-typings";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildBeside, commitNamed } from "../../../bench/beside.ts";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { LAST_RELEASE } from "../../../schemas/last-release.ts";
import { REPOSITORY } from "../paths.ts";
import { wipe } from "../wipe.ts";
import { runDrill } from "./drill.ts";
import { reportOf } from "./report.ts";

const { from } = new Command("upgrade:drill")
  .description("Upgrades a local stack under load, rolls it back and upgrades it again, role by role.")
  .option(
    "--from <revision>",
    `the release to upgrade from (default: ${LAST_RELEASE.version})`,
    LAST_RELEASE.commit,
  )
  .parse()
  .opts();

const commit = commitNamed(from);
if (commit === null) {
  console.error(`there is no commit ${from}; a shallow clone has no old ones: git fetch --unshallow`);
  process.exit(2);
}
const oldFolder = await buildBeside(commit, console.log);
const begun = performance.now();
const report = (line: string) =>
  console.log(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${line}`);
const dataDirectory = newDataDirectory("upgrade-drill");
const logs = join(REPOSITORY, ".bench/upgrade-drill-logs");
let passed = false;
try {
  const { text, passed: held } = reportOf(await runDrill({ from: oldFolder, dataDirectory, report }));
  console.log(`\nfrom ${commit.slice(0, 8)} to the working tree\n\n${text}`);
  passed = held;
} finally {
  rmSync(logs, { recursive: true, force: true });
  cpSync(join(dataDirectory, "logs"), logs, { recursive: true });
  wipe(dataDirectory);
}
if (!passed) console.log(`\nthe logs of all processes are in ${logs}`);
process.exit(passed ? 0 : 1);
