// `bun run alerts:drill`: makes every alert of deploy/prometheus fire on a real local stack, by its cause, and stop. Needs the binaries and
// the set-up; takes about nine minutes. Exit 0: each fired and stopped; 3: one did not; 2: usage; 130: ended by
// Ctrl-C.
import { Command } from "@commander-js/extra-typings";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { buildAll, buildableRoles } from "../../tools/build.ts";
import { RULE_FILES, RULES_FOLDER } from "../../tools/alert-rules.ts";
import { sayElapsed } from "../say-elapsed.ts";
import { Arena } from "./arena.ts";
import { listenAt, runStages } from "./drill.ts";
import { drillRules } from "./drill-rules.ts";
import { reportOf } from "./report.ts";
import { NOT_DRILLED, STAGES } from "./stages.ts";

const EXIT_FAILED = 3;
const EXIT_INTERRUPTED = 130;

const { only } = new Command("alerts:drill")
  .description("Makes every alert fire on a local stack, by its cause, and stop.")
  .option("--only <alerts>", "only the scenes of these alerts, for example OutboxStale,LongTransaction")
  .parse()
  .opts();

const wanted = only?.split(",");
const stages = STAGES.map((scenes) =>
  scenes.filter(({ alerts }) => wanted === undefined || alerts.some((name) => wanted.includes(name))),
).filter((scenes) => scenes.length > 0);
if (stages.length === 0) {
  console.error(`no scene raises ${only}; the alerts are in docs/runbook.md, "Alerts"`);
  process.exit(2);
}

await buildAll(buildableRoles(), ({ file, built }) => built && console.log(`built ${basename(file)}`));
const folder = newDataDirectory("alerts-drill-rules");
for (const file of RULE_FILES)
  await Bun.write(join(folder, file), drillRules(await Bun.file(join(RULES_FOLDER, file)).text()));
console.log(
  "The rules of this drill are those of deploy/prometheus with short durations; nothing else differs.",
);

const report = sayElapsed();
try {
  await using arena = await Arena.open(folder);
  const interrupt = () => void arena[Symbol.asyncDispose]().finally(() => process.exit(EXIT_INTERRUPTED));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  report("the stack is up");
  const listen = listenAt(arena.system.stack.find("alerts").address);
  const outcomes = await runStages(arena, stages, listen, report);
  const { text, passed } = reportOf(outcomes, NOT_DRILLED);
  console.log(`\n${text}`);
  process.exitCode = passed ? 0 : EXIT_FAILED;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// Sessions of causes that broke off would keep the process.
process.exit();
