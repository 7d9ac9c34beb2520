// Erases from old sagas what identifies their shopper. Used by cmd/orchestrator through messaging/personal-data.ts.
import type { Sql } from "postgres";
import { ERASED, ERASED_ADDRESS } from "../../schemas/fields.ts";
import type { Chunk, ChunkErased } from "../messaging/personal-data.ts";

/** A saga in progress keeps its data at any age. A version from before the cards erased all but the card. */
export async function eraseOldSagas(sql: Sql, { after, before, limit }: Chunk): Promise<ChunkErased> {
  const [row] = await sql<[ChunkErased]>`
    with chunk as (
      select saga_id from saga_state
       where saga_id > ${after}::uuid and saga_id < uuid_v7_floor(${before}::timestamptz)
       order by saga_id limit ${limit}
    ), erased as (
      update saga_state
         set email = ${ERASED.email}, card = null,
             shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country')
       where saga_id = any(array(select saga_id from chunk)) and completed_at < ${before}::timestamptz
         and (email <> ${ERASED.email} or card is not null)
      returning saga_id
    )
    select (select max(saga_id::text) from chunk) as last, (select count(*) from chunk)::int as looked,
           (select count(*) from erased)::int as erased`;
  return row;
}
