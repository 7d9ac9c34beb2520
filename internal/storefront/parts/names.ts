// What a product is called in the language of the page. Pure.
import type { Language } from "../format.ts";
import type { ShopProduct } from "../port.ts";

export function nameOf(product: ShopProduct, language: Language): string {
  return typeset(product.names?.[language] ?? product.name);
}

export function descriptionOf(product: ShopProduct, language: Language): string | undefined {
  const text = product.descriptions?.[language] ?? product.description;
  return text === undefined ? undefined : typeset(text);
}

/** A number and its unit stay on one line. */
const BEFORE_UNIT = /(?<=\d) (?=(?:%|°C|[mk]?g|[mc]?l|[cmk]?m)(?![\p{L}\p{N}]))/gu;

export function typeset(text: string): string {
  return text.replaceAll(BEFORE_UNIT, "\u00a0");
}
