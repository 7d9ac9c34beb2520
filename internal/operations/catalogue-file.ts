// Reads a merchant's catalogue, CSV or JSON, and reports everything that is wrong with it. Called by catalogue-import.ts.
import { AppError } from "../kernel/errors.ts";
import { readCsv } from "./catalogue-csv.ts";
import { checkedItem, checkUnique, Faults, type Placed, type RestockItem } from "./catalogue-item.ts";

/** What one import holds in memory. */
export const MAX_PRODUCTS = 100_000;
const MAX_BYTES = 256 * 1_024 * 1_024;

/** `name` ends in .json for JSON; everything else is CSV. Throws MESSAGE_INVALID with all faults. */
export async function readProducts(
  name: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<readonly Placed<RestockItem>[]> {
  const faults = new Faults();
  const read = name.endsWith(".json") ? readJson : readCsv;
  const items = await read(decoded(name, bytes), faults);
  checkUnique(items, faults);
  if (items.length > MAX_PRODUCTS)
    faults.add(name, `has ${items.length} products, more than ${MAX_PRODUCTS}: split it`);
  if (faults.count === 0 && items.length === 0) faults.add(name, "has no products");
  if (faults.count > 0) throw rejected(name, faults);
  return items;
}

export function rejected(name: string, faults: Faults): AppError {
  const what = faults.count === 1 ? "1 fault" : `${faults.count} faults`;
  return new AppError("MESSAGE_INVALID", `${name} has ${what}, and nothing was imported:\n${faults.text()}`);
}

/** Text without a byte order mark. A spreadsheet that saves in an old encoding would otherwise spoil names silently. */
async function* decoded(name: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let size = 0;
  try {
    for await (const chunk of bytes) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new AppError("MESSAGE_INVALID", `${name} is larger than 256 MiB: split it`);
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof AppError || !(error instanceof TypeError)) throw error;
    throw new AppError("MESSAGE_INVALID", `${name} is not UTF-8: save it as "CSV UTF-8"`, { cause: error });
  }
}

async function readJson(chunks: AsyncIterable<string>, faults: Faults): Promise<Placed<RestockItem>[]> {
  const text = (await Array.fromAsync(chunks)).join("");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    faults.add("the file", "is not JSON");
    return [];
  }
  const list = typeof value === "object" && value !== null && "items" in value ? value.items : null;
  if (!Array.isArray(list)) {
    faults.add("the file", 'must be {"items": [..]}');
    return [];
  }
  return list.flatMap((entry: unknown, index) => {
    const place = `item ${index + 1}`;
    const item = checkedItem(entry, place, faults, (field) => field || "the item");
    return item === null ? [] : [{ place, item }];
  });
}
