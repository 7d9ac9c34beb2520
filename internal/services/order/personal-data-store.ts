// Erases the address and the card of old orders. Used by cmd/order through messaging/personal-data.ts.
import type { Sql } from "postgres";
import { ERASED, ERASED_ADDRESS } from "../../../schemas/fields.ts";
import type { Chunk, ChunkErased } from "../../messaging/personal-data.ts";

/** A version from before the cards erased all but the card. */
export async function eraseOldOrders(sql: Sql, { after, before, limit }: Chunk): Promise<ChunkErased> {
  const [row] = await sql<[ChunkErased]>`
    with chunk as (
      select order_id from orders
       where order_id > ${after}::uuid and order_id < uuid_v7_floor(${before}::timestamptz)
       order by order_id limit ${limit}
    ), erased as (
      update orders
         set shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country'),
             tracking = null, card = null
       where order_id = any(array(select order_id from chunk)) and created_at < ${before}::timestamptz
         and (shipping_address ->> 'name' <> ${ERASED.line} or card is not null)
      returning order_id
    )
    select (select max(order_id::text) from chunk) as last, (select count(*) from chunk)::int as looked,
           (select count(*) from erased)::int as erased`;
  return row;
}
