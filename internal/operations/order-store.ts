// The order queries for rebuilding sagas.
import type { Sql } from "postgres";
import type { PricedItem, ShippingAddress } from "../../schemas/fields.ts";
import type { Static } from "@sinclair/typebox";

export interface ConfirmedOrder {
  readonly order_id: string;
  readonly saga_id: string;
  readonly user_id: string;
  readonly items: readonly Static<typeof PricedItem>[];
  readonly total_cents: number;
  readonly currency: string;
  readonly shipping_address: Static<typeof ShippingAddress>;
  /** Epoch ms. */
  readonly created_at: number;
}

/** The orders of these sagas that are not cancelled, in any shipping state. */
export async function confirmedOrders(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<readonly ConfirmedOrder[]> {
  return sql<ConfirmedOrder[]>`
    select order_id, saga_id, user_id, items, total_cents::float8 as total_cents, currency, shipping_address,
           (extract(epoch from created_at) * 1000)::float8 as created_at
      from orders
     where status <> 'CANCELLED'
       and saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))`;
}
