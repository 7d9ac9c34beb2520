// `checkoutctl saga rebuild`: a saga database that was restored from a backup is brought up to the present.
import {
  type RebuildReport,
  rebuildSagas,
  type RebuiltSaga,
} from "../../../internal/orchestrator/rebuild-run.ts";
import { confirmedOrders } from "../../../internal/operations/order-store.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { operatorCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

/** What is still under way gets as much time as a new checkout; the orchestrator's settings rule from then on. */
const POLICY = {
  forwardDeadlineMs: 30_000,
  resendFirstMs: 10_000,
  resendCapMs: 60_000,
  resendsBeforeOperator: 5,
};

export const rebuildCommand = operatorCommand(
  "rebuild",
  "bring a saga database that was restored from a backup up to date, out of Kafka and the orders",
)
  .option("--dry-run", "only say what would be done")
  .addHelpText(
    "after",
    "\nDeadlines do not act on such a database, and no checkout is taken, until this is done. It may be done again.\nKafka keeps three days of what sagas said; of older ones only confirmed orders are left.",
  )
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const { dryRun = false, actor, reason } = options;
    const database = await connections.postgres("saga");
    const orders = await connections.database("order");
    const report = await rebuildSagas({
      database,
      readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
      ordersOf: (sagaIds) => confirmedOrders(orders, sagaIds),
      clock: { now: () => Date.now() },
      newId: () => Bun.randomUUIDv7(),
      policy: POLICY,
      actor,
      reason,
      dryRun,
    });
    print(options, { dry_run: dryRun, ...report }, () => asText(report, dryRun));
    if (report.not_rebuilt.length > 0) process.exitCode = EXIT.refused;
  });

function asText({ lost_messages, sagas, not_rebuilt }: RebuildReport, isDry: boolean): string {
  const would = isDry ? "would be " : "";
  const taken = sagas.filter(({ key_taken }) => key_taken);
  return [
    ...(sagas.length === 0 ? [] : [table(["SAGA", "FROM", "TO", "SAYS"], sagas.map(rowOf))]),
    `${lost_messages} messages that this database had lost ${would}written back, ${sagas.length} sagas ${would}rebuilt`,
    ...taken.map(
      ({ saga_id }) =>
        `${saga_id}: its shopper has sent the checkout again meanwhile, look whether both are wanted`,
    ),
    ...not_rebuilt.map((id) => `${id} CANNOT be rebuilt: nothing tells what its shopper wanted`),
  ].join("\n");
}

function rowOf({ saga_id, from, to, says }: RebuiltSaga) {
  return [saga_id, from ?? "lost", to, says.join(", ")];
}
