// Which products of the catalogue a person may mean: by words of a name in any language, on the inventory database. Called by saga-search.ts.
import type { Sql } from "postgres";

export interface NamedProduct {
  readonly sku_id: string;
  /** In the shop's own language. */
  readonly name: string;
  /** The name in another language in which the words are; null if they are in `name`, or if the text is the SKU. */
  readonly also_called: string | null;
}

/**
 * The products with all of these words in one of their names, in any order and case, and the one with this SKU; in SKU order, at most `limit`.
 * Reads all names: the catalogue has no index of them, and is small beside the sagas.
 */
export function productsNamed(sql: Sql, text: string, limit: number): Promise<NamedProduct[]> {
  const words = wordPatterns(text);
  // Of most products this alone says that none of their names can match. The text of JSON has a backslash before these two.
  const plain = words.filter((word) => !/["\\]/.test(word));
  // The limit of a product's names keeps the planner from joining the tables as wholes.
  return sql<NamedProduct[]>`
    with named as materialized (
      select sku_id from inventory where name ~ all(${[...words]}::text[]) or sku_id = ${text}
       union
      select sku_id from products
       where names::text ~ all(${plain}::text[])
         and exists (select from jsonb_each_text(names) as other where other.value ~ all(${[...words]}::text[]))
       order by sku_id limit ${limit})
    select sku_id, name,
           case when name ~ all(${[...words]}::text[]) then null else other.value end as also_called
      from named
     cross join lateral (select name from inventory where inventory.sku_id = named.sku_id limit 1) own
      left join lateral (
             select value from products, jsonb_each_text(names)
              where products.sku_id = named.sku_id and value ~ all(${[...words]}::text[])
              order by key limit 1) other on true
     order by sku_id`;
}

/** One pattern per word. Each letter in both cases, because a database with the locale C knows only the cases of ASCII. */
export function wordPatterns(text: string): readonly string[] {
  const words = text
    .normalize("NFC")
    .split(/\s+/)
    .filter((word) => word !== "");
  return words.map((word) => word.replaceAll(/./gsu, inBothCases));
}

function inBothCases(letter: string): string {
  if (/[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]/.test(letter)) return `\\${letter}`;
  // The capital of some letters is two.
  const cases = new Set([letter, letter.toLowerCase(), letter.toUpperCase()]);
  const single = Array.from(cases).filter((one) => /^.$/su.test(one));
  return single.length === 1 ? letter : `[${single.join("")}]`;
}
