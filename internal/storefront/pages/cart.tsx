// `/cart`
import { MAX_QUANTITY } from "../../../schemas/fields.ts";
import { money } from "../format.ts";
import { ArtDefinitions, Icon, Picture } from "../parts/art.tsx";
import { Empty, Notice, Page } from "../parts/layout.tsx";
import { nameOf } from "../parts/names.ts";
import { OpenCheckouts } from "../parts/open-checkouts.tsx";
import { Stock } from "../parts/stock.tsx";
import type { CheckoutStatus } from "../port.ts";
import type { PricedCart, PricedLine } from "../priced-cart.ts";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  readonly cart: PricedCart;
  readonly open: readonly CheckoutStatus[];
  readonly message?: string | undefined;
}

export function CartPage({ frame, cart, open, message }: Props) {
  const { words, language } = frame;
  const products = cart.lines.flatMap(({ product }) => (product === null ? [] : [product]));
  return (
    <Page frame={frame} title={words.cart.title} current="cart" message={message}>
      <OpenCheckouts frame={frame} open={open} />
      <h1>{words.cart.title}</h1>
      {cart.lines.length === 0 ? (
        <Empty title={words.cart.empty} hint={words.cart.emptyHint}>
          <a class="button" href="/">
            {words.cart.look}
          </a>
        </Empty>
      ) : (
        <div class="two-columns">
          <div>
            <ArtDefinitions products={products} />
            {cart.isOrderable ? null : (
              <Notice>
                <p>{words.cart.fix}</p>
                {cart.lines.some(({ problem }) => problem === "short" || problem === "gone") ? (
                  <form method="post" action="/cart/fit">
                    <button class="button quiet small">{words.status.takeLeft}</button>
                  </form>
                ) : null}
              </Notice>
            )}
            <ul class="lines">
              {cart.lines.map((line) => (
                <Line key={line.sku_id} frame={frame} line={line} />
              ))}
            </ul>
          </div>
          <aside class="summary" aria-label={words.cart.total}>
            <p class="sum">
              <span>{words.cart.total}</span>
              <strong>{money(cart.total_cents, cart.currency, language)}</strong>
            </p>
            {cart.isOrderable ? (
              <a class="button wide" href="/checkout">
                {words.cart.checkout}
                <Icon name="arrow" />
              </a>
            ) : null}
            <p class="note">{words.cart.note}</p>
          </aside>
        </div>
      )}
    </Page>
  );
}

function Line({ frame, line }: { readonly frame: Frame; readonly line: PricedLine }) {
  const { words, language } = frame;
  const { product, quantity, sku_id, problem } = line;
  const name = product === null ? sku_id : nameOf(product, language);
  return (
    <li class="line">
      {product === null ? <span class="picture picture-line" /> : <Picture product={product} size="line" />}
      <div class="line-text">
        {product === null ? <strong>{name}</strong> : <a href={`/products/${sku_id}`}>{name}</a>}
        {product === null ? null : (
          <p class="note">{words.cart.each(money(product.unit_price_cents, product.currency, language))}</p>
        )}
        <Problem frame={frame} line={line} />
        <div class="line-actions">
          {problem === "not_sold" ? null : (
            <form method="post" action="/cart/quantity">
              <input type="hidden" name="sku" value={sku_id} />
              <label>
                <span class="visually-hidden">{words.cart.quantityOf(name)}</span>
                <input
                  name="quantity"
                  type="number"
                  inputMode="numeric"
                  min={0}
                  max={MAX_QUANTITY}
                  value={quantity}
                  required
                />
              </label>
              <button class="button quiet small">{words.cart.update}</button>
            </form>
          )}
          <form method="post" action="/cart/quantity">
            <input type="hidden" name="sku" value={sku_id} />
            <button class="plain" name="quantity" value="0" aria-label={words.cart.removeNamed(name)}>
              {words.cart.remove}
            </button>
          </form>
        </div>
      </div>
      {product === null ? null : (
        <p class="line-sum">{money(product.unit_price_cents * quantity, product.currency, language)}</p>
      )}
    </li>
  );
}

function Problem({ frame, line }: { readonly frame: Frame; readonly line: PricedLine }) {
  const { cart } = frame.words;
  switch (line.problem) {
    case "gone":
      return <p class="stock is-gone">{cart.gone}</p>;
    case "short":
      return <Stock words={frame.words} count={line.product?.available_count ?? 0} wanted={line.quantity} />;
    case "not_sold":
      return <p class="stock is-gone">{cart.notSold}</p>;
    case "other_currency":
      return <p class="stock is-gone">{cart.otherCurrency}</p>;
    default:
      return null;
  }
}
