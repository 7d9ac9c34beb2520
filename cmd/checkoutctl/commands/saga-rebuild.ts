// `checkoutctl saga rebuild`: brings a saga database up to date after it was restored from a backup.
import { plural } from "../../../internal/kernel/counted.ts";
import { DEFAULT_ACTION_MS } from "../../../internal/orchestrator/action.ts";
import {
  type RebuildReport,
  rebuildSagas,
  type RebuiltSaga,
} from "../../../internal/orchestrator/rebuild-run.ts";
import { ordersOfSagas } from "../../../internal/operations/order-store.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { durationFlag, durationOption, operatorCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

/** How an undo is sent again at first. After that the orchestrator's settings apply. */
const RESENDS = {
  resendFirstMs: 10_000,
  resendCapMs: 60_000,
  resendsBeforeOperator: 5,
};

export const rebuildCommand = operatorCommand(
  "rebuild",
  "after a restore of the saga database from a backup: bring it up to date from Kafka and the orders",
)
  .option("--dry-run", "only show what would be done")
  .addOption(
    durationFlag(
      "--forward-deadline <duration>",
      "the orchestrator's FORWARD_DEADLINE_MS, for sagas on their forward path; only needed if it was changed after the last checkouts",
    ),
  )
  .addOption(
    durationOption(
      "--action-deadline <duration>",
      "the orchestrator's ACTION_DEADLINE_MS, for sagas that wait for their shopper, if no message has the end of that wait",
      `${DEFAULT_ACTION_MS / 1_000}s`,
    ),
  )
  .addHelpText(
    "after",
    "\nUntil this has run, deadlines do not fire on the restored database and new checkouts are rejected. It can be repeated.\nKafka keeps the sagas' messages for three days; of older sagas only the orders remain.",
  )
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const { dryRun = false, reason, forwardDeadline, actionDeadline } = options;
    const report = await rebuildFrom(connections, {
      forwardDeadlineMs: forwardDeadline === undefined ? null : forwardDeadline * 1_000,
      actionDeadlineMs: actionDeadline * 1_000,
      actor,
      reason,
      dryRun,
    });
    print(options, { dry_run: dryRun, ...report }, () => asText(report, dryRun));
    if (report.not_rebuilt.length + report.cancellations.not_rebuilt.length > 0)
      process.exitCode = EXIT.refused;
  });

export interface RebuildRequest {
  /** Null: the messages tell it. */
  readonly forwardDeadlineMs: number | null;
  readonly actionDeadlineMs: number;
  readonly actor: string;
  readonly reason: string;
  readonly dryRun: boolean;
}

/** Also a step of `checkoutctl repair`. */
export async function rebuildFrom(
  connections: Connections,
  { forwardDeadlineMs, actionDeadlineMs, ...request }: RebuildRequest,
): Promise<RebuildReport> {
  const database = await connections.postgres("saga");
  const orders = await connections.database("order");
  return rebuildSagas({
    database,
    readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
    ordersOf: (sagaIds) => ordersOfSagas(orders, sagaIds),
    clock: { now: () => Date.now() },
    newId: () => Bun.randomUUIDv7(),
    policy: { ...RESENDS, forwardDeadlineMs, actionDeadlineMs },
    ...request,
  });
}

const DEADLINE_SOURCES = {
  given: "",
  messages: ", as the messages say",
  assumed: ", the default: no message has it, so check FORWARD_DEADLINE_MS and give --forward-deadline",
} as const;

function asText(
  { lost_messages, sagas, cancellations, missed_events, not_rebuilt, forward_deadline }: RebuildReport,
  isDry: boolean,
): string {
  const would = isDry ? "would be " : "";
  const taken = sagas.filter(({ key_taken }) => key_taken);
  return [
    ...(sagas.length === 0 ? [] : [table(["SAGA", "FROM", "TO", "SENDS"], sagas.map(rowOf))]),
    `${plural(lost_messages, "lost message")} ${would}written back, ${plural(sagas.length, "saga")} ${would}rebuilt`,
    ...(cancellations.rebuilt.length === 0
      ? []
      : [
          `${plural(cancellations.rebuilt.length, "cancellation of an order", "cancellations of orders")} ${would}rebuilt, each at its last step`,
        ]),
    `${plural(missed_events, "event")} to finished sagas, and about shipping, ${would}taken`,
    `open ones get ${forward_deadline.ms / 1_000} s${DEADLINE_SOURCES[forward_deadline.source]}`,
    ...taken.map(
      ({ saga_id }) =>
        `${saga_id}: the shopper has sent this checkout again in the meantime; check whether both are wanted`,
    ),
    ...cancellations.not_rebuilt.map((what) => `CANNOT be rebuilt: ${what}`),
    ...not_rebuilt.map((id) => `${id} CANNOT be rebuilt: no message shows what the shopper ordered`),
  ].join("\n");
}

function rowOf({ saga_id, from, to, says }: RebuiltSaga) {
  return [saga_id, from ?? "lost", to, says.join(", ")];
}
