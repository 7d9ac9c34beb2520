// `/products/:sku`
import { money } from "../format.ts";
import { ArtDefinitions, Icon, Picture } from "../parts/art.tsx";
import { Page } from "../parts/layout.tsx";
import { categoryName, descriptionOf, nameOf } from "../parts/names.ts";
import { Stock } from "../parts/stock.tsx";
import type { ShopProduct } from "../port.ts";
import type { Frame } from "../visit.ts";
import { ProductGrid } from "./products.tsx";

const MAX_CHOICE = 10;

interface Props {
  readonly frame: Frame;
  readonly product: ShopProduct;
  readonly similar: readonly ShopProduct[];
  readonly message?: string | undefined;
}

export function Product({ frame, product, similar, message }: Props) {
  const { words, language } = frame;
  const name = nameOf(product, language);
  const description = descriptionOf(product, language);
  const { category, categories = {} } = product;
  const choices = Math.min(MAX_CHOICE, product.available_count);
  return (
    <Page frame={frame} title={name} message={message}>
      <ArtDefinitions products={[product, ...similar]} />
      <article class="product">
        <Picture product={product} size="page" />
        <div class="product-text">
          {category === undefined ? null : (
            <p class="eyebrow">
              <a href={`/?category=${encodeURIComponent(category)}`}>
                {categoryName({ category, categories }, language)}
              </a>
            </p>
          )}
          <h1>{name}</h1>
          <p class="price">{money(product.unit_price_cents, product.currency, language)}</p>
          {description === undefined ? null : <p class="description">{description}</p>}
          <Stock words={words} count={product.available_count} />
          {choices === 0 ? null : (
            <form class="buy" method="post" action="/cart" data-add>
              <input type="hidden" name="sku" value={product.sku_id} />
              <input type="hidden" name="back" value={frame.here} />
              <label class="quantity">
                <span>{words.shop.quantity}</span>
                <select name="quantity">
                  {Array.from({ length: choices }, (_, index) => (
                    <option key={index} value={index + 1}>
                      {index + 1}
                    </option>
                  ))}
                </select>
              </label>
              <button class="button">
                <Icon name="cart" />
                {words.shop.add}
              </button>
            </form>
          )}
          {choices === 0 ? null : (
            <p class="promise">
              <Icon name="check" />
              {words.shop.delivery}
            </p>
          )}
        </div>
      </article>
      {similar.length === 0 ? null : (
        <section class="similar">
          <h2>{words.shop.similar}</h2>
          <ProductGrid frame={frame} products={similar} heading={3} />
        </section>
      )}
    </Page>
  );
}
