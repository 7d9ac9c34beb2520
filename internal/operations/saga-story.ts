// Collects one saga from four databases: the current state in each service, and all events in one timeline. Called by
// `checkoutctl saga show`.
import type { Sql } from "postgres";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import { moneyText } from "../kernel/money.ts";
import { traceFields } from "../kernel/telemetry.ts";
import {
  actionsOn,
  findSaga,
  historyOf,
  type HistoryRow,
  moneyOf,
  type MoneyRow,
  type OrderRow,
  orderOf,
  reservationOf,
  type ReservationRow,
  type SagaSummary,
  traceparentOf,
  waitingFor,
} from "./saga-store.ts";

export interface StoryEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly who: DatabaseName | "operator";
  readonly what: string;
}

export interface SagaStory {
  readonly saga: SagaSummary;
  /** Null if nobody records its trace. */
  readonly trace_id: string | null;
  readonly reservation: readonly ReservationRow[];
  readonly money: readonly MoneyRow[];
  readonly orders: readonly OrderRow[];
  /** Oldest first. */
  readonly timeline: readonly StoryEvent[];
}

/** Null if the saga does not exist. */
export async function sagaStory(
  databases: Readonly<Record<DatabaseName, Sql>>,
  sagaId: string,
): Promise<SagaStory | null> {
  const saga = await findSaga(databases.saga, sagaId);
  if (saga === undefined) return null;
  const [traceparent, history, actions, reservation, money, orders, waiting] = await Promise.all([
    traceparentOf(databases.saga, sagaId),
    historyOf(databases.saga, sagaId),
    actionsOn(databases.saga, sagaId),
    reservationOf(databases.inventory, sagaId),
    moneyOf(databases.payment, sagaId),
    orderOf(databases.order, sagaId),
    Promise.all(DATABASES.map(async (who) => ({ who, rows: await waitingFor(databases[who], sagaId) }))),
  ]);

  const timeline: StoryEvent[] = history.map((row) => ({
    at: row.at,
    who: "saga",
    what: `${statusesOf(row)}, ${row.step}, by ${row.message_type}${row.note === null ? "" : `: ${row.note}`}`,
  }));
  for (const { at, action, actor, reason, outcome } of actions) {
    timeline.push({
      at,
      who: "operator",
      what: `${action} by ${actor}, ${outcome ?? "in progress"}: ${reason}`,
    });
  }
  const [line] = reservation;
  if (line !== undefined) {
    const lines = reservation.map(({ sku_id, quantity }) => `${quantity} x ${sku_id}`).join(", ");
    const what = line.sku_id === null ? "release arrived before any reservation" : `reserved ${lines}`;
    timeline.push({ at: line.reserved_at, who: "inventory", what });
  }
  for (const row of money) {
    const what = `${row.kind} of ${moneyText(row.amount_cents, saga.currency)} created`;
    timeline.push({ at: row.created_at, who: "payment", what });
    const outcome = [row.status, row.provider_id, row.error_code].filter((text) => text !== null).join(", ");
    const attempts = `after ${row.attempts} attempts`;
    timeline.push({ at: row.updated_at, who: "payment", what: `${row.kind} is ${outcome} ${attempts}` });
  }
  for (const row of orders) {
    const what = `order ${row.order_id} for ${moneyText(row.total_cents, saga.currency)} created`;
    timeline.push({ at: row.created_at, who: "order", what });
  }
  for (const { who, rows } of waiting) {
    for (const row of rows) {
      const why = row.error_message === null ? "" : `, failed ${row.attempts} times: ${row.error_message}`;
      const where = row.what === "retry" ? "waits for a retry" : "waits in the outbox";
      timeline.push({ at: row.since, who, what: `${row.type} ${where}${why}` });
    }
  }
  const { trace_id = null } = traceFields(traceparent);
  return {
    saga,
    trace_id,
    reservation,
    money,
    orders,
    timeline: timeline.toSorted((one, other) => one.at - other.at),
  };
}

/** Many a step changes no status, such as the first one. */
function statusesOf({ from_status, to_status }: HistoryRow): string {
  return from_status === to_status ? to_status : `${from_status} -> ${to_status}`;
}
