// The lines of a checkout on its page: what was ordered, what is left of those that were short, and what costs something else now.
import type { CartLine } from "../cart.ts";
import { type Language, money } from "../format.ts";
import type { CheckoutStatus, ShopProduct } from "../port.ts";
import type { PriceChange } from "../price-changes.ts";
import type { Frame } from "../visit.ts";
import { ArtDefinitions, Picture } from "./art.tsx";
import { nameOf } from "./names.ts";

export interface LinesProps {
  readonly frame: Frame;
  readonly checkout: CheckoutStatus;
  readonly lines: readonly CartLine[];
  /** The known products of these lines and of those that were short. */
  readonly products: ReadonlyMap<string, ShopProduct>;
  /** After a price change; empty if it is not certain which lines they are. */
  readonly changes: readonly PriceChange[];
}

/** What is left of the lines that were not all there. */
export function Short({ frame, checkout, products }: LinesProps) {
  const { words, language } = frame;
  const short = checkout.lines_short ?? [];
  if (short.length === 0) return null;
  return (
    <section class="short">
      <h2>{words.status.short}</h2>
      <ul>
        {short.map(({ sku_id, available_count }) => (
          <li key={sku_id}>{words.status.leftOf(nameIn(products, sku_id, language), available_count)}</li>
        ))}
      </ul>
    </section>
  );
}

/** What costs something else now. */
export function Changes({ frame, checkout, changes, products }: LinesProps) {
  const { words, language } = frame;
  if (changes.length === 0) return null;
  const cost = (cents: number) => money(cents, checkout.currency, language);
  return (
    <section class="short">
      <h2>{words.status.changed}</h2>
      <ul>
        {changes.map(({ sku_id, old_cents, new_cents }) => (
          <li key={sku_id}>
            {words.status.priceOf(nameIn(products, sku_id, language), cost(old_cents), cost(new_cents))}
          </li>
        ))}
      </ul>
    </section>
  );
}

function nameIn(products: LinesProps["products"], sku_id: string, language: Language): string {
  const product = products.get(sku_id);
  return product === undefined ? sku_id : nameOf(product, language);
}

export function Lines({ frame, lines, products }: LinesProps) {
  const { words, language } = frame;
  if (lines.length === 0) return null;
  return (
    <section>
      <h2>{words.orders.items}</h2>
      <ArtDefinitions products={[...products.values()]} />
      <ul class="review">
        {lines.map(({ sku_id, quantity }) => {
          const product = products.get(sku_id);
          return (
            <li key={sku_id}>
              {product === undefined ? (
                <span class="picture picture-line" />
              ) : (
                <Picture product={product} size="line" />
              )}
              <span>
                {quantity} × {nameIn(products, sku_id, language)}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
