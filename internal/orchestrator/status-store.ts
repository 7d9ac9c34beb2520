// What a shopper may see of a saga, and who owns the saga. Read from its row, or built from the saga in memory. Called by
// status-watch.ts; history-store.ts reads the same columns together with the history.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { timestampOf } from "../kernel/timestamp.ts";
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

/** The columns of saga_state that `ownedStatus` takes. */
export const statusColumns = (sql: Sql) => sql`
  saga_id, user_id, status, current_step, compensation_step, failure_code, order_id, total_cents, currency,
  payment_succeeded, action_expires_at, deadline_at, lines_short, created_at, updated_at, completed_at`;

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
  const { status, current_step, compensation_step, failure_code, order_id } = positionColumns(saga.position);
  return ownedStatus({ ...saga, status, current_step, compensation_step, failure_code, order_id });
}

export function ownedStatus(row: StatusRow): OwnedStatus {
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
    completed_at: completed_at === null ? null : timestampOf(completed_at),
    ...shopperView(row),
  };
  return { user_id, view };
}
