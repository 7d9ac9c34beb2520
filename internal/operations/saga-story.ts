// Collects one saga from four databases: the current state in each service, and all events in one timeline. A database that does not answer
// is named, and the rest is shown without it; only the saga's own must answer. Called by `checkoutctl saga show` and the console.
import type { Sql } from "postgres";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import { plural } from "../kernel/counted.ts";
import { moneyText } from "../kernel/money.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import { traceFields } from "../kernel/telemetry.ts";
import { masked } from "./mask.ts";
import { within } from "./ask.ts";
import { eachOnce, type Missing, type OpenDatabases, reached } from "./reach.ts";
import { type MessageRow, messagesOf } from "./saga-messages-store.ts";
import {
  type ActionRow,
  type AlertRow,
  alertsOf,
  actionsOn,
  cancellationTimesOf,
  findSaga,
  historyOf,
  type HistoryRow,
  type LineRow,
  linesOf,
  moneyOf,
  type MoneyRow,
  namesOf,
  type OrderRow,
  orderOf,
  reservationOf,
  type ReservationRow,
  type SagaSummary,
  timesOf,
  traceparentOf,
  waitingFor,
  type WaitingRow,
} from "./saga-store.ts";

export type StoryKind = "transition" | "message" | "state" | "waiting" | "operator";

export interface StoryEvent {
  /** Unique in its story, and the same each time. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly who: DatabaseName | "notification" | "operator";
  readonly kind: StoryKind;
  readonly what: string;
  /** Something was refused, failed or has to be tried again. */
  readonly failed: boolean;
  /** What is known of it, without personal data unless the story was revealed. */
  readonly detail: unknown;
}

export interface StoryLine extends LineRow {
  /** As the catalogue calls it now; null if it does not answer, or no longer has it. */
  readonly name: string | null;
}

export interface SagaStory {
  readonly saga: SagaSummary;
  /** Null if nobody records its trace. */
  readonly trace_id: string | null;
  readonly history: readonly HistoryRow[];
  /** What was ordered. */
  readonly lines: readonly StoryLine[];
  readonly reservation: readonly ReservationRow[];
  readonly money: readonly MoneyRow[];
  /** Open and closed, newest first. */
  readonly alerts: readonly AlertRow[];
  readonly orders: readonly OrderRow[];
  /** Oldest first. */
  readonly timeline: readonly StoryEvent[];
  /** The databases that did not answer; what they know is not in the story. */
  readonly missing: readonly Missing[];
}

/** A person waits for the page. The driver itself would go on trying to connect for longer. */
const PART_TIMEOUT_MS = 3_000;

/** Null if the saga does not exist. `reveal` shows personal data, which the caller audits. */
export async function sagaStory(
  databases: OpenDatabases,
  sagaId: string,
  { reveal = false }: { readonly reveal?: boolean } = {},
): Promise<SagaStory | null> {
  const own = await databases.saga();
  const saga = await findSaga(own, sagaId);
  if (saga === undefined) return null;
  const [traceparent, lines, history, actions, cancelled] = await Promise.all([
    traceparentOf(own, sagaId),
    linesOf(own, sagaId),
    historyOf(own, sagaId),
    actionsOn(own, sagaId),
    cancellationTimesOf(own, sagaId),
  ]);
  const missing: Missing[] = [];
  const part = async <Row>(database: DatabaseName, ask: (sql: Sql) => Promise<readonly Row[]>) => {
    const one = await reached(database, () =>
      within(PART_TIMEOUT_MS, async () => ask(await databases[database]())),
    );
    if ("answer" in one) return one.answer;
    missing.push(one.missing);
    return [];
  };
  const skus = lines.map(({ sku_id }) => sku_id);
  const asked = part("payment", (sql) => moneyOf(sql, sagaId));
  // A cancellation, a shipment or a refund comes long after the last transition.
  const seen = asked.then((rows) => ({
    times: [saga.created_at, ...[...history, ...actions].map(({ at }) => at), ...cancelled, ...timesOf(rows)],
    ids: history.flatMap(({ message_id }) => message_id ?? []),
  }));
  const [names, reservation, money, alerts, orders, perDatabase] = await Promise.all([
    part("inventory", (sql) => namesOf(sql, skus)),
    part("inventory", (sql) => reservationOf(sql, sagaId)),
    asked,
    part("payment", (sql) => alertsOf(sql, sagaId)),
    part("order", (sql) => orderOf(sql, sagaId)),
    Promise.all(
      DATABASES.map(async (who) => {
        const [waiting, messages] = await Promise.all([
          part(who, (sql) => waitingFor(sql, sagaId)),
          seen.then((known) => part(who, (sql) => messagesOf(sql, sagaId, known))),
        ]);
        return { who, waiting, messages };
      }),
    ),
  ]);
  const { trace_id = null } = traceFields(traceparent);
  return {
    saga,
    trace_id,
    history,
    lines: lines.map((line) => ({
      ...line,
      name: names.find(({ sku_id }) => sku_id === line.sku_id)?.name ?? null,
    })),
    reservation,
    money,
    alerts,
    orders,
    timeline: timelineOf({ saga, history, actions, reservation, money, orders, perDatabase }, reveal),
    missing: eachOnce(missing),
  };
}

/** What one database knows of a saga beside its tables of results. */
interface Told {
  readonly who: DatabaseName;
  readonly waiting: readonly WaitingRow[];
  readonly messages: readonly MessageRow[];
}

type Rows = Pick<SagaStory, "saga" | "history" | "reservation" | "money" | "orders"> & {
  readonly actions: readonly ActionRow[];
  readonly perDatabase: readonly Told[];
};

