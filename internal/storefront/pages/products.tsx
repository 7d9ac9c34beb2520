// `/`: the products, with search and categories.
import { money } from "../format.ts";
import type { CheckoutStatus, ProductsPage, ShopCategory, ShopProduct } from "../port.ts";
import { ArtDefinitions, Icon, Picture } from "../parts/art.tsx";
import { Empty, Page } from "../parts/layout.tsx";
import { categoryName, nameOf } from "../parts/names.ts";
import { OpenCheckouts } from "../parts/open-checkouts.tsx";
import { Stock } from "../parts/stock.tsx";
import type { Frame } from "../visit.ts";
import type { Words } from "../words/words.ts";

interface Props {
  readonly frame: Frame;
  readonly page: ProductsPage;
  readonly search: string;
  readonly category: string;
  readonly open: readonly CheckoutStatus[];
  readonly message?: string | undefined;
}

export function Products({ frame, page, search, category, open, message }: Props) {
  const { words } = frame;
  const isFiltered = search !== "" || category !== "";
  const chosen = page.categories.find((one) => one.category === category);
  const categoryText = chosen === undefined ? category : categoryName(chosen, frame.language);
  const title = titleOf(words, search, categoryText);
  return (
    <Page frame={frame} title={title} current="products" message={message}>
      <OpenCheckouts frame={frame} open={open} />
      <section class="intro">
        <h1>{title}</h1>
        {isFiltered ? null : <p class="lead">{words.shop.lead}</p>}
        <form class="search" action="/" role="search">
          <label class="visually-hidden" for="q">
            {words.shop.search}
          </label>
          <input
            id="q"
            name="q"
            type="search"
            value={search}
            placeholder={words.shop.search}
            autocomplete="off"
          />
          {category === "" ? null : <input type="hidden" name="category" value={category} />}
          <button class="button quiet">
            <Icon name="search" />
            <span>{words.shop.find}</span>
          </button>
        </form>
        <Categories frame={frame} categories={page.categories} category={category} />
      </section>
      {page.items.length === 0 ? (
        <Empty
          title={isFiltered ? words.shop.none : words.shop.empty}
          hint={isFiltered ? words.shop.noneHint : words.shop.emptyHint}
        >
          {isFiltered ? (
            <a class="button" href="/">
              {words.shop.all}
            </a>
          ) : null}
        </Empty>
      ) : (
        <>
          <ArtDefinitions products={page.items} />
          <ProductGrid frame={frame} products={page.items} heading={2} />
        </>
      )}
      {page.next === null && page.previous === null ? null : (
        <p class="more">
          {page.previous === null ? null : (
            <a class="button quiet" rel="prev" href={`/?${pageQuery(page.previous, search, category)}`}>
              <Icon name="back" />
              {words.shop.previous}
            </a>
          )}{" "}
          {page.next === null ? null : (
            <a class="button quiet" rel="next" href={`/?${pageQuery(page.next, search, category)}`}>
              {words.shop.more}
              <Icon name="arrow" />
            </a>
          )}
        </p>
      )}
    </Page>
  );
}

function Categories({
  frame,
  categories,
  category,
}: {
  frame: Frame;
  categories: readonly ShopCategory[];
  category: string;
}) {
  const { words, language } = frame;
  if (categories.length === 0) return null;
  const named = categories
    .map((one) => ({ key: one.category, name: categoryName(one, language) }))
    .toSorted((a, b) => a.name.localeCompare(b.name, language));
  return (
    <nav class="chips" aria-label={words.shop.categories}>
      {[{ key: "", name: words.shop.all }, ...named].map(({ key, name }) => (
        <a
          key={key}
          href={key === "" ? "/" : `/?category=${encodeURIComponent(key)}`}
          {...(key === category ? { "aria-current": "true" as const } : {})}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}

/** The page defines the drawings, once for all that it shows. */
export function ProductGrid({
  frame,
  products,
  heading,
}: {
  readonly frame: Frame;
  readonly products: readonly ShopProduct[];
  readonly heading: 2 | 3;
}) {
  const { words, language } = frame;
  const Heading = `h${heading}` as const;
  return (
    <ul class="grid">
      {products.map((product) => {
        const name = nameOf(product, language);
        return (
          <li key={product.sku_id} class="card">
            <a class="card-link" href={`/products/${product.sku_id}`}>
              <Picture product={product} size="card" />
              <Heading class="card-name">{name}</Heading>
            </a>
            <p class="card-price">{money(product.unit_price_cents, product.currency, language)}</p>
            <Stock words={words} count={product.available_count} />
            <form method="post" action="/cart" data-add>
              <input type="hidden" name="sku" value={product.sku_id} />
              <input type="hidden" name="back" value={frame.here} />
              <button class="button small" disabled={product.available_count === 0}>
                {words.shop.add}
                <span class="visually-hidden">: {name}</span>
              </button>
            </form>
          </li>
        );
      })}
    </ul>
  );
}

function titleOf({ shop }: Words, search: string, category: string): string {
  if (search === "") return category === "" ? shop.title : category;
  return category === "" ? shop.searchFor(search) : shop.searchIn(search, category);
}

/** `after` is empty for the first page. */
function pageQuery(after: string, search: string, category: string): string {
  return new URLSearchParams({
    ...(after === "" ? {} : { after }),
    ...(search === "" ? {} : { q: search }),
    ...(category === "" ? {} : { category }),
  }).toString();
}
