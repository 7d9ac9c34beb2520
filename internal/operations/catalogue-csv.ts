// Reads products from CSV, as a spreadsheet exports it: UTF-8 with or without a byte order mark, any line end, commas, semicolons or
// tabs between the cells. Called by catalogue-file.ts.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CsvError, parse } from "csv-parse";
import { LANGUAGE } from "../../schemas/fields.ts";
import { isKnownCurrency, minorDigits, parseMoney } from "../kernel/money.ts";
import { checkedItem, type Faults, type Placed, quoted, type RestockItem } from "./catalogue-item.ts";

const SEPARATORS = [",", ";", "\t"] as const;
/** A quote that is never closed would otherwise take in the rest of the file. */
const MAX_RECORD_CHARACTERS = 200_000;

const REQUIRED = ["sku_id", "name", "currency"] as const;
const PRICES = ["price", "unit_price_cents"] as const;
const OPTIONAL = ["stock_total", "category", "description", "picture"] as const;
/** The fields of a product that hold a column's texts by language. */
const BY_LANGUAGE_FIELDS: Readonly<Record<string, string>> = {
  name: "names",
  description: "descriptions",
  category: "categories",
};
const BY_LANGUAGE = new RegExp(`^(${Object.keys(BY_LANGUAGE_FIELDS).join("|")})_(${LANGUAGE.slice(1, -1)})$`);
const KNOWN: ReadonlySet<string> = new Set([...REQUIRED, ...PRICES, ...OPTIONAL]);

/** Adds what is wrong to `faults`. */
export async function readCsv(chunks: AsyncIterable<string>, faults: Faults): Promise<Placed<RestockItem>[]> {
  const items: Placed<RestockItem>[] = [];
  let header: readonly string[] | undefined;
  let linesRead = 0;
  const onRecord = (cells: readonly string[], lines: number) => {
    linesRead = lines;
    // The parser counts up to the end of the record; people look for its beginning.
    const place = `line ${lines - cells.reduce((sum, cell) => sum + lineBreaks(cell), 0)}`;
    if (header === undefined) {
      header = cells.map((cell) => cell.trim());
      checkHeader(header, place, faults);
    } else if (isUsable(header)) {
      const item = itemOf(header, cells, place, faults);
      if (item !== null) items.push({ place, item });
    }
  };
  try {
    await parseRecords(chunks, onRecord);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // A quote that is not closed takes in the rest of the file, so the parser's own line is the last one.
    const isOpen = error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE";
    faults.add(`line ${isOpen ? linesRead + 1 : String(error["lines"])}`, sentenceOf(error));
  }
  if (header === undefined && faults.count === 0) faults.add("line 1", "the file is empty");
  return items;
}

/** `onRecord` also gets the records before one that cannot be parsed. `lines`: the line where the record ends. */
async function parseRecords(
  chunks: AsyncIterable<string>,
  onRecord: (cells: readonly string[], lines: number) => void,
): Promise<void> {
  const rest = withPlainLineEnds(chunks);
  let begin = "";
  for (let next = await rest.next(); ; next = await rest.next()) {
    begin += next.done === true ? "" : next.value;
    if (next.done === true || begin.trimStart().includes("\n")) break;
  }
  const parser = parse({
    delimiter: separatorOf(begin),
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    on_record: (record: string[], { lines }) => {
      onRecord(record, lines);
      return null;
    },
  });
  parser.resume();
  await pipeline(Readable.from(withBegin(begin, rest)), parser);
}

async function* withBegin(begin: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield begin;
  yield* rest;
}

/** The parser (csv-parse 7.0.3) counts CR LF in a quoted cell as two lines, so that all later line numbers would be wrong. */
async function* withPlainLineEnds(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let held = "";
  for await (const chunk of chunks) {
    const text = held + chunk;
    held = text.endsWith("\r") ? "\r" : "";
    yield (held === "" ? text : text.slice(0, -1)).replaceAll(/\r\n?/g, "\n");
  }
  yield held === "" ? "" : "\n";
}

