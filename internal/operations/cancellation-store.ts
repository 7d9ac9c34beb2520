// Cancellations of orders that have not ended: sagas of their own, each beside the COMPLETED checkout whose order it cancels. Times are epoch
// ms. Called by the console.
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
