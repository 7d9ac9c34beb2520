// Rebuilds orders after their database was restored from a backup. Shipments and deliveries since then were HTTP calls, so no command
// brings them back; and an order that is CONFIRMED again could be sent twice, or be cancelled by a repeated command although its parcel
// is on its way. So every order gets the state that the traces show (order-rebuild-plan.ts), and commands with a reply are not decided
// again. Nothing is sent. Called by `checkoutctl order rebuild`.
//
// The traces: the order service's own events, which `outbox restore` wrote back from Kafka; and, for what Kafka has dropped, the saga
// database: the audit trail, the mails of the last days, the cancellations and the checkouts themselves.
import type { Sql } from "postgres";
import type { Tracking } from "../../schemas/fields.ts";
import type { OrderStatus } from "../../schemas/http.ts";
import { enterInbox, findInInbox } from "../messaging/inbox.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { keysetPages } from "./keyset-pages.ts";
import {
  type OpenPoint,
  type OrderTraces,
  planOrder,
  type PlannedOrder,
  type ShippingAct,
} from "./order-rebuild-plan.ts";
import {
  cancelledOrders,
  endedSagas,
  erasedShoppers,
  mailedTracking,
  makeOrders,
  moveOrders,
  type OrderCommand,
  orderCommands,
  orderedSagas,
  shippingActs,
  storedOrders,
  toldEvents,
  type ToldRow,
} from "./order-rebuild-store.ts";

/** Orders in one transaction. */
const BATCH = 1_000;
/** Messages in one read. */
const PAGE = 5_000;

export interface OrderRebuildOptions {
  readonly order: Sql;
  /** Has the commands, the checkouts, the cancellations and the audit trail. */
  readonly saga: Sql;
  /** Epoch ms. Uses what happened since then. */
  readonly since: number;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
  /** Reports what would be done, and changes nothing. */
  readonly dryRun: boolean;
}

export interface RebuiltOrder {
  readonly order_id: string;
  readonly saga_id: string;
  /** Null when the database did not know it. */
  readonly from: OrderStatus | null;
  readonly to: OrderStatus;
  readonly tracking: Tracking | null;
}

export interface OrderRebuildReport {
  readonly run_id: string;
  readonly orders: readonly RebuiltOrder[];
  /** Commands that had their reply, which the database did not know. */
  readonly answered: number;
  /** What no source can give back, or what a person must decide. */
  readonly open: readonly OpenPoint[];
  /** Orders that somebody else changed meanwhile, and that stay as they are. */
  readonly skipped: readonly string[];
  /** Shoppers whose erasure the restored database does not know. */
  readonly erased_shoppers: readonly string[];
}

/** Safe to repeat: a second run changes nothing. */
export async function rebuildOrders(options: OrderRebuildOptions): Promise<OrderRebuildReport> {
  const { order, saga, since, newId, dryRun } = options;
  const traces = await readTraces(options);
  const report = {
    run_id: newId(),
    orders: [] as RebuiltOrder[],
    answered: 0,
    open: [] as OpenPoint[],
    skipped: [] as string[],
    erased_shoppers: await erasedShoppers(saga, since),
  };
  const ids = [...traces.keys()].toSorted();
  for (let start = 0; start < ids.length; start += BATCH) {
    const part = ids.slice(start, start + BATCH);
    const stored = new Map((await storedOrders(order, part)).map((row) => [row.saga_id, row]));
    const sagas = new Map((await orderedSagas(saga, part)).map((row) => [row.saga_id, row]));
    const plans = part.map((saga_id) =>
      planOrder(stored.get(saga_id) ?? null, {
        ...(traces.get(saga_id) ?? noTraces(saga_id)),
        saga: sagas.get(saga_id) ?? null,
      }),
    );
    const answered = part.flatMap((saga_id) =>
      answeredCommands(traces.get(saga_id) ?? noTraces(saga_id), sagas.get(saga_id)?.status === "COMPLETED"),
    );
    report.open.push(...plans.flatMap(({ open }) => open));
    const changed = plans.flatMap(rebuiltOf);
    if (dryRun) {
      report.orders.push(...changed);
      report.answered += answered.length - (await findInInbox(order, answered)).size;
      continue;
    }
    const applied = await apply(options, plans, answered);
    report.answered += applied.answered;
    const done = changed.filter(({ order_id }) => applied.done.has(order_id));
    report.orders.push(...done);
    for (const { order_id } of changed) if (!applied.done.has(order_id)) report.skipped.push(order_id);
    if (done.length > 0)
      await recordActions(
        saga,
        done.map((one) => lineOf(one, options, report.run_id)),
      );
  }
  return report;
}

