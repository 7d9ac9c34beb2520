// What a shopper may see of a saga, and who owns the saga. Read from its row, or built from the saga in memory. Called by
// status-watch.ts; history-store.ts reads the same columns together with the history.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Saga } from "./state.ts";
import { positionColumns } from "./store.ts";

export interface OwnedStatus {
  readonly user_id: string;
  readonly view: SagaStatusView;
}

export interface StatusRow extends Omit<SagaStatusView, "created_at" | "updated_at" | "completed_at"> {
  readonly user_id: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

/** The columns of saga_state that `ownedStatus` takes. */
export const statusColumns = (sql: Sql) => sql`
  saga_id, user_id, status, current_step, compensation_step, failure_code, order_id, total_cents, currency,
  created_at, updated_at, completed_at`;

/** By saga id; unknown ids are missing. */
export async function readStatuses(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlyMap<string, OwnedStatus>> {
  const rows = await sql<StatusRow[]>`
    select ${statusColumns(sql)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
  return new Map(rows.map((row) => [row.saga_id, ownedStatus(row)]));
}

/** The same without a query, for a saga that was just committed. */
export function statusOfSaga(saga: Saga): OwnedStatus {
  const { saga_id, user_id, position, total_cents, currency, created_at, updated_at, completed_at } = saga;
  const { status, current_step, compensation_step, failure_code, order_id } = positionColumns(position);
  const columns = { status, current_step, compensation_step, failure_code, order_id };
  return ownedStatus({
    ...columns,
    saga_id,
    user_id,
    total_cents,
    currency,
    created_at,
    updated_at,
    completed_at,
  });
}

export function ownedStatus({ user_id, ...row }: StatusRow): OwnedStatus {
  const times = {
    created_at: timestampOf(row.created_at),
    updated_at: timestampOf(row.updated_at),
    completed_at: row.completed_at === null ? null : timestampOf(row.completed_at),
  };
  return { user_id, view: { ...row, ...times } };
}
