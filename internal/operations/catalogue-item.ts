// One product of a merchant's file: checks it, and names what is wrong as the file does. Called by catalogue-csv.ts and catalogue-file.ts.
import { RestockRequest } from "../../schemas/http.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { chargeLimits } from "../kernel/charge-limits.ts";
import { moneyText, priceFault } from "../kernel/money.ts";

export type RestockItem = RestockRequest["items"][number];

/** A product and where it stands, for example `line 12`. */
export interface Placed<Item> {
  readonly place: string;
  readonly item: Item;
}

/** The faults of a file. The first are kept, all are counted: a wrong separator is a fault in every line. */
export class Faults {
  static readonly MAX_KEPT = 50;
  readonly #kept: { readonly place: string; readonly message: string }[] = [];
  count = 0;

  add(place: string, message: string): void {
    this.count += 1;
    if (this.#kept.length < Faults.MAX_KEPT) this.#kept.push({ place, message });
  }

  /** One line for each, in the order of the file. */
  text(): string {
    const more = this.count - this.#kept.length;
    const lines = this.#kept
      .toSorted((one, other) => numberOf(one.place) - numberOf(other.place))
      .map(({ place, message }) => `${place}: ${message}`);
    return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].map((line) => `  ${line}`).join("\n");
  }
}

/** Of `line 12` or `item 12`; 0 for the file as a whole. */
function numberOf(place: string): number {
  return Number(/^(?:line|item) (\d+)$/.exec(place)?.[1] ?? 0);
}

const MAX_QUOTED_CHARACTERS = 40;

/** A wrong value, shortened. It comes from the operator's own file. */
export function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(
    text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS).toWellFormed()}...` : text,
  );
}

/** Prices that are allowed but cannot be charged alone; one sentence each. */
export function priceWarnings(products: readonly Placed<RestockItem>[]): readonly string[] {
  return products.flatMap(({ place, item: { unit_price_cents, currency } }) => {
    const { minimum } = chargeLimits(currency);
    if (unit_price_cents === 0 || unit_price_cents >= minimum) return [];
    const [price, least] = [moneyText(unit_price_cents, currency), moneyText(minimum, currency)];
    return [`${place}: one piece costs ${price}, and an order of less than ${least} is refused`];
  });
}

/** What a field may hold; the schema's own messages show patterns. */
const RULES: Readonly<Record<string, string>> = {
  sku_id: "1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit",
  name: "one line of 1 to 200 characters",
  unit_price_cents: "a whole number of minor units from 0 to 9999999999",
  currency: "an ISO 4217 code such as EUR",
  stock_total: "a whole number from 0 to 1000000000",
  category: "one line of 1 to 100 characters",
  description: "text of 1 to 4000 characters",
  names: "lines of 1 to 200 characters by language, such as de or pt-BR; at most 20 languages",
  descriptions: "texts of 1 to 4000 characters by language, such as de or pt-BR; at most 20 languages",
  categories: "lines of 1 to 100 characters by language, such as de or pt-BR; at most 20 languages",
  picture: "an https:// URL, or a path that begins with one slash; no blanks, at most 500 characters",
};

const schema = RestockRequest.properties.items.items;
const restockItem = new LateCheck(schema);

/** `nameOf` gives the file's name of a field such as `unit_price_cents` or `names/de`. Returns null after it added the faults. */
export function checkedItem(
  value: unknown,
  place: string,
  faults: Faults,
  nameOf: (field: string) => string,
): RestockItem | null {
  if (!restockItem.Check(value)) {
    for (const [field, message] of messagesOf(value)) faults.add(place, `${nameOf(field)} ${message}`);
    return null;
  }
  if (value.add_count !== undefined) {
    faults.add(place, "add_count would be added by each import: use stock_total, or `catalogue load`");
    return null;
  }
  const fault = priceFault({ amount_cents: value.unit_price_cents, currency: value.currency });
  if (fault === null) return value;
  faults.add(place, fault);
  return null;
}

/** One message for each field: a wrong value breaks several rules of the schema at once. */
function messagesOf(value: unknown): ReadonlyMap<string, string> {
  const messages = new Map<string, string>();
  for (const error of restockItem.Errors(value)) {
    const field = error.path.slice(1);
    const [first = ""] = field.split("/");
    const rule = RULES[first];
    const isMissing = error.value === undefined;
    const isUnknown = first !== "" && !(first in schema.properties);
    const message = isUnknown
      ? "is not a known field"
      : isMissing
        ? "is missing"
        : `must be ${rule ?? "an object with the fields of a product"}, not ${quoted(error.value)}`;
    if (!messages.has(field)) messages.set(field, message);
  }
  return messages;
}

/** Adds a fault for each SKU that stands in the file twice. */
export function checkUnique(items: readonly Placed<RestockItem>[], faults: Faults): void {
  const first = new Map<string, string>();
  for (const { place, item } of items) {
    const before = first.get(item.sku_id);
    if (before === undefined) first.set(item.sku_id, place);
    else faults.add(place, `sku_id ${item.sku_id} already stands in ${before}`);
  }
}
