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

/** By the provider's id of a charge or a refund, also of one that only its ledger has (payment_alerts). */
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

/** The sagas that reserved one of these products, newest first, at most `limit`. Of each product no more are read. */
export async function sagasOfSkus(
  sql: Sql,
  skus: readonly string[],
  { from, below }: Span,
  limit: number,
): Promise<readonly string[]> {
  const rows = await readInOrder(
    sql,
    (tx) => tx<{ saga_id: string }[]>`
    select distinct newest.saga_id
      from unnest(${[...skus]}::text[]) as wanted (sku_id)
     cross join lateral (
             select distinct saga_id from reservations
              where reservations.sku_id = wanted.sku_id and saga_id >= ${from}::uuid and saga_id < ${below}::uuid
              order by saga_id desc limit ${limit}) newest
     order by newest.saga_id desc limit ${limit}`,
  );
  return idsOf(rows);
}

/** Those of these sagas that reserved one of these products. Looked up one by one: no statistics can turn that into a walk of a product. */
export async function withSkus(
  sql: Sql,
  skus: readonly string[],
  sagaIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`
    select given.saga_id
      from unnest(${[...sagaIds]}::uuid[]) as given (saga_id)
     cross join lateral (
             select from reservations
              where reservations.saga_id = given.saga_id and sku_id = any(${[...skus]}::text[]) limit 1) one`;
  return idsOf(rows);
}

function idsOf(rows: readonly { readonly saga_id: string }[]): readonly string[] {
  return rows.map(({ saga_id }) => saga_id);
}
