// When all words of a search together find nothing: which of them name products, and which do not. Called by the console.
import type { Sql } from "postgres";
import { FIRST_ID, LAST_ID } from "../kernel/time-of-id.ts";
import { sagasOfSkus } from "./saga-lookup-store.ts";
import { type NamedProduct, productsNamed } from "./saga-search-products-store.ts";

/** Each reads all names of the catalogue. */
const MAX_WORDS = 8;
const MAX_LISTED = 5;

export interface ListedProduct extends NamedProduct {
  /** Whether a search for it finds one. */
  readonly has_sagas: boolean;
}

export interface WordsFound {
  /** The first word that is in a name, and each later one that a product has in its name beside those before. */
  readonly matched: readonly string[];
  readonly unmatched: readonly string[];
  /** With all of `matched`; the first five by SKU. */
  readonly products: readonly ListedProduct[];
  readonly has_more: boolean;
}

/** Null if no word names a product, or there is only one word, or so many that nobody looks for a product. */
export async function wordsFound(inventory: Sql, text: string): Promise<WordsFound | null> {
  const words = [...new Set(text.split(/\s+/).filter((word) => word !== ""))];
  if (words.length < 2 || words.length > MAX_WORDS) return null;
  // A word more is kept only if a product has it beside those before.
  const matched: string[] = [];
  let named: readonly NamedProduct[] = [];
  for (const word of words) {
    const some = await productsNamed(inventory, [...matched, word].join(" "), MAX_LISTED + 1);
    if (some.length === 0) continue;
    matched.push(word);
    named = some;
  }
  if (matched.length === 0) return null;
  const products = await Promise.all(
    named.slice(0, MAX_LISTED).map(async (one) => {
      const sagas = await sagasOfSkus(inventory, [one.sku_id], { from: FIRST_ID, below: LAST_ID }, 1);
      return { ...one, has_sagas: sagas.length > 0 };
    }),
  );
  return {
    matched,
    unmatched: words.filter((word) => !matched.includes(word)),
    products,
    has_more: named.length > MAX_LISTED,
  };
}
