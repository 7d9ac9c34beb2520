// What a product and its category are called in the language of the page. Pure.
import type { Language } from "../format.ts";
import type { ShopCategory, ShopProduct } from "../port.ts";

export function nameOf(product: ShopProduct, language: Language): string {
  return typeset(product.names?.[language] ?? product.name);
}

export function descriptionOf(product: ShopProduct, language: Language): string | undefined {
  const text = product.descriptions?.[language] ?? product.description;
  return text === undefined ? undefined : typeset(text);
}

export function categoryName({ category, categories }: ShopCategory, language: Language): string {
  return typeset(categories?.[language] ?? category);
}

/** The different categories of these products; the first product with texts gives them. */
export function categoriesOf(products: readonly ShopProduct[]): readonly ShopCategory[] {
  const found = new Map<string, ShopCategory>();
  for (const { category, categories } of products) {
    if (category === undefined || found.get(category)?.categories !== undefined) continue;
    found.set(category, categories === undefined ? { category } : { category, categories });
  }
  return [...found.values()];
}

/** A number and its unit stay on one line. */
const BEFORE_UNIT = /(?<=\d) (?=(?:%|°C|[mk]?g|[mc]?l|[cmk]?m)(?![\p{L}\p{N}]))/gu;

export function typeset(text: string): string {
  return text.replaceAll(BEFORE_UNIT, "\u00a0");
}
