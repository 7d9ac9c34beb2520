// Which sagas an id or a product of another service belongs to, on that service's database. Called by saga-search.ts.
import type { Sql } from "postgres";
import { readInOrder, readSummarized } from "./read-in-order-store.ts";
import type { Span } from "./saga-search-store.ts";

export async function sagasOfOrder(sql: Sql, orderId: string): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`select saga_id from orders where order_id = ${orderId}`;
  return idsOf(rows);
}

export async function sagasOfPayment(sql: Sql, paymentId: string): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`select saga_id from payments where payment_id = ${paymentId}`;
  return idsOf(rows);
}

export async function sagasOfRefund(sql: Sql, refundId: string): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`
    select saga_id from refunds join payments using (payment_id) where refund_id = ${refundId}`;
  return idsOf(rows);
}

/** By the provider's id of a charge or a refund, also of one that only its books have (payment_alerts). */
export async function sagasOfProviderId(sql: Sql, id: string): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`
    select saga_id from payments where provider_txn_id = ${id}
     union
    select saga_id from payments where action_txn_id = ${id}
     union
    select saga_id from refunds join payments using (payment_id) where provider_refund_id = ${id}
     union
    select saga_id from payment_alerts where subject = ${id} and saga_id is not null`;
  return idsOf(rows);
}

export async function sagasOfReservation(sql: Sql, reservationId: string): Promise<readonly string[]> {
  const rows = await readSummarized(
    sql,
    (tx) => tx<{ saga_id: string }[]>`
    select distinct saga_id from reservations where reservation_id = ${reservationId}`,
  );
  return idsOf(rows);
}

/** The sagas that reserved this product, newest first, at most `limit`. */
export async function sagasOfSku(
  sql: Sql,
  sku: string,
  { from, below }: Span,
  limit: number,
): Promise<readonly string[]> {
  const rows = await readInOrder(
    sql,
    (tx) => tx<{ saga_id: string }[]>`
    select distinct saga_id from reservations
     where sku_id = ${sku} and saga_id >= ${from}::uuid and saga_id < ${below}::uuid
     order by saga_id desc limit ${limit}`,
  );
  return idsOf(rows);
}

/** Those of these sagas that reserved this product. */
export async function withSku(sql: Sql, sku: string, sagaIds: readonly string[]): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`
    select distinct saga_id from reservations where sku_id = ${sku} and saga_id = any(${[...sagaIds]}::uuid[])`;
  return idsOf(rows);
}

function idsOf(rows: readonly { readonly saga_id: string }[]): readonly string[] {
  return rows.map(({ saga_id }) => saga_id);
}
