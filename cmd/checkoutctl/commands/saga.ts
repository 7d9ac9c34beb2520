// `checkoutctl saga`: lists sagas, shows the history of one, cancels one, traces one.
import { Option } from "@commander-js/extra-typings";
import { awaitedCommand } from "../../../internal/orchestrator/stuck.ts";
import { commandOfStep } from "../../../internal/orchestrator/order-cancellation.ts";
import {
  findNeedyCancellations,
  findStuck,
  type NeedyCancellation,
  type StuckSaga,
} from "../../../internal/orchestrator/stuck-store.ts";
import { cancelSaga, traceSaga } from "../../../internal/operations/orchestrator.ts";
import { findOrder } from "../../../internal/operations/order-store.ts";
import { listSagas, type SagaSummary } from "../../../internal/operations/saga-store.ts";
import { type SagaStory, sagaStory } from "../../../internal/operations/saga-story.ts";
import type { OpenDatabases } from "../../../internal/operations/reach.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { SAGA_STATUSES } from "../../../schemas/http.ts";
import {
  command,
  count,
  duration,
  group,
  instant,
  money,
  operatorCommand,
  print,
  statusOption,
  table,
  tellMissing,
  uuid,
} from "../command.ts";
import { Connections } from "../connections.ts";
import { serviceAt } from "../operator.ts";
import { loadSettings, type Settings } from "../settings.ts";
import { findCommand } from "./saga-find.ts";
import { rebuildCommand } from "./saga-rebuild.ts";

const ls = command("ls", "list sagas, newest first")
  .addOption(statusOption(SAGA_STATUSES, "only sagas with this status"))
  .option("--limit <count>", "maximum number of sagas", count, 20)
  .addOption(
    new Option(
      "--stuck [duration]",
      "only sagas in progress that have not moved for this long (default 5m), longest first, and what they wait for; then cancelled orders whose cancellation needs an operator",
    )
      .preset("5m")
      .argParser(duration)
      .conflicts("status"),
  )
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    if (options.stuck !== undefined) {
      const before = Date.now() - options.stuck * 1_000;
      const sql = await connections.database("saga");
      const stuck = await findStuck(sql, before, options.limit);
      const cancellations = await findNeedyCancellations(sql, options.limit);
      const listed = [
        ...stuck.map((saga) => ({ ...saga, waits_for: awaitedCommand(saga) })),
        ...cancellations.map((one) => ({ ...one, waits_for: commandOfStep(one.step) })),
      ];
      return print(options, listed, () => stuckAsText(listed));
    }
    const filter = { status: options.status ?? null, limit: options.limit };
    const sagas = await listSagas(await connections.database("saga"), filter);
    print(options, sagas, () =>
      table(
        ["SAGA", "STATUS", "STEP", "FAILURE", "TOTAL", "CREATED", "TOOK"],
        sagas.map((saga) => [
          saga.saga_id,
          saga.status,
          stepOf(saga),
          saga.failure_code,
          money(saga.total_cents, saga.currency),
          instant(saga.created_at),
          saga.completed_at === null ? null : `${Math.round(saga.completed_at - saga.created_at)} ms`,
        ]),
      ),
    );
  });

type Listed = (StuckSaga | NeedyCancellation) & { readonly waits_for: string };

function stuckAsText(stuck: readonly Listed[]): string {
  if (stuck.length === 0) return "no saga is stuck";
  return table(
    ["SAGA", "STATUS", "STEP", "WAITS FOR THE REPLY TO", "SINCE", "RESENT", "NEEDS AN OPERATOR"],
    stuck.map((saga) => [
      saga.saga_id,
      saga.status,
      saga.status === "CANCELLING" ? saga.step : stepOf(saga),
      saga.waits_for,
      instant(saga.status === "CANCELLING" ? saga.created_at : saga.progress_at),
      saga.resend_count,
      saga.needs_operator ? "yes" : "no",
    ]),
  );
}

const show = command(
  "show",
  "show one saga's history from the four databases; one that does not answer is named",
)
  .argument("<saga-id>", "the saga's id, or its order's", uuid)
  .action(async (id, options) => {
    const settings = loadSettings(options.stack);
    await using connections = new Connections(settings);
    const databases = connections.opening();
    const story = (await sagaStory(databases, id)) ?? (await storyOfOrder(databases, id));
    if (story === null)
      throw new AppError("MESSAGE_INVALID", `there is no saga ${id}, and no order with this id`);
    if (story.saga.saga_id !== id)
      process.stderr.write(`checkoutctl: ${id} is an order; this is its saga, ${story.saga.saga_id}\n`);
    tellMissing(story.missing);
    const trace_url = traceUrl(settings, story.trace_id);
    print(options, { ...story, trace_url }, () => asText(story, trace_url));
  });

