// Who the shoppers of sagas are, for operators, on the saga database: the only one that keeps e-mail and address of every checkout.
// Called by the console, which masks the answer or audits that somebody looked.
import type { Sql } from "postgres";
import { readSummarized } from "./read-in-order-store.ts";
import { addressText, type Shopper } from "./shopper-mask.ts";

/** A shopper of some checkouts with the same e-mail. */
export interface FoundShopper {
  readonly user_id: string;
  readonly sagas: number;
  /** Epoch ms. */
  readonly newest_at: number;
}

/** Sagas that one lookup reads, and shoppers that it lists. Who has more is no shopper but a test. */
const MAX_SAGAS = 5_000;
export const MAX_SHOPPERS = 20;

/** Of each of these sagas, without the address; unknown ones are missing. */
export async function shoppersOf(sql: Sql, sagaIds: readonly string[]): Promise<readonly Shopper[]> {
  return await sql<Shopper[]>`
    select ${columns(sql)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
}

/** With the whole address; undefined if there is no such saga. */
export async function wholeShopperOf(sql: Sql, sagaId: string): Promise<Shopper | undefined> {
  const [row] = await sql<(Shopper & { readonly shipping_address: Record<string, unknown> })[]>`
    select ${columns(sql)}, shipping_address from saga_state where saga_id = ${sagaId}`;
  if (row === undefined) return undefined;
  const { shipping_address, ...shopper } = row;
  return { ...shopper, address: addressText(shipping_address) };
}

function columns(sql: Sql) {
  return sql`
    saga_id, email, coalesce(shipping_address ->> 'name', '') as name, coalesce(shipping_address ->> 'city', '') as city`;
}

/** Who ordered with this e-mail, in any case of its letters; who ordered last comes first. Through a summarizing index (0039_email_search). */
export async function shoppersWithEmail(sql: Sql, email: string): Promise<readonly FoundShopper[]> {
  return readSummarized(
    sql,
    (tx) => tx<FoundShopper[]>`
      select user_id, count(*)::integer as sagas, max(extract(epoch from created_at) * 1000)::float8 as newest_at
        from (select user_id, created_at from saga_state where lower(email) = lower(${email}) limit ${MAX_SAGAS}) own
       group by user_id order by newest_at desc limit ${MAX_SHOPPERS}`,
  );
}
