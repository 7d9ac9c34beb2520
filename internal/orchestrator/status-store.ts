// What a shopper may see of a saga, and who owns the saga. Read from its row, or built from the saga in memory. Called by
// status-watch.ts. The history is read with the status in one statement, so that a status is never older than the lines that come with
// it; notes and messages stay inside, because they are written for operators. Called by history-watch.ts.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import type { SagaHistory } from "../../schemas/shop.ts";
import { timestampOf, timestampOrNull } from "../kernel/timestamp.ts";
import { type ShopperFacts, shopperView } from "./shopper-view.ts";
import type { Saga } from "./state.ts";
import { positionColumns } from "./store.ts";

export interface OwnedStatus {
  readonly user_id: string;
  readonly view: SagaStatusView;
}

export interface StatusRow extends ShopperFacts {
  readonly saga_id: string;
  readonly user_id: string;
  readonly order_id: string | null;
  readonly currency: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

/**
 * The columns of saga_state that `ownedStatus` takes. The cancellation is looked up only for a completed checkout, by a unique index;
 * other checkouts do not pay for it.
 */
const statusColumns = (sql: Sql) => sql`
  saga_id, user_id, table_version, status, current_step, compensation_step, failure_code, order_id, total_cents, currency,
  payment_succeeded, action_expires_at, action_latest_at, deadline_at, lines_short, created_at, updated_at,
  completed_at,
  case when status = 'COMPLETED' then
    (select step from order_cancellations made where made.saga_id = saga_state.saga_id and made.status <> 'REFUSED')
  end as cancellation_step`;

/** By saga id; unknown ids are missing. */
export async function readStatuses(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlyMap<string, OwnedStatus>> {
  const rows = await sql<StatusRow[]>`
    select ${statusColumns(sql)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
  return new Map(rows.map((row) => [row.saga_id, ownedStatus(row)]));
}

/** A shopper has one or two. */
const MAX_OPEN = 10;
const MAX_OPEN_READ = 100;

/**
 * The user's sagas that have not finished, newest first. Sorted here, and by status instead of `completed_at is null`: otherwise the
 * planner may read an index of all sagas instead of the user's, by the unique index on (user_id, client_key).
 */
export async function readOpenSagas(sql: Sql, userId: string): Promise<readonly SagaStatusView[]> {
  const rows = await sql<StatusRow[]>`
    select ${statusColumns(sql)} from saga_state
     where user_id = ${userId} and status not in ('COMPLETED', 'COMPENSATED', 'FAILED') limit ${MAX_OPEN_READ}`;
  // UUIDv7 begins with the time.
  return rows
    .toSorted((a, b) => (a.saga_id > b.saga_id ? -1 : 1))
    .slice(0, MAX_OPEN)
    .map((row) => ownedStatus(row).view);
}

/** The same as readStatuses without a query, for a saga that was just committed: nobody has cancelled its order yet. */
export function statusOfSaga(saga: Saga): OwnedStatus {
  return ownedStatus({ ...saga, ...positionColumns(saga), cancellation_step: null });
}

function ownedStatus(row: StatusRow): OwnedStatus {
  const { user_id, saga_id, status, current_step, compensation_step, failure_code, order_id } = row;
  const { total_cents, currency, created_at, updated_at, completed_at } = row;
  const view: SagaStatusView = {
    saga_id,
    status,
    current_step,
    compensation_step,
    failure_code,
    order_id,
    total_cents,
    currency,
    created_at: timestampOf(created_at),
    updated_at: timestampOf(updated_at),
    completed_at: timestampOrNull(completed_at),
    ...shopperView(row),
  };
  return { user_id, view };
}

/** A saga has about six lines; an undo that is sent again adds more. The rest comes with the next call. */
const MAX_LINES = 100;

export interface Ask {
  readonly sagaId: string;
  /** Only lines after this id. */
  readonly after: number;
}

export interface OwnedHistory {
  readonly user_id: string;
  readonly history: SagaHistory;
}

interface HistoryRow extends StatusRow {
  readonly ask: number;
  readonly events: readonly (Omit<SagaHistory["events"][number], "at"> & { readonly at: number })[];
}

/** One result per ask, null for an unknown saga. */
export async function readHistories(
  sql: Sql,
  asks: readonly Ask[],
): Promise<readonly (OwnedHistory | null)[]> {
  const sagaIds = asks.map(({ sagaId }) => sagaId);
  const rows = await sql<HistoryRow[]>`
    select asked.ask::integer, ${statusColumns(sql)}, lines.events
      from unnest(${sagaIds}::uuid[], ${asks.map(({ after }) => String(after))}::bigint[])
        with ordinality as asked (asked_id, after_id, ask)
      join saga_state on saga_id = asked.asked_id
     cross join lateral (
           select coalesce(json_agg(json_build_object('id', history_id, 'status', to_status, 'step', step,
                                                      'at', (extract(epoch from at) * 1000)::bigint)
                                    order by history_id), '[]') as events
             from (select history_id, to_status, step, at from saga_history history
                    where history.saga_id = asked.asked_id and history_id > asked.after_id
                    order by history_id limit ${MAX_LINES}) line) lines
     where saga_id = any(${sagaIds}::uuid[])`;
  const found: (OwnedHistory | null)[] = asks.map(() => null);
  for (const { ask, events, ...row } of rows) {
    const { user_id, view } = ownedStatus(row);
    const lines = events.map(({ at, ...line }) => ({ ...line, at: timestampOf(at) }));
    found[ask - 1] = { user_id, history: { events: lines, view } };
  }
  return found;
}