function timelineOf(
  { saga, history, actions, reservation, money, orders, perDatabase }: Rows,
  reveal: boolean,
): readonly StoryEvent[] {
  const events: StoryEvent[] = [
    ...history.map(transition),
    ...actions.map(operatorAct),
    ...reserved(reservation),
    ...money.flatMap((row) => moneyMoved(row, saga)),
    ...orders.map((row) => orderCreated(row, saga)),
    ...perDatabase.flatMap(({ who, waiting, messages }) =>
      waiting
        // Told by its message already.
        .filter((row) => !messages.some(({ message_id }) => message_id === row.message_id))
        .map((row) => waits(row, who)),
    ),
    ...perDatabase.flatMap(({ who, messages }) => messages.flatMap((row) => sent(row, who, reveal))),
  ];
  // Of what happened in the same millisecond, the transition comes first: it is the cause.
  return events.toSorted((one, other) => one.at - other.at);
}

const FAILURES = /Failed|Lost|Insufficient|Refused|DeadLettered|DeadlinePassed|Expired/;

function transition(row: HistoryRow): StoryEvent {
  const { at, history_id, step, message_type, note } = row;
  return {
    id: `h-${history_id}`,
    at,
    who: "saga",
    kind: "transition",
    what: `${statusesOf(row)}, ${step}, by ${message_type}${note === null ? "" : `: ${note}`}`,
    failed: FAILURES.test(message_type),
    detail: row,
  };
}

/** Many a step changes no status, such as the first one. */
function statusesOf({ from_status, to_status }: HistoryRow): string {
  return from_status === to_status ? to_status : `${from_status} -> ${to_status}`;
}

function operatorAct(row: ActionRow, index: number): StoryEvent {
  const { at, action, actor, reason, outcome } = row;
  return {
    id: `a-${index}`,
    at,
    who: "operator",
    kind: "operator",
    what: `${action} by ${actor}, ${outcome ?? "in progress"}: ${reason}`,
    failed: outcome === "refused",
    detail: row,
  };
}

function reserved(rows: readonly ReservationRow[]): StoryEvent[] {
  const [line] = rows;
  if (line === undefined) return [];
  const lines = rows.map(({ sku_id, quantity }) => `${quantity} x ${sku_id}`).join(", ");
  return [
    {
      id: `r-${line.reservation_id}`,
      at: line.reserved_at,
      who: "inventory",
      kind: "state",
      what: line.sku_id === null ? "release arrived before any reservation" : `reserved ${lines}`,
      failed: false,
      detail: rows,
    },
  ];
}

function moneyMoved(row: MoneyRow, { currency }: SagaSummary): StoryEvent[] {
  const outcome = [row.status, row.provider_id, row.error_code].filter((text) => text !== null).join(", ");
  const shared = { who: "payment", kind: "state", detail: row } as const;
  return [
    {
      ...shared,
      id: `${row.kind}-${row.id}-created`,
      at: row.created_at,
      what: `${row.kind} of ${moneyText(row.amount_cents, currency)} created`,
      failed: false,
    },
    {
      ...shared,
      id: `${row.kind}-${row.id}`,
      at: row.updated_at,
      what: `${row.kind} is ${outcome} after ${plural(row.attempts, "attempt")}`,
      failed: row.status === "FAILED" || row.status === "UNKNOWN",
    },
  ];
}

function orderCreated(row: OrderRow, { currency }: SagaSummary): StoryEvent {
  return {
    id: `o-${row.order_id}`,
    at: row.created_at,
    who: "order",
    kind: "state",
    what: `order ${row.order_id} for ${moneyText(row.total_cents, currency)} created`,
    failed: false,
    detail: row,
  };
}

function waits(row: WaitingRow, who: DatabaseName): StoryEvent {
  const why =
    row.error_message === null ? "" : `, failed ${plural(row.attempts, "time")}: ${row.error_message}`;
  const where = row.what === "retry" ? "waits for a retry" : "waits in the outbox";
  return {
    id: `w-${row.message_id}`,
    at: row.since,
    who,
    kind: "waiting",
    what: `${row.type} ${where}${why}`,
    failed: true,
    detail: row,
  };
}

/** A clock that wrote the id may differ by this from the one that wrote the row. */
const SAME_WRITE_MS = 5_000;

/** For a message that a replay put back into its outbox, the row has the time of the replay and the id still has the first time. */
function sent(row: MessageRow, who: DatabaseName, reveal: boolean): readonly StoryEvent[] {
  const { message_id, type, topic, created_at } = row;
  const first = timeOfId(message_id);
  if (created_at - first < SAME_WRITE_MS) return [message(row, who, reveal, "")];
  const again = message(row, who, reveal, ", sent again");
  const detail = { message_id, type, topic, first_written_at: first };
  const what = `${type} to ${topic}, first time; it was sent again later`;
  return [{ ...again, id: `m-${message_id}${FIRST}`, at: first, kind: "message", what, detail }, again];
}

/** The end of the id of such an event. */
export const FIRST = "-first";

function message(row: MessageRow, who: DatabaseName, reveal: boolean, again: string): StoryEvent {
  const { message_id, type, topic, created_at, published_at } = row;
  const isWaiting = published_at === null;
  return {
    id: `m-${message_id}`,
    at: created_at,
    who,
    kind: isWaiting ? "waiting" : "message",
    what: isWaiting
      ? `${type} waits in the outbox${again}`
      : `${type} to ${topic}${again}, in Kafka within ${Math.max(0, Math.round(published_at - created_at))} ms`,
    failed: FAILURES.test(type),
    detail: { ...row, body: masked(row.body, reveal) },
  };
}
