// `checkoutctl audit`: checks the invariants over the live system and the provider's ledger.
import { Option } from "@commander-js/extra-typings";
import { audit, type AuditReport } from "../../../internal/audit/audit.ts";
import { joined, readJournal, readLedger, readPayPalLedger } from "../../../internal/audit/json-lines.ts";
import { countText, plural } from "../../../internal/kernel/counted.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { command, duration, durationOption, instant, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings, type Settings } from "../settings.ts";

/** Per invariant, in the text output. One cause often breaks an invariant for many sagas. */
const MAX_FINDINGS_SHOWN = 10;

export const auditCommand = command(
  "audit",
  "check every invariant over databases, topics and the provider's ledger",
)
  .option("--journal <file>", "JSON lines with the saga_id of every 202 response: each saga must exist")
  .addOption(
    new Option(
      "--expect-idle [duration]",
      "expect an idle system within this time (default 10s): anything still open is then a violation",
    )
      .preset("10s")
      .argParser(duration),
  )
  .addOption(
    durationOption("--settle <duration>", "judge a saga after it has been finished for this long", "5s"),
  )
  .action(async (options) => {
    const settings = loadSettings(options.stack);
    await using connections = new Connections(settings);
    const { journal } = options;
    const idleWithinMs = options.expectIdle === undefined ? null : options.expectIdle * 1_000;
    const report = await audit(
      {
        databases: await connections.databases(),
        readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
        ledger: () => ledgersOf(settings),
        ...(journal === undefined ? {} : { journal: () => readJournal(journal) }),
      },
      { settleMs: options.settle * 1_000, idleWithinMs },
    );
    print(options, report, () => asText(report));
    if (!report.ok) process.exitCode = EXIT.refused;
  });

/** The simulated PayPal is judged where its ledger is set. */
function ledgersOf(settings: Settings) {
  const cards = readLedger(settings.ledger());
  const payPal = settings.optional("PAYPAL_LEDGER_FILE");
  return payPal === undefined ? cards : joined(cards, readPayPalLedger(payPal));
}

function asText(report: AuditReport): string {
  const { sagas, messages, invariants, open } = report;
  const statuses = Object.entries(sagas.by_status).filter(([, count]) => count > 0);
  const findings = invariants.flatMap((invariant) => {
    const shown = invariant.findings.slice(0, MAX_FINDINGS_SHOWN);
    const left = invariant.violations - shown.length;
    return [
      ...shown.map(({ saga_id, detail }) => `${invariant.name}: ${saga_id ?? "-"}: ${detail}`),
      ...(left > 0 ? [`${invariant.name}: and ${left} more (--json lists more)`] : []),
    ];
  });
  const violations = invariants.reduce((sum, one) => sum + one.violations, 0);
  const work = [
    ["sagas", open.sagas] as const,
    ...Object.entries(open.unpublished).map(([name, rows]) => [`unpublished in ${name}`, rows] as const),
    ...Object.entries(open.retries).map(([name, rows]) => [`retries in ${name}`, rows] as const),
    ["dead letters", open.dead_letters] as const,
  ].filter(([, { count }]) => count > 0);
  const sections = [
    `${plural(sagas.total, "saga")} (${statuses.map(([status, count]) => `${countText(count)} ${status}`).join(", ")}), ${countText(sagas.judged)} finished and judged
${plural(messages.in_outboxes, "message")} in outboxes, ${countText(messages.in_topics)} in topics`,
    table(
      ["INVARIANT", "VIOLATIONS", "SENTENCE"],
      invariants.map((one) => [one.name, one.violations, one.sentence]),
    ),
    findings.join("\n"),
    foreignText(report),
    work.length === 0
      ? ""
      : table(
          ["OPEN", "COUNT", "OLDEST"],
          work.map(([name, { count, oldest_at }]) => [name, count, instant(oldest_at)]),
        ),
    report.not_checked.map((sentence) => `not checked: ${sentence}`).join("\n"),
    violations === 0 ? "audit clean: every invariant holds" : `audit FAILED: ${violations} violations`,
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

/** One line for each discard: one run may discard thousands of messages. */
function foreignText({ foreign }: AuditReport): string {
  if (foreign.count === 0) return "";
  const runs = Map.groupBy(
    foreign.messages,
    (one) => `${one.discarded_by} on ${instant(one.discarded_at)}: ${one.reason}`,
  );
  const lines = [...runs].slice(0, MAX_FINDINGS_SHOWN).map(([who, [first, ...others]]) => {
    if (first === undefined) return "";
    const place = `${first.topic}[${first.partition}]@${first.offset}`;
    return `  ${place}${others.length > 0 ? ` and ${others.length} more` : ""}, discarded by ${who}`;
  });
  const left = runs.size > lines.length ? ["  and more (--json lists more)"] : [];
  const what = `${foreign.count} foreign messages, which no role of ours wrote; their dead letters were discarded:`;
  return [what, ...lines, ...left].join("\n");
}
