// Cancellations of orders that have not ended: sagas of their own, each beside the COMPLETED checkout whose order it cancels. Times are epoch
// ms. Also who cancelled a checkout, or its order. Called by the console.
import type { Sql } from "postgres";

export interface OpenCancellation {
  /** The checkout. */
  readonly saga_id: string;
  readonly order_id: string;
  /** Whose reply it waits for. */
  readonly step: "order" | "refund" | "release";
  /** How often the command of the step was sent again, and when it is sent next. */
  readonly resend_count: number;
  readonly deadline_at: number;
  readonly needs_operator: boolean;
  readonly created_at: number;
}

const columns = (sql: Sql) => sql`
  saga_id, order_id, step, resend_count, (extract(epoch from deadline_at) * 1000)::float8 as deadline_at, needs_operator,
  (extract(epoch from created_at) * 1000)::float8 as created_at`;

/** Those that need an operator, the oldest first. Reads those in progress only. */
export function needyCancellations(sql: Sql, limit: number): Promise<OpenCancellation[]> {
  return sql<OpenCancellation[]>`
    with needy as materialized (
      select * from order_cancellations where completed_at is null and needs_operator)
    select ${columns(sql)}
      from needy order by needy.created_at, cancellation_id limit ${limit}`;
}

/** At most one: a second one may only follow one that was refused, which has ended. */
export async function openCancellationOf(sql: Sql, sagaId: string): Promise<OpenCancellation | null> {
  const [row] = await sql<OpenCancellation[]>`
    select ${columns(sql)}
      from order_cancellations where saga_id = ${sagaId} and completed_at is null`;
  return row ?? null;
}

/** A cancellation that somebody began, with what became of it. */
export interface CancelledBy {
  /** A checkout while it ran, or the order of one that was completed. */
  readonly what: "saga" | "order";
  /** An operator's name, or `shopper`. */
  readonly actor: string;
  readonly reason: string;
  readonly at: number;
  readonly state: "under way" | "cancelled" | "refused";
  /** Null while it is under way. */
  readonly ended_at: number | null;
  /** Why it was refused: the status that the order had. Null otherwise. */
  readonly order_status: string | null;
}

/** The last one that began; null if nobody has begun any, or its record is gone. */
export async function cancelledBy(sql: Sql, sagaId: string): Promise<CancelledBy | null> {
  const [row] = await sql<CancelledBy[]>`
    select case a.action when 'order.cancel' then 'order' else 'saga' end as what, a.actor, a.reason,
           (extract(epoch from a.at) * 1000)::float8 as at,
           case when c.status = 'REFUSED' then 'refused' when coalesce(c.completed_at, s.completed_at) is null then 'under way'
                else 'cancelled' end as state,
           (extract(epoch from coalesce(c.completed_at, s.completed_at)) * 1000)::float8 as ended_at, c.order_status
      from operator_actions a
      left join saga_state s on s.saga_id = a.saga_id and a.action = 'saga.cancel'
      left join order_cancellations c on c.saga_id = a.saga_id and a.action = 'order.cancel'
                                     and a.detail = 'cancellation ' || c.cancellation_id
     where a.saga_id = ${sagaId} and a.action in ('saga.cancel', 'order.cancel') and a.outcome = 'cancelling'
       and coalesce(s.saga_id, c.saga_id) is not null
     order by a.at desc, a.action_id desc limit 1`;
  return row ?? null;
}
