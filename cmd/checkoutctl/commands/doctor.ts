// `checkoutctl doctor`: is everything as it should be, and if not, what to do. Changes nothing.
import { examine, reportOf } from "../../../internal/operations/doctor.ts";
import { finding } from "../../../internal/operations/doctor-verdicts.ts";
import { judgeWork, startCommandOf } from "../../../internal/operations/doctor-work.ts";
import { collectOverview } from "../../../internal/operations/overview.ts";
import { systemClock } from "../../../internal/platform/clock.ts";
import { ConfigError } from "../../../internal/platform/config.ts";
import { version } from "../../../package.json";
import { type DoctorReport, type Finding } from "../../../schemas/doctor.ts";
import { command, durationOption, print, table } from "../command.ts";
import { databaseChecks } from "../doctor-databases.ts";
import { certificateChecks, httpChecks, kafkaChecks, keyChecks } from "../doctor-servers.ts";
import { EXIT, exitNow } from "../exit.ts";
import { OpenSources } from "../overview-sources.ts";
import { Environment, loadSettings, type SettingName, type Settings } from "../settings.ts";

const HELP = `
It checks settings, databases (version, clock, migrations, partitions, disk), Kafka (topics, lag), Redis and its Sentinels, roles and their versions, HTTP
servers, certificates, sealing keys, outboxes, dead letters, sagas, payments and mails, and says for each finding what to do. What has no
address is not checked. Exit 0: no problem, warnings are possible. Exit 1: a problem, or nothing could be checked.`;

export const doctorCommand = command(
  "doctor",
  "check servers, settings and work that waits, and say what to do",
)
  .addOption(durationOption("--timeout <duration>", "time limit of each check", "8s"))
  .addHelpText("after", HELP)
  .action(async (options) => {
    const report = await examination(options.stack, options.timeout * 1_000);
    print(options, report, () => asText(report));
    await exitNow(report.ok ? EXIT.ok : EXIT.problem);
  });

async function examination(stack: string | true | undefined, timeoutMs: number): Promise<DoctorReport> {
  const now = systemClock.now();
  let settings: Settings;
  try {
    settings = loadSettings(stack);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const todo = "correct it; nothing else was checked";
    const faults = error.faults.map((says) =>
      finding("settings", "environment", { verdict: "problem", says, todo }),
    );
    return reportOf(faults, { now, version });
  }
  // Here, because the client of Redis takes long to load.
  const { redisChecks } = await import("../doctor-redis.ts");
  // Not disposed of: see the exit above.
  const open = new OpenSources(settings);
  const startOf = settings.areOfStack ? restartCommandOf : startCommandOf;
  const work = async () =>
    judgeWork(await collectOverview({ ...open.sources, timeoutMs: timeoutMs * 0.8 }), version, startOf);
  const checks = [
    ...databaseChecks(settings, open),
    ...kafkaChecks(settings, open),
    ...redisChecks(settings),
    ...httpChecks(settings),
    ...certificateChecks(settings, SETTING_NAMES),
    ...keyChecks(settings),
    { check: "work", subject: "overview", run: work },
  ];
  const findings = await examine(checks, timeoutMs);
  return reportOf([...unset(settings), ...findings], { now, version });
}

/** Of a local stack; it also starts what is down. */
function restartCommandOf(name: string): string {
  return `npm run stack restart ${name}`;
}

const SETTING_NAMES = Object.keys(Environment.properties).filter(
  (name): name is SettingName => name in Environment.properties,
);

/** Servers that cannot be checked, because their address is not set. */
function unset(settings: Settings): readonly Finding[] {
  return SETTING_NAMES.filter((name) => CHECKED.test(name) && settings.optional(name) === undefined).map(
    (name) =>
      finding("settings", name, {
        verdict: "not checked",
        says: `${Environment.properties[name].description}: the address is not set`,
        todo: `set ${name}`,
      }),
  );
}

const CHECKED =
  /_DATABASE_URL$|^(KAFKA_BROKERS|REDIS_URL|GATEWAY_URL|ORCHESTRATOR_URL|INVENTORY_URL|ORDER_URL)$/;

function asText({ findings, counts, ok }: DoctorReport): string {
  const rank = (one: Finding) => ["problem", "warning", "not checked", "ok"].indexOf(one.verdict);
  const sorted = findings.toSorted((one, other) => rank(one) - rank(other));
  const todos = sorted.filter(({ verdict, todo }) => todo !== null && verdict !== "ok");
  const headline = ok ? "no problem found" : counts.problem > 0 ? "PROBLEMS FOUND" : "NOTHING WAS CHECKED";
  const tally = `${counts.problem} problems, ${counts.warning} warnings, ${counts.ok} ok, ${counts.not_checked} not checked`;
  return [
    table(
      ["VERDICT", "CHECK", "OF", "FOUND"],
      sorted.map(({ verdict, check, subject, says }) => [verdict, check, subject, says]),
    ),
    ...(todos.length === 0
      ? []
      : [
          table(
            ["WHAT TO DO ABOUT", "OF", "DO"],
            todos.map(({ check, subject, todo }) => [check, subject, todo]),
          ),
        ]),
    `${headline}: ${tally}`,
  ].join("\n\n");
}
