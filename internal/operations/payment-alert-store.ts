// Payment alerts and reconciliation requests, in the payment database. Times are epoch ms. Called by `checkoutctl payments`.
import type { Sql } from "postgres";

export interface PaymentAlert {
  readonly alert_id: string;
  readonly kind: string;
  /** The provider's id of the charge or refund. */
  readonly subject: string;
  readonly saga_id: string | null;
  readonly detail: string;
  /** `request`: by the result of a request to the provider. */
  readonly opened_by: "webhook" | "reconciliation" | "request";
  readonly opened_at: number;
  readonly last_seen_at: number;
  readonly closed_at: number | null;
  /** `reconciliation` if both ledgers agree again, `provider` if it said itself that the matter is over, otherwise the operator. */
  readonly closed_by: string | null;
  readonly close_note: string | null;
}

/** Newest first; includes closed alerts if `closed` is true. */
export function listPaymentAlerts(
  sql: Sql,
  filter: { readonly closed: boolean; readonly limit: number },
): Promise<PaymentAlert[]> {
  return sql<PaymentAlert[]>`
    select alert_id, kind, subject, saga_id, detail, opened_by, (extract(epoch from opened_at) * 1000)::float8 as opened_at,
           (extract(epoch from last_seen_at) * 1000)::float8 as last_seen_at,
           (extract(epoch from closed_at) * 1000)::float8 as closed_at, closed_by, close_note
      from payment_alerts
     where ${filter.closed} or closed_at is null
     order by opened_at desc limit ${filter.limit}`;
}

/** Closes an alert for good. Returns false if no open alert has this id. */
export async function closePaymentAlert(
  sql: Sql,
  alertId: string,
  by: { readonly actor: string; readonly reason: string },
): Promise<boolean> {
  const { count } = await sql`
    update payment_alerts set closed_at = now(), closed_by = ${by.actor}, close_note = ${by.reason}
     where alert_id = ${alertId} and closed_at is null`;
  return count > 0;
}

export interface Reconciliation {
  /** Every provider entry before this time was compared. */
  readonly compared_until: number;
  readonly due_at: number;
}

/** Makes the next reconciliation due now. A running payment service starts it within seconds. */
export async function requestReconciliation(sql: Sql): Promise<Reconciliation> {
  const [row] = await sql<[Reconciliation]>`
    update reconciliation set due_at = least(due_at, now())
    returning (extract(epoch from compared_until) * 1000)::float8 as compared_until,
              (extract(epoch from due_at) * 1000)::float8 as due_at`;
  return row;
}
