// What a restock changes, compared with the stored products. Pure. Called by catalogue-store.ts, which then writes only what differs:
// a row that stays as it is must not be locked, because reservations need it all the time.
import type { CatalogueChanges, CatalogueItem, RestockRequest } from "../../../schemas/http.ts";

export type RestockItem = RestockRequest["items"][number];

/** A stored product. `stocked_count`: all pieces ever put on the shelf. */
export interface StoredProduct {
  readonly item: CatalogueItem;
  readonly stocked_count: number;
}

/** The new values of a stock row. `stock` counts pieces: to add, or in total. */
export interface ShelfChange extends Pick<
  CatalogueItem,
  "sku_id" | "name" | "unit_price_cents" | "currency"
> {
  readonly stock: number;
}

type TextsByLanguage = Readonly<Record<string, string>>;

/** The new values of a row of `products`; null where the product says nothing. */
export interface ProductText {
  readonly sku_id: string;
  readonly category: string | null;
  readonly description: string | null;
  readonly names: TextsByLanguage | null;
  readonly descriptions: TextsByLanguage | null;
  readonly categories: TextsByLanguage | null;
  readonly picture: string | null;
}

export interface RestockPlan {
  readonly adds: readonly ShelfChange[];
  readonly totals: readonly ShelfChange[];
  readonly texts: readonly ProductText[];
  readonly changes: CatalogueChanges;
  /** Items that cannot be applied; then nothing may be. */
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}

/** `items` have different SKUs. `stored` holds at least the existing products among them. */
export function planRestock(
  items: readonly RestockItem[],
  stored: ReadonlyMap<string, StoredProduct>,
): RestockPlan {
  const parts = items.map((item, index) => planItem(item, stored.get(item.sku_id), `/items/${index}`));
  const sum = (valueOf: (part: ItemPlan) => number) =>
    parts.reduce((total, part) => total + valueOf(part), 0);
  const count = (kind: ItemPlan["kind"]) => sum((part) => (part.kind === kind ? 1 : 0));
  return {
    adds: parts.flatMap(({ add }) => add ?? []),
    totals: parts.flatMap(({ total }) => total ?? []),
    texts: parts.flatMap(({ text }) => text ?? []),
    changes: {
      created: count("created"),
      changed: count("changed"),
      unchanged: count("unchanged"),
      stock_added: sum(({ stockDelta }) => Math.max(stockDelta, 0)),
      stock_removed: sum(({ stockDelta }) => Math.max(-stockDelta, 0)),
    },
    faults: parts.flatMap(({ fault }) => fault ?? []),
  };
}

/** What nothing changes comes to; for a delivery that was already added. */
export function noChanges(items: readonly RestockItem[]): CatalogueChanges {
  return { created: 0, changed: 0, unchanged: items.length, stock_added: 0, stock_removed: 0 };
}

interface ItemPlan {
  readonly kind: "created" | "changed" | "unchanged";
  readonly add?: ShelfChange;
  readonly total?: ShelfChange;
  readonly text?: ProductText;
  readonly stockDelta: number;
  readonly fault?: { readonly path: string; readonly message: string };
}

function planItem(item: RestockItem, before: StoredProduct | undefined, path: string): ItemPlan {
  const { sku_id, name, unit_price_cents, currency, add_count = 0, stock_total } = item;
  const stocked = before?.stocked_count ?? 0;
  const stockDelta = stock_total === undefined ? add_count : stock_total - stocked;
  const shelf = { sku_id, name, unit_price_cents, currency, stock: stock_total ?? add_count };
  const isShelfNew = before === undefined || stockDelta !== 0 || differs(shelf, before.item);
  const text = textOf(item, before?.item);
  const isTextNew = !hasTexts(before?.item ?? {}, text);
  return {
    kind: before === undefined ? "created" : isShelfNew || isTextNew ? "changed" : "unchanged",
    ...(isShelfNew && (stock_total === undefined ? { add: shelf } : { total: shelf })),
    ...(isTextNew && { text }),
    stockDelta,
    ...faultOf(item, before, path),
  };
}

function differs(shelf: ShelfChange, { name, unit_price_cents, currency }: CatalogueItem): boolean {
  return shelf.name !== name || shelf.unit_price_cents !== unit_price_cents || shelf.currency !== currency;
}

function hasTexts(before: Partial<CatalogueItem>, text: ProductText): boolean {
  return (
    (before.category ?? null) === text.category &&
    (before.description ?? null) === text.description &&
    (before.picture ?? null) === text.picture &&
    isSame(before.names ?? {}, text.names ?? {}) &&
    isSame(before.descriptions ?? {}, text.descriptions ?? {}) &&
    isSame(before.categories ?? {}, text.categories ?? {})
  );
}

/** The database does not keep the order of the languages. */
function isSame(a: TextsByLanguage, b: TextsByLanguage): boolean {
  const languages = Object.keys(a);
  return (
    languages.length === Object.keys(b).length && languages.every((language) => a[language] === b[language])
  );
}

function textOf(item: RestockItem, before: Partial<CatalogueItem> = {}): ProductText {
  return {
    sku_id: item.sku_id,
    category: kept(item.category, before.category),
    description: kept(item.description, before.description),
    names: orNull(kept(item.names, before.names)),
    descriptions: orNull(kept(item.descriptions, before.descriptions)),
    categories: orNull(kept(item.categories, before.categories)),
    picture: kept(item.picture, before.picture),
  };
}

/** An absent field keeps its stored value, null removes it. */
function kept<Value>(given: Value | null | undefined, before: Value | undefined): Value | null {
  return given === undefined ? (before ?? null) : given;
}

function orNull(texts: TextsByLanguage | null): TextsByLanguage | null {
  return texts !== null && Object.keys(texts).length > 0 ? texts : null;
}

function faultOf(
  { add_count, stock_total }: RestockItem,
  before: StoredProduct | undefined,
  path: string,
): Pick<ItemPlan, "fault"> {
  if (stock_total === undefined) return {};
  const fault = (message: string) => ({ fault: { path: `${path}/stock_total`, message } });
  if (add_count !== undefined) return fault("stands beside add_count: give one of the two");
  const taken = before === undefined ? 0 : before.stocked_count - before.item.available_count;
  if (stock_total >= taken) return {};
  const pieces = taken === 1 ? "1 piece that is" : `${taken} pieces that are`;
  return fault(`is less than the ${pieces} sold or reserved`);
}
