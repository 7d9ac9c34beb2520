// Catalogue files as merchants have them: what is read, and that every fault is reported with its line.
import { describe, expect, test } from "bun:test";
import { readProducts } from "./catalogue-file.ts";
import { priceWarnings } from "./catalogue-item.ts";
import { readDemoShop } from "./demo-shop.ts";

const HEADER = "sku_id,name,price,currency,stock_total";

async function* bytesOf(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? new TextEncoder().encode(part) : part;
}

const read = (text: string | Uint8Array, name = "shop.csv") => readProducts(name, bytesOf(text));

async function faultsIn(text: string | Uint8Array, name?: string): Promise<string> {
  return read(text, name).then(
    (items) => `accepted: ${JSON.stringify(items)}`,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

const tea = { sku_id: "tea", name: "Tea", unit_price_cents: 1_250, currency: "EUR", stock_total: 40 };

describe("CSV", () => {
  test.each([
    ["with LF", `${HEADER}\ntea,Tea,12.50,EUR,40\n`],
    ["without a last line end", `${HEADER}\ntea,Tea,12.50,EUR,40`],
    [
      "of Excel: byte order mark, CRLF, semicolons",
      `\uFEFF${HEADER.replaceAll(",", ";")}\r\ntea;Tea;12.50;EUR;40\r\n`,
    ],
    ["with tabs and blanks", `${HEADER.replaceAll(",", "\t")}\n tea \tTea\t12.50\tEUR\t40\n`],
    ["with empty lines", `\n${HEADER}\n\ntea,Tea,12.50,EUR,40\n\n`],
    ["in minor units", "sku_id,name,unit_price_cents,currency,stock_total\ntea,Tea,1250,EUR,40\n"],
  ])("%s", async (_, text) => {
    expect((await read(text)).map(({ item }) => item)).toEqual([tea]);
  });

  test("that arrives in pieces, cut within a character", async () => {
    const bytes = new TextEncoder().encode(`${HEADER}\ntea,Grüner Tee,12.50,EUR,40\n`);
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    const [product] = await readProducts("shop.csv", bytesOf(...pieces));
    expect(product).toEqual({ place: "line 2", item: { ...tea, name: "Grüner Tee" } });
  });

  test("with quotes, commas and line breaks in texts, which keep the line numbers right", async () => {
    const text = `${HEADER},description,description_de\r\na,"Tea, ""green""",1,EUR,1,"two\r\nlines",zwei\r\nb,B,2,EUR,2,,\r\n`;
    expect(await read(text)).toEqual([
      {
        place: "line 2",
        item: {
          sku_id: "a",
          name: 'Tea, "green"',
          unit_price_cents: 100,
          currency: "EUR",
          stock_total: 1,
          description: "two\nlines",
          descriptions: { de: "zwei" },
        },
      },
      {
        place: "line 4",
        item: {
          sku_id: "b",
          name: "B",
          unit_price_cents: 200,
          currency: "EUR",
          stock_total: 2,
          description: null,
          descriptions: null,
        },
      },
    ]);
  });

  test("an empty stock cell leaves the stock as it is; prices have the decimals of their currency", async () => {
    const text = `${HEADER}\na,A,500,JPY,\nb,B,1.86,KWD,\nc,C,0.5,EUR,\n`;
    expect((await read(text)).map(({ item }) => [item.unit_price_cents, item.stock_total])).toEqual([
      [500, undefined],
      [1_860, undefined],
      [50, undefined],
    ]);
  });

  test("every wrong line is reported, with its line and what belongs there", async () => {
    const lines = [
      HEADER,
      "a b,Tea,12.50,EUR,40",
      "ok,Tea,12.50,EUR,40",
      "c,,12.50,EUR,40",
      'd,Tea,"12,50",EUR,40',
      "e,Tea,12.505,EUR,40",
      "f,Tea,1,XTS,40",
      "g,Tea,1,EUR,-1",
      "h,Tea,1,EUR",
      "ok,Tea,1,EUR,1",
      "i,Tea,1.865,KWD,1",
      "j,Tea,1,EUR,1.5",
    ];
    const text = await faultsIn(lines.join("\n"));
    expect(text).toContain("shop.csv has 10 faults, and nothing was imported:");
    expect(text.split("\n").slice(1)).toEqual([
      expect.stringMatching(/^ {2}line 2: sku_id must be 1 to 64 letters.*, not "a b"$/),
      expect.stringMatching(/^ {2}line 4: name must be one line/),
      '  line 5: price must be an amount in EUR with a decimal point and at most 2 decimals, for example 12.50, not "12,50": write a point instead of the comma',
      expect.stringMatching(/^ {2}line 6: price must be an amount.*, not "12\.505"$/),
      expect.stringMatching(/^ {2}line 7: XTS is not a supported currency/),
      expect.stringMatching(/^ {2}line 8: stock_total must be a whole number/),
      "  line 9: has 4 cells instead of 5",
      "  line 10: sku_id ok already stands in line 3",
      expect.stringMatching(/^ {2}line 11: prices in KWD are multiples of 10/),
      expect.stringMatching(/^ {2}line 12: stock_total must be a whole number/),
    ]);
  });

  test("the faults of a file that is wrong everywhere are counted, and the first are shown", async () => {
    const text = await faultsIn(
      [HEADER, ...Array.from({ length: 5_000 }, (_, n) => `s${n},,1,EUR,1`)].join("\n"),
    );
    expect(text).toContain("5000 faults");
    expect(text.split("\n")).toHaveLength(52);
    expect(text).toEndWith("and 4950 more");
  });

  test.each([
    ["a missing column", "sku_id,name,price\na,A,1\n", "line 1: the column currency is missing"],
    ["no price", "sku_id,name,currency\na,A,EUR\n", "line 1: the column price is missing"],
    ["two prices", "sku_id,name,currency,price,unit_price_cents\n", "give one of the two"],
    ["an unknown column", `${HEADER},colour\n`, "line 1: the column colour is not known"],
    ["a column twice", `${HEADER},name\n`, "line 1: the column name stands there twice"],
    [
      "an open quote, at the line where it opens",
      `${HEADER}\na,"A",1,EUR,1\nb,"two\nlines",1,EUR,1\nc,"C,1,EUR,1\nd,D,1,EUR,1\n`,
      'line 5: a quote (") opens in the record that begins here, and is not closed',
    ],
    [
      "a decimal comma",
      `${HEADER}\na,A,12,50,EUR,1\n`,
      "line 2: has 6 cells instead of 5: a separator inside a cell",
    ],
    [
      "decimals of a currency without them",
      `${HEADER}\na,A,500.00,JPY,1\n`,
      'price must be an amount in JPY without decimals, for example 1250, not "500.00"',
    ],
    ["a long value, shortened", `${HEADER}\na,A,${"9".repeat(60)},EUR,1\n`, `not "${"9".repeat(40)}..."`],
    [
      "text after a quote",
      `${HEADER}\nb b,B,1,EUR,1\na,"A"x,1,EUR,1\n`,
      'line 3: a quote (") stands inside a cell',
    ],
    ["nothing", "", "line 1: the file is empty"],
    ["only a header", HEADER, "has no products"],
    ["add_count", `${HEADER},add_count\n`, "the column add_count is not known"],
  ])("rejected: %s", async (_, text, fault) => {
    expect(await faultsIn(text)).toContain(fault);
  });

  test("lines before an open quote are checked, too", async () => {
    expect(await faultsIn(`${HEADER}\nb b,B,1,EUR,1\na,"A,1,EUR,1\n`)).toContain("line 2: sku_id must be");
  });

  test("an old encoding is not taken for UTF-8", async () => {
    const bytes = Uint8Array.from(`${HEADER}\na,Gr\u00FCn,1,EUR,1\n`, (character) => character.charCodeAt(0));
    expect(await faultsIn(bytes)).toContain("is not UTF-8");
  });
});

describe("JSON", () => {
  const json = (...items: unknown[]) => JSON.stringify({ items });

  test("has the fields of the API", async () => {
    const item = { ...tea, names: { de: "Tee" }, picture: "/pictures/tea.webp", category: "Tea" };
    expect(await read(json(item), "shop.json")).toEqual([{ place: "item 1", item }]);
  });

  test.each([
    ["an unknown field", json({ ...tea, colour: "red" }), "item 1: colour is not a known field"],
    [
      "a missing field",
      json(tea, { sku_id: "b", name: "B", currency: "EUR" }),
      "item 2: unit_price_cents is missing",
    ],
    ["a language that is none", json({ ...tea, names: { Deutsch: "Tee" } }), "item 1: names"],
    [
      "a picture that is a script",
      json({ ...tea, picture: "javascript:alert(1)" }),
      "item 1: picture must be an https:// URL",
    ],
    ["a picture on any host", json({ ...tea, picture: "//example.com/a.png" }), "item 1: picture must be"],
    [
      "a count that each import would add",
      json({ ...tea, add_count: 1 }),
      "add_count would be added by each import",
    ],
    ["something that is no product", json(7), "item 1: the item must be an object"],
    ["no list", "[]", 'must be {"items": [..]}'],
    ["no JSON", "{", "is not JSON"],
  ])("rejected: %s", async (_, text, fault) => {
    expect(await faultsIn(text, "shop.json")).toContain(fault);
  });
});

test("a price below the least charge of its currency is a warning, and 0 is none", async () => {
  const items = await read(`${HEADER}\na,A,0.49,EUR,1\nb,B,0.50,EUR,1\nc,C,0,EUR,1\nd,D,40,JPY,1\n`);
  expect(priceWarnings(items)).toEqual([
    "line 2: one piece costs 0.49 EUR, and an order of less than 0.50 EUR is refused",
    "line 5: one piece costs 40 JPY, and an order of less than 50 JPY is refused",
  ]);
});

test("the demo shop has 60 products in two languages that can be paid", async () => {
  const items = (await readDemoShop()).map(({ item }) => item);
  expect(items).toHaveLength(60);
  expect(new Set(items.map(({ category }) => category)).size).toBeGreaterThan(4);
  for (const item of items) {
    expect(item.names).toEqual({ de: expect.any(String) });
    expect(item.categories).toEqual({ de: expect.any(String) });
    expect(item.descriptions).toEqual({ de: expect.any(String) });
    expect(item.description?.length).toBeGreaterThan(20);
    expect(item.unit_price_cents).toBeGreaterThan(100);
    expect(item.currency).toBe("EUR");
  }
});