/** The one that the header has most. */
function separatorOf(text: string): string {
  const [header = ""] = text.trimStart().split("\n");
  const counts = SEPARATORS.map((separator) => header.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ",";
}

function checkHeader(header: readonly string[], place: string, faults: Faults): void {
  for (const column of REQUIRED)
    if (!header.includes(column)) faults.add(place, `the column ${column} is missing`);
  const prices = PRICES.filter((column) => header.includes(column));
  if (prices.length === 0)
    faults.add(place, "the column price is missing (12.50), or unit_price_cents (1250)");
  if (prices.length > 1) faults.add(place, "price and unit_price_cents: give one of the two");
  for (const [index, column] of header.entries()) {
    if (header.indexOf(column) < index) faults.add(place, `the column ${column} stands there twice`);
    else if (!KNOWN.has(column) && !BY_LANGUAGE.test(column))
      faults.add(
        place,
        `${column === "" ? `column ${index + 1} has no name` : `the column ${column} is not known`}; known: ${[...KNOWN].join(", ")}, name_de, description_de, category_de`,
      );
  }
}

/** False if each line would repeat a fault of the header. */
function isUsable(header: readonly string[]): boolean {
  return (
    REQUIRED.every((column) => header.includes(column)) && PRICES.some((column) => header.includes(column))
  );
}

function itemOf(
  header: readonly string[],
  cells: readonly string[],
  place: string,
  faults: Faults,
): RestockItem | null {
  if (cells.length !== header.length) {
    const hint =
      cells.length > header.length
        ? ": a separator inside a cell, as in 12,50? Write 12.50, or put the cell in quotes"
        : "";
    faults.add(place, `has ${cells.length} cells instead of ${header.length}${hint}`);
    return null;
  }
  const row = new Map(header.map((column, index) => [column, cells[index] ?? ""]));
  const price = priceOf(row);
  if (typeof price === "string") faults.add(place, price);
  const value = {
    sku_id: row.get("sku_id"),
    name: row.get("name"),
    unit_price_cents: typeof price === "string" ? 0 : price,
    currency: row.get("currency"),
    ...stockOf(row.get("stock_total")),
    ...textsOf(row),
  };
  const item = checkedItem(value, place, faults, columnOf);
  return typeof price === "string" ? null : item;
}

/** In minor units, or what is wrong with it. */
function priceOf(row: ReadonlyMap<string, string>): number | string {
  const cents = row.get("unit_price_cents");
  if (cents !== undefined)
    return /^\d{1,10}$/.test(cents)
      ? Number(cents)
      : `unit_price_cents must be a whole number of minor units, not ${quoted(cents)}`;
  const [text = "", currency = ""] = [row.get("price"), row.get("currency")];
  // The item's own check names an unknown currency.
  if (!isKnownCurrency(currency)) return 0;
  return (
    parseMoney(text, currency) ??
    `price must be ${priceRule(currency)}, not ${quoted(text)}${commaHint(text)}`
  );
}

function priceRule(currency: string): string {
  const digits = minorDigits(currency) ?? 0;
  if (digits === 0) return `an amount in ${currency} without decimals, for example 1250`;
  const example = digits === 2 ? "12.50" : "1.250";
  return `an amount in ${currency} with a decimal point and at most ${digits} decimals, for example ${example}`;
}

function commaHint(text: string): string {
  return /^\d+,\d+$/.test(text) ? ": write a point instead of the comma" : "";
}

/** An empty cell leaves the stock as it is. */
function stockOf(text: string | undefined) {
  if (text === undefined || text === "") return {};
  return { stock_total: /^\d{1,10}$/.test(text) ? Number(text) : text };
}

/** An empty cell says that there is no text; without the column it stays as it is. */
function textsOf(row: ReadonlyMap<string, string>) {
  const texts: Record<string, string | Record<string, string> | null> = {};
  for (const field of ["category", "description", "picture"]) {
    const text = row.get(field);
    if (text !== undefined) texts[field] = text === "" ? null : text;
  }
  for (const [column, text] of row) {
    const [, field = "", language = ""] = BY_LANGUAGE.exec(column) ?? [];
    const fields = BY_LANGUAGE_FIELDS[field];
    if (fields === undefined) continue;
    const before = texts[fields];
    const others = typeof before === "object" ? before : null;
    texts[fields] = text === "" ? others : { ...others, [language]: text };
    texts[fields] ??= null;
  }
  return texts;
}

/** `names/de` is `name_de` in the file. */
function columnOf(field: string): string {
  const [fields = "", language] = field.split("/");
  const column = Object.keys(BY_LANGUAGE_FIELDS).find((one) => BY_LANGUAGE_FIELDS[one] === fields);
  return column === undefined || language === undefined ? field : `${column}_${language}`;
}

function lineBreaks(cell: string): number {
  return cell.split("\n").length - 1;
}

/** The parser's own sentences name its options. */
function sentenceOf({ code }: CsvError): string {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return 'a quote (") opens in the record that begins here, and is not closed';
    case "CSV_MAX_RECORD_SIZE":
      return `a record has more than ${MAX_RECORD_CHARACTERS} characters: is a quote (") not closed?`;
    case "INVALID_OPENING_QUOTE":
    case "CSV_INVALID_CLOSING_QUOTE":
      return 'a quote (") stands inside a cell: put the cell in quotes and write the quote twice';
    default:
      return `this is not CSV (${code})`;
  }
}
