// `bun run upgrade:drill`: upgrades a local stack under load from the last release to the working tree, rolls it back and upgrades it again,
// role by role, and shows what held. Builds both. Exit 0: all held; 1: something did not; 2: usage; 130: ended by Ctrl-C.
import { Command, Option } from "@commander-js/extra-typings";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildBeside, commitNamed } from "../../../bench/beside.ts";
import { LAST_RELEASE } from "../../../schemas/last-release.ts";
import { describeError } from "../../kernel/errors.ts";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { REPOSITORY } from "../paths.ts";
import { sayElapsed } from "../say-elapsed.ts";
import { wipe } from "../wipe.ts";
import { type Control, CONTROL_NAMES, CONTROLS, signsOf } from "./controls.ts";
import { runDrill } from "./drill.ts";
import { reportOf } from "./report.ts";

const EXIT_INTERRUPTED = 130;

const { from, control } = new Command("upgrade:drill")
  .description("Upgrades a local stack under load, rolls it back and upgrades it again, role by role.")
  .addOption(
    new Option("--from <revision>", "the release to upgrade from").default(
      LAST_RELEASE.commit,
      LAST_RELEASE.version,
    ),
  )
  .addOption(
    new Option(
      "--control <mistake>",
      "make this mistake on purpose, and pass only if the drill notices it",
    ).choices(CONTROL_NAMES),
  )
  .parse()
  .opts();

const commit = commitNamed(from);
if (commit === null) {
  console.error(`there is no commit ${from}; a shallow clone has no old ones: git fetch --unshallow`);
  process.exit(2);
}
const oldFolder = await buildBeside(commit, console.log);
const report = sayElapsed();
const dataDirectory = newDataDirectory("upgrade-drill");
const logs = join(REPOSITORY, ".bench/upgrade-drill-logs");
let isInterrupted = false;
const opened = (system: AsyncDisposable) => {
  const interrupt = async () => {
    isInterrupted = true;
    await system[Symbol.asyncDispose]();
    wipe(dataDirectory);
    process.exit(EXIT_INTERRUPTED);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void interrupt());
};
const mistake: Control | undefined = control === undefined ? undefined : CONTROLS[control];
const held = await runDrill({ from: oldFolder, dataDirectory, report, control: mistake, opened })
  .then((result) => {
    const { text, passed } = reportOf(result);
    console.log(`\nfrom ${commit.slice(0, 8)} to the working tree\n\n${text}`);
    if (mistake === undefined) return passed;
    const signs = signsOf(result, mistake);
    console.log(
      `\ncontrol: ${mistake.mistake}: ${signs.length > 0 ? `noticed: ${signs[0]}` : "NOT noticed"}`,
    );
    return !passed && signs.length > 0;
  })
  .catch(async (error: unknown) => {
    // Whoever interrupted it ends this process.
    if (isInterrupted) await new Promise(() => {});
    console.error(`the drill broke off: ${describeError(error)}`);
    return false;
  });
rmSync(logs, { recursive: true, force: true });
cpSync(join(dataDirectory, "logs"), logs, { recursive: true });
wipe(dataDirectory);
if (!held) console.log(`\nthe logs of all processes are in ${logs}`);
process.exit(held ? 0 : 1);
