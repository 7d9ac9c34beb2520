// `checkoutctl repair`: repairs databases that lack their last moments, for example an asynchronous standby that was promoted. It finds by
// itself what is missing and since when, shows a plan, asks, and runs the rebuilds in their order.
import { Option } from "@commander-js/extra-typings";
import { DEFAULT_ACTION_MS } from "../../../internal/orchestrator/action.ts";
import { MAIL_SENT_AGAIN_MS, sendMailsAgain } from "../../../internal/operations/repair-mails.ts";
import {
  type Examined,
  examine,
  repair,
  type RepairContext,
  stillRunning,
  type Who,
} from "../../../internal/operations/repair.ts";
import { planText } from "../../../internal/operations/repair-plan.ts";
import { systemClock } from "../../../internal/platform/clock.ts";
import { readJournal } from "../../../internal/audit/json-lines.ts";
import { statusesOf } from "../../../internal/operations/repair-store.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { DEFAULT_PROVIDER } from "../../../internal/services/payment/payment.ts";
import { DATABASES } from "../../../schemas/migrations.ts";
import { askOnTerminal } from "../ask-on-terminal.ts";
import { count, operatorCommand, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { listing } from "../listing.ts";
import { EXIT } from "../exit.ts";
import { AFTER_REPAIR, isLeft, nextAfter, repairedText } from "../repaired.ts";
import { loadSettings } from "../settings.ts";
import { rebuildFrom } from "./saga-rebuild.ts";

/** The parts of one batch of a consumer are committed within this time. */
const SETTLE_MS = 1_000;

/** What it prints with --json, before it has found or done anything. */
const NOTHING = {
  running: [],
  confirm: 0,
  databases: [],
  nowhere: [],
  repaired: [],
  next: null,
  mails: null,
};

export const repairCommand = operatorCommand(
  "repair",
  "after a failover to a standby that was behind: find what each database lost, and put it right",
)
  .addOption(
    new Option("--database <name>", "only this database (default: the four that keep messages)").choices([
      ...DATABASES,
      "notification",
    ] as const),
  )
  .option("--dry-run", "only show what was lost, what would be done, and what to confirm")
  .option(
    "--journal <file>",
    "JSON lines with the saga_id of every 202 response: names those that left no trace",
  )
  .addOption(
    new Option(
      "--confirm <count>",
      "confirm the number of messages that the dry run printed (default: asked on a terminal)",
    ).argParser(count),
  )
  .addHelpText(
    "after",
    "\nStop the orchestrator and the services of the databases first; a relay must run. It finds by itself since when\nsomething is missing, from Kafka and the inboxes. It may be interrupted and repeated. It exits 3 if something is left for a person, and says what.\n`--database notification` sends the mails of the last 23 hours again; those that Redis knows as sent do not go out twice.",
  )
  .action(async ({ database, dryRun = false, confirm, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const who = { actor, reason };
    if (database === "notification") return repairMails(connections, { ...who, dryRun }, options);
    const context = await contextOf(connections, who);
    const examined = await examine(context, database ?? null);
    const { plan } = examined;
    const running = plan.databases.length === 0 ? [] : await stillRunning(context, plan);
    const nowhere = await nowhereAmong(context, examined, options.journal);
    const found = { running, confirm: plan.count, databases: plan.databases, nowhere };
    const report = { ...NOTHING, ...found, dry_run: dryRun };
    if (nowhere.length > 0) process.exitCode = EXIT.refused;
    if (plan.databases.length === 0)
      return print(options, report, () => [planText(plan), ...nowhere.map(nowhereText)].join("\n\n"));
    if (dryRun)
      return print(options, { ...report, next: AFTER_REPAIR }, () =>
        [
          planText(plan),
          ...nowhere.map(nowhereText),
          ...running.map((one) => `stop first: ${one}`),
          `Start it: checkoutctl repair --reason TEXT --confirm ${plan.count}`,
        ].join("\n\n"),
      );
    if (!(await isConfirmed(examined, confirm))) {
      process.stderr.write(
        `${planText(plan)}\ncheckoutctl: nothing was changed: this needs --confirm ${plan.count}\n`,
      );
      process.exitCode = EXIT.refused;
      return;
    }
    const repaired = await repair(context, examined, who);
    const next = nextAfter(repaired);
    print(options, { ...report, repaired, next }, () =>
      [...repaired.map(repairedText), ...nowhere.map(nowhereText), next].join("\n\n"),
    );
    if (isLeft(repaired)) process.exitCode = EXIT.refused;
  });

async function repairMails(
  connections: Connections,
  { dryRun, ...who }: Who & { readonly dryRun: boolean },
  options: { readonly json?: true | undefined },
): Promise<void> {
  const saga = await connections.database("saga");
  const newId = () => Bun.randomUUIDv7();
  const mails = await sendMailsAgain({ saga, now: Date.now(), newId, dryRun, ...who });
  const hours = MAIL_SENT_AGAIN_MS / 3_600_000;
  print(
    options,
    { ...NOTHING, dry_run: dryRun, mails },
    () =>
      `${mails} mails of the last ${hours} h ${dryRun ? "would be" : "are"} sent again, unless Redis knows them as sent`,
  );
}

/**
 * Checkouts of the journal that neither the saga database nor Kafka knows: their 202 was sent, and their first message never left the lost
 * primary. Only the journal knows them.
 */
async function nowhereAmong(
  { databases }: RepairContext,
  { losses }: Examined,
  journal: string | undefined,
): Promise<readonly string[]> {
  if (journal === undefined) return [];
  const promised = await Array.fromAsync(readJournal(journal));
  const known = await statusesOf(databases.saga, promised);
  const traced = new Set(losses.flatMap(({ lost }) => lost.map(({ saga_id }) => saga_id)));
  return promised.filter((id) => !known.has(id) && !traced.has(id));
}

function nowhereText(id: string): string {
  return `NOT repaired: checkout ${id} was answered with 202, and nothing of it is left: its shopper was not charged and must order again`;
}

async function contextOf(connections: Connections, who: Who): Promise<RepairContext> {
  return {
    databases: await connections.databases(),
    readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
    settle: () => Bun.sleep(SETTLE_MS),
    rebuildSagas: () =>
      rebuildFrom(connections, {
        forwardDeadlineMs: null,
        actionDeadlineMs: DEFAULT_ACTION_MS,
        dryRun: false,
        ...who,
      }),
    providers: async () => [...(await connections.providers())].map(listing),
    provider: DEFAULT_PROVIDER,
    clock: systemClock,
    newId: () => Bun.randomUUIDv7(),
  };
}

/** A count that was given must be the one of now: roles that still run change it. */
async function isConfirmed({ plan }: Examined, given: number | undefined): Promise<boolean> {
  // Nothing to send or write back: only an interrupted repair to finish.
  if (plan.count === 0) return true;
  if (given !== undefined || !process.stdin.isTTY) return given === plan.count;
  const typed = await askOnTerminal(`${planText(plan)}\n\nType the count, ${plan.count}, to start: `);
  return typed === String(plan.count);
}
