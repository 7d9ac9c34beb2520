// What a product is called in the language of the page. Pure.
import type { Language } from "../format.ts";
import type { ShopProduct } from "../port.ts";

export function nameOf(product: ShopProduct, language: Language): string {
  return product.names?.[language] ?? product.name;
}

export function descriptionOf(product: ShopProduct, language: Language): string | undefined {
  return product.descriptions?.[language] ?? product.description;
}
