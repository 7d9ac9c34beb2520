// Finds sagas and cancellations that make no progress or need an operator. Called by stuck.ts through cmd/orchestrator, and by
// `checkoutctl saga ls --stuck`.
import type { Sql } from "postgres";
import type { SagaStatus } from "../../schemas/http.ts";
import type { CancellationStep } from "./order-cancellation.ts";
import type { Step } from "./steps.ts";

export interface StuckSaga {
  readonly saga_id: string;
  readonly status: SagaStatus;
  readonly table_version: number;
  readonly current_step: Step;
  /** The step whose undo has no reply yet; null on the way forward. */
  readonly compensation_step: Step | null;
  readonly payment_succeeded: boolean;
  /** How often that undo was sent again. */
  readonly resend_count: number;
  readonly needs_operator: boolean;
  /** Epoch ms: when it started, and when it last moved. */
  readonly created_at: number;
  readonly progress_at: number;
}

/**
 * Open sagas that have not moved since `before` (epoch ms), the longest first, at most `limit`. A resent undo is not progress,
 * though it writes the row of the saga: that is what a stuck saga does. A dead-lettered command is not progress either. A saga that waits for its shopper is not stuck. Reads only
 * open sagas, and the history of the old ones among them. Materialized, because otherwise the planner may walk all sagas in order
 * of their creation.
 */
export function findStuck(sql: Sql, before: number, limit: number): Promise<StuckSaga[]> {
  return sql<StuckSaga[]>`
    with old as materialized (
      select saga_id, status, table_version, current_step, compensation_step, payment_succeeded, resend_count, needs_operator, created_at
        from saga_state
       where completed_at is null and created_at < ${before}::timestamptz
         and (action_expires_at is null or action_expires_at < ${before}::timestamptz)
         and (updated_at < ${before}::timestamptz or resend_count > 0 or needs_operator))
    select saga_id, status, table_version, current_step, compensation_step, payment_succeeded, resend_count, needs_operator, created_at,
           progress_at
      from (select old.*, coalesce(
                     (select h.at from saga_history h
                       where h.saga_id = old.saga_id
                         and not (h.message_type = 'DeadlinePassed' and h.from_status = 'COMPENSATING')
                         and h.message_type <> 'CommandDeadLettered'
                       order by h.history_id desc limit 1),
                     old.created_at) as progress_at
              from old) s
     where progress_at < ${before}::timestamptz
     order by progress_at, saga_id limit ${limit}`;
}

export interface NeedyCount {
  readonly sagas: number;
  /** Cancellations of orders, which are sagas of their own. */
  readonly cancellations: number;
}

/** How many sagas and cancellations in progress need an operator, each at most `limit`. Reads those in progress only. */
export async function countNeedy(sql: Sql, limit: number): Promise<NeedyCount> {
  const [row] = await sql<[NeedyCount]>`
    select (select count(*)::integer
              from (select from saga_state where completed_at is null and needs_operator limit ${limit}) needy) as sagas,
           (select count(*)::integer
              from (select from order_cancellations where completed_at is null and needs_operator limit ${limit}) needy) as cancellations`;
  return row;
}

export interface NeedyCancellation {
  /** The checkout. */
  readonly saga_id: string;
  readonly order_id: string;
  readonly status: "CANCELLING";
  readonly step: CancellationStep;
  readonly resend_count: number;
  readonly needs_operator: true;
  /** Epoch ms: when the cancellation started. */
  readonly created_at: number;
}

/** The cancellations of orders that need an operator, the oldest first, at most `limit`. Reads those in progress only. */
export function findNeedyCancellations(sql: Sql, limit: number): Promise<NeedyCancellation[]> {
  return sql<NeedyCancellation[]>`
    with needy as materialized (
      select * from order_cancellations where completed_at is null and needs_operator)
    select saga_id, order_id, status, step, resend_count, needs_operator, created_at
      from needy order by created_at, cancellation_id limit ${limit}`;
}