/** Null without TRACE_URL_TEMPLATE or without a trace. */
function traceUrl(settings: Settings, traceId: string | null): string | null {
  const template = settings.optional("TRACE_URL_TEMPLATE");
  return template === undefined || traceId === null ? null : template.replaceAll("{trace_id}", traceId);
}

async function storyOfOrder(databases: OpenDatabases, orderId: string): Promise<SagaStory | null> {
  const order = await findOrder(await databases.order(), orderId);
  return order === undefined ? null : sagaStory(databases, order.saga_id);
}

const cancel = operatorCommand("cancel", "cancel a saga and undo everything it has done")
  .argument("<saga-id>", "the saga's id", uuid)
  .action(async (sagaId, { reason, ...options }) => {
    const orchestrator = await serviceAt(loadSettings(options.stack), "ORCHESTRATOR_URL");
    const answer = await cancelSaga(orchestrator, sagaId, { reason });
    print(options, answer, () => {
      const { status, failure_code, failure_message, compensation_step } = answer;
      const step = compensation_step === null ? "" : `, undoing ${compensation_step}`;
      const what = answer.cancelled_now ? "is being undone" : "was compensating already, nothing was changed";
      return `saga ${sagaId} ${what}: ${status}${step}, ${failure_code}: ${failure_message}`;
    });
  });

const trace = operatorCommand("trace", "trace a saga from now on, in every role")
  .argument("<saga-id>", "the saga's id", uuid)
  .action(async (sagaId, { reason, ...options }) => {
    const settings = loadSettings(options.stack);
    const answer = await traceSaga(await serviceAt(settings, "ORCHESTRATOR_URL"), sagaId, { reason });
    const trace_url = traceUrl(settings, answer.trace_id);
    print(options, { ...answer, trace_url }, () => {
      const what = answer.started_now ? "is traced from now on" : "was traced before";
      return `saga ${sagaId} ${what}: ${trace_url ?? `trace ${answer.trace_id}`}`;
    });
  });

export const sagaCommand = group("saga", "checkouts, in progress and finished")
  .addCommand(ls)
  .addCommand(findCommand)
  .addCommand(show)
  .addCommand(cancel)
  .addCommand(trace)
  .addCommand(rebuildCommand);

function asText(
  { saga, trace_id, reservation, money: rows, alerts, orders, timeline }: SagaStory,
  traceAddress: string | null,
): string {
  const [line] = reservation;
  const facts: [string, string | null][] = [
    ["saga", saga.saga_id],
    ["shopper", saga.user_id],
    ["status", `${saga.status}, ${stepOf(saga)}${saga.needs_operator ? ", NEEDS AN OPERATOR" : ""}`],
    ["failure", saga.failure_code === null ? null : `${saga.failure_code}: ${saga.failure_message ?? ""}`],
    ["total", money(saga.total_cents, saga.currency)],
    ["next deadline", instant(saga.deadline_at)],
    ["trace", traceAddress ?? trace_id],
    ["reservation", line === undefined ? null : `${line.reservation_id} ${line.status}`],
    ...rows.map((row): [string, string] => [
      row.kind,
      `${row.id} ${row.status}${row.error_code === null ? "" : `, ${row.error_code}`}`,
    ]),
    ...alerts.map(({ kind, detail, closed_at }): [string, string] => [
      closed_at === null ? "ALERT" : "closed alert",
      `${kind}: ${detail}`,
    ]),
    ...orders.map((order): [string, string] => ["order", `${order.order_id} ${order.status}`]),
  ];
  const known = facts.filter(([, value]) => value !== null);
  return [
    table(["", ""], known).trimStart(),
    table(
      ["AT", "WHO", "WHAT"],
      timeline.map(({ at, who, what }) => [instant(at), who, what]),
    ),
  ].join("\n\n");
}

function stepOf({
  current_step,
  compensation_step,
}: Pick<SagaSummary, "current_step" | "compensation_step">): string {
  return compensation_step === null ? current_step : `undoing ${compensation_step}`;
}
