// Imports a merchant's catalogue through inventory's HTTP interface: first asks what every page would change, then changes it. So
// nothing is imported if inventory rejects any product. The file states the total stock, so an import that was cut short is simply
// repeated. Called by checkoutctl and the demo.
import type { CatalogueChanges, Problem } from "../../schemas/http.ts";
import { InventoryRejected, MAX_ITEMS_PER_REQUEST, putItems } from "./catalogue.ts";
import { rejected } from "./catalogue-file.ts";
import type { ServiceAt } from "./service-call.ts";
import { Faults, type Placed, type RestockItem } from "./catalogue-item.ts";

/** Far below inventory's limit for a body. */
const MAX_PAGE_BYTES = 1_024 * 1_024;

export interface ImportOptions {
  readonly inventory: ServiceAt;
  /** Of the file, for errors. */
  readonly name: string;
  readonly dryRun: boolean;
  /** Called after each page. */
  readonly onProgress: (step: "checked" | "imported", done: number, total: number) => void;
}

/** Returns what changed, or with `dryRun` what would change. Throws MESSAGE_INVALID with all faults before anything is changed. */
export async function importProducts(
  products: readonly Placed<RestockItem>[],
  { inventory, name, dryRun, onProgress }: ImportOptions,
): Promise<CatalogueChanges> {
  const pages = pagesOf(products);
  const faults = new Faults();
  const planned: CatalogueChanges[] = [];
  const pending: (readonly Placed<RestockItem>[])[] = [];
  let done = 0;
  for (const page of pages) {
    const changes = await sendPage(inventory, page, true, faults);
    done += page.length;
    onProgress("checked", done, products.length);
    if (changes === null) continue;
    planned.push(changes);
    if (changes.created + changes.changed > 0) pending.push(page);
  }
  if (faults.count > 0) throw rejected(name, faults);
  if (dryRun) return sumOf(planned);
  const unchanged = products.length - pending.reduce((sum, page) => sum + page.length, 0);
  const made: CatalogueChanges[] = [{ created: 0, changed: 0, unchanged, stock_added: 0, stock_removed: 0 }];
  done = unchanged;
  for (const page of pending) {
    // Stock was sold since the check if this fails; the pages before it stay, and a repeated import goes on from there.
    const changes = await sendPage(inventory, page, false, faults);
    if (changes === null) throw rejected(`${name} (after ${done} of ${products.length} products)`, faults);
    made.push(changes);
    done += page.length;
    onProgress("imported", done, products.length);
  }
  return sumOf(made);
}

/** Null if inventory rejected items of the page; its reasons are then in `faults`. */
async function sendPage(
  inventory: ServiceAt,
  page: readonly Placed<RestockItem>[],
  dryRun: boolean,
  faults: Faults,
): Promise<CatalogueChanges | null> {
  try {
    const items = page.map(({ item }) => item);
    return (await putItems(inventory, items, dryRun)).changes;
  } catch (error) {
    if (!(error instanceof InventoryRejected) || error.problem.errors === undefined) throw error;
    for (const fault of error.problem.errors) faults.add(...placedFault(page, fault));
    return null;
  }
}

/** `/items/4/stock_total` is a place in the request; people know the line of their file. */
function placedFault(
  page: readonly Placed<RestockItem>[],
  { path, message }: NonNullable<Problem["errors"]>[number],
): [place: string, message: string] {
  const [, index = "", field = ""] = /^\/items\/(\d+)\/?(.*)$/.exec(path) ?? [];
  return [page[Number(index)]?.place ?? path, `${field} ${message}`.trim()];
}

function pagesOf(products: readonly Placed<RestockItem>[]): readonly (readonly Placed<RestockItem>[])[] {
  const pages: Placed<RestockItem>[][] = [];
  let page: Placed<RestockItem>[] = [];
  let bytes = 0;
  for (const product of products) {
    const size = Buffer.byteLength(JSON.stringify(product.item));
    if (page.length > 0 && (page.length === MAX_ITEMS_PER_REQUEST || bytes + size > MAX_PAGE_BYTES)) {
      pages.push(page);
      [page, bytes] = [[], 0];
    }
    page.push(product);
    bytes += size;
  }
  return page.length > 0 ? [...pages, page] : pages;
}

function sumOf(parts: readonly CatalogueChanges[]): CatalogueChanges {
  const sum = (field: keyof CatalogueChanges) => parts.reduce((total, part) => total + part[field], 0);
  return {
    created: sum("created"),
    changed: sum("changed"),
    unchanged: sum("unchanged"),
    stock_added: sum("stock_added"),
    stock_removed: sum("stock_removed"),
  };
}
