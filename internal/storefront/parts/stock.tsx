// What is said about the stock of a product, the same on every page: the last few by number, more of them without one. A number that
// changes with every sale helps no shopper.
import type { Words } from "../words/words.ts";

/** Up to here the page says how many are left. */
export const FEW = 5;

interface Props {
  readonly words: Words;
  /** What is available now. */
  readonly count: number;
  /** How many the shopper wants. */
  readonly wanted?: number;
}

export function Stock({ words, count, wanted = 1 }: Props) {
  if (count === 0) return <p class="stock is-gone">{words.shop.soldOut}</p>;
  if (count <= FEW) return <p class="stock is-low">{words.shop.left(count)}</p>;
  if (count < wanted) return <p class="stock is-low">{words.shop.fewer(wanted)}</p>;
  return <p class="stock">{words.shop.inStock}</p>;
}