/** One transaction: an order is never without its commands' marks. */
function apply({ order }: OrderRebuildOptions, plans: readonly PlannedOrder[], answered: readonly string[]) {
  const changes = plans.flatMap(({ change }) => (change === null ? [] : [change]));
  const made = changes.flatMap((change) => (change.kind === "made" ? [change.order] : []));
  const moves = changes.flatMap((change) => (change.kind === "moved" ? [change] : []));
  return order.begin(async (tx) => {
    const done = new Set<string>();
    if (made.length > 0) for (const id of await makeOrders(tx, made)) done.add(id);
    if (moves.length > 0) for (const id of await moveOrders(tx, moves)) done.add(id);
    return { done, answered: answered.length === 0 ? 0 : (await enterInbox(tx, answered)).size };
  });
}

/** Traces as they are read: with the commands, and without the checkout. */
interface ReadTraces extends Omit<OrderTraces, "saga"> {
  readonly told: ToldRow[];
  readonly acts: ShippingAct[];
  readonly commands: OrderCommand[];
  mailed: Tracking | null;
  cancelled_at: number | null;
  cancel_id: string | null;
}

async function readTraces({ order, saga, since }: OrderRebuildOptions): Promise<Map<string, ReadTraces>> {
  const traces = new Map<string, ReadTraces>();
  const of = (saga_id: string): ReadTraces => {
    const known = traces.get(saga_id) ?? noTraces(saga_id);
    traces.set(saga_id, known);
    return known;
  };
  const events = (after: string) => toldEvents(order, since, after, PAGE);
  for await (const page of keysetPages(events, (row) => row.event_id, PAGE))
    for (const event of page) of(event.saga_id).told.push(event);
  const commands = (after: string) => orderCommands(saga, since, after, PAGE);
  for await (const page of keysetPages(commands, (row) => row.message_id, PAGE))
    for (const sent of page) {
      const one = of(sent.saga_id);
      one.commands.push(sent);
      if (sent.type === "CancelOrder") one.cancel_id ??= sent.message_id;
    }
  for (const act of await shippingActs(saga, since)) of(act.saga_id).acts.push(act);
  for (const { saga_id, tracking } of await mailedTracking(saga, since)) of(saga_id).mailed = tracking;
  for (const { saga_id, at } of await cancelledOrders(saga, since)) of(saga_id).cancelled_at = at;
  for (const saga_id of await endedSagas(saga, since)) of(saga_id);
  return traces;
}

function noTraces(saga_id: string): ReadTraces {
  return { saga_id, told: [], acts: [], commands: [], mailed: null, cancelled_at: null, cancel_id: null };
}

/** Commands whose reply the outbox has. A completed checkout waits for no reply to its CreateOrder. */
function answeredCommands({ told, commands }: ReadTraces, isCompleted: boolean): readonly string[] {
  return commands
    .filter(({ type, message_id, idempotency_key }) =>
      type === "CreateOrder"
        ? isCompleted ||
          told.some(
            (event) =>
              event.type === "OrderCreated" ||
              event.type === "OrderFailed" ||
              (event.type === "CommandRefused" && event.command_id === message_id),
          )
        : told.some(
            (event) =>
              event.type === "OrderCancelled" ||
              (event.type === "OrderCancelRefused" &&
                (event.idempotency_key === null || event.idempotency_key === idempotency_key)),
          ),
    )
    .map(({ message_id }) => message_id);
}

function rebuiltOf({ change }: PlannedOrder): readonly RebuiltOrder[] {
  if (change === null) return [];
  const after = change.kind === "made" ? change.order : change.after;
  const { order_id, saga_id, status, tracking } = after;
  return [
    { order_id, saga_id, from: change.kind === "made" ? null : change.before.status, to: status, tracking },
  ];
}

/** Without the number of the parcel, as in the lines of shipments. */
function lineOf({ order_id, saga_id, from, to }: RebuiltOrder, options: OrderRebuildOptions, run_id: string) {
  const { newId, actor, reason, now } = options;
  const detail = `${from ?? "lost"} -> ${to}`;
  const what = { action: "order.rebuild", subject: order_id, saga_id, actor, reason } as const;
  return { action_id: newId(), run_id, ...what, outcome: "rebuilt", detail, at: now };
}
