// `checkoutctl catalogue import` against inventory's HTTP interface on a real Postgres.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { CatalogueChanges, CatalogueItem } from "../../schemas/http.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { readProducts } from "../../internal/operations/catalogue-file.ts";
import { importProducts } from "../../internal/operations/catalogue-import.ts";
import { type HttpServer, serveHttp } from "../../internal/platform/serve-http.ts";
import { catalogueApi } from "../../internal/services/inventory/catalogue-http.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { noLog } from "../../internal/testkit/noop-telemetry.ts";
import { accessTo, AS_ADA, tokenOfPerson } from "../../internal/testkit/callers.ts";
import { reserveInventory } from "../../internal/testkit/commands.ts";
import { waitUntil } from "../../internal/stack/wait.ts";
import { TestInventory } from "../../internal/testkit/inventory.ts";

let tool: Checkoutctl;
let inventory: TestInventory;
let server: HttpServer;
let url: string;

beforeAll(async () => {
  tool = await Checkoutctl.open();
  inventory = await TestInventory.open({});
  const api = catalogueApi({
    access: accessTo("inventory"),
    database: inventory.database.postgres,
    log: noLog,
    currencies: shopCurrencies("EUR"),
  });
  server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await inventory[Symbol.asyncDispose]();
  await tool[Symbol.asyncDispose]();
});

type Result = CatalogueChanges & { readonly dry_run: boolean };
const importFile = (...args: string[]) => tool.run(["catalogue", "import", ...args], { INVENTORY_URL: url });
const imported = (...args: string[]) =>
  tool.json<Result>(["catalogue", "import", ...args], { INVENTORY_URL: url });

async function fileOf(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(tool.directory, name);
  await Bun.write(path, `${["sku_id,name,price,currency,stock_total", ...lines].join("\r\n")}\r\n`);
  return path;
}

const productsOf = (...lines: readonly string[]) =>
  readProducts(
    "shop.csv",
    new Blob([["sku_id,name,price,currency,stock_total", ...lines].join("\n")]).stream(),
  );
const importAll = async (...lines: readonly string[]) =>
  importProducts(await productsOf(...lines), {
    inventory: { url, token: await tokenOfPerson("ada") },
    name: "shop.csv",
    dryRun: false,
    onProgress: () => undefined,
  });

async function product(sku: string): Promise<CatalogueItem | undefined> {
  const response = await fetch(`${url}/catalogue/${sku}`, { headers: AS_ADA });
  if (response.status === 404) return undefined;
  const item: CatalogueItem = JSON.parse(await response.text());
  return item;
}

const reserve = (sku_id: string, quantity: number) =>
  inventory.handle(reserveInventory(Bun.randomUUIDv7(), [[sku_id, quantity]]));

const nothing = { created: 0, changed: 0, stock_added: 0, stock_removed: 0 };

test("the demo shop: a dry run changes nothing, the import does, a second one does not, even after a sale", async () => {
  expect(await imported("--demo", "--dry-run")).toMatchObject({ dry_run: true, created: 60 });
  expect(await product("tea-matcha-30")).toBeUndefined();

  expect(await imported("--demo")).toMatchObject({ dry_run: false, created: 60, changed: 0, unchanged: 0 });
  expect(await product("tea-matcha-30")).toMatchObject({
    name: "Ceremonial Matcha, 30 g",
    names: { de: "Matcha für die Teezeremonie, 30 g" },
    category: "Tea",
    categories: { de: "Tee" },
    unit_price_cents: 2_400,
    available_count: 90,
    descriptions: { de: expect.stringContaining("zwanzig Schalen") },
  });

  await reserve("tea-matcha-30", 4);
  const before = await inventory.database.sql`select sku_id, xmin from inventory order by sku_id`;
  expect(await imported("--demo")).toEqual({ dry_run: false, ...nothing, unchanged: 60 });
  expect((await product("tea-matcha-30"))?.available_count).toBe(86);
  const { stdout } = await tool.run(["catalogue", "ls"], { INVENTORY_URL: url });
  expect(stdout).toMatch(/^tea-matcha-30 +Ceremonial Matcha, 30 g +24\.00 EUR +86 +90$/m);
  // Not even rewritten: an import of a known file costs reservations nothing.
  expect([...(await inventory.database.sql`select sku_id, xmin from inventory order by sku_id`)]).toEqual([
    ...before,
  ]);
});

test("a wrong line: every fault is named with its line, and nothing is imported", async () => {
  const file = await fileOf("wrong.csv", "w-1,Good,1.00,EUR,5", "w-2,,1.00,EUR,5", "w-3,Bad,1.005,EUR,5");
  const { code, stderr } = await importFile(file);
  expect(code).toBe(3);
  expect(stderr).toContain("2 faults, and nothing was imported");
  expect(stderr).toContain("line 3: name must be one line");
  expect(stderr).toContain("line 4: price must be an amount in EUR");
  expect(await product("w-1")).toBeUndefined();
});

test("what only inventory can know stops the whole import, too, with the line in the file", async () => {
  await importAll("i-low,Low,1.00,EUR,10");
  await reserve("i-low", 7);
  const many = Array.from({ length: 1_000 }, (_, n) => `i-${n},Product ${n},1.00,EUR,5`);
  const file = await fileOf("refused.csv", ...many, "i-low,Low,1.00,EUR,6", "i-chf,Swiss,1.00,CHF,1");
  const { code, stderr } = await importFile(file);
  expect(code).toBe(3);
  expect(stderr).toContain("line 1003: currency this shop does not sell in CHF; its currencies: EUR");
  expect(await product("i-0")).toBeUndefined();

  const low = await importFile(await fileOf("low.csv", ...many, "i-low,Low,1.00,EUR,6"));
  expect(low.stderr).toContain("line 1002: stock_total is less than the 7 pieces that are sold or reserved");
  expect(await product("i-0")).toBeUndefined();
  expect(await product("i-low")).toMatchObject({ available_count: 3 });
});

test("5,000 lines are imported in pages, in a pipe without a bar; what was imported before stays unchanged", async () => {
  const lines = Array.from({ length: 5_000 }, (_, n) => `large-${n},"Product, no. ${n}",12.50,EUR,${n}`);
  const file = await fileOf("large.csv", ...lines);
  const first = await importFile(file);
  expect(first.stdout).toBe("5000 new, 0 changed, 0 unchanged; stock: 12497500 pieces more, 0 fewer\n");
  expect(first.stderr).toBe("");
  expect(await product("large-4999")).toMatchObject({ name: "Product, no. 4999", available_count: 4_999 });

  const changed = await fileOf("large.csv", ...lines.with(2_500, `large-2500,New name,13.00,EUR,2400`));
  expect(await imported(changed)).toEqual({
    dry_run: false,
    created: 0,
    changed: 1,
    unchanged: 4_999,
    stock_added: 0,
    stock_removed: 100,
  });
  expect(await imported(changed)).toEqual({ dry_run: false, ...nothing, unchanged: 5_000 });
  expect(await product("large-2500")).toMatchObject({ name: "New name", available_count: 2_400 });
});

test("imports beside reservations lose and double no piece, also two imports of new products at once", async () => {
  const skus = ["c-1", "c-2", "c-3"];
  const importWith = (total: number) => importAll(...skus.map((sku) => `${sku},C,1.00,EUR,${total}`));
  await Promise.all([importWith(100), importWith(100), importWith(100)]);
  expect(await product("c-1")).toMatchObject({ available_count: 100 });

  let reserved = 0;
  const shop = async () => {
    for (let round = 0; round < 40; round += 1) {
      await reserve(skus[round % 3] ?? "c-1", 1);
      reserved += 1;
    }
  };
  const restock = async () => {
    // Up and down, and each of them twice.
    for (const total of [150, 150, 120, 120, 300, 300, 200, 200]) await importWith(total);
  };
  await Promise.all([shop(), shop(), restock(), restock()]);
  await importWith(200);
  expect(reserved).toBe(80);
  const left = await Promise.all(skus.map(async (sku) => (await product(sku))?.available_count ?? 0));
  expect(left.reduce((sum, count) => sum + count, 0)).toBe(3 * 200 - reserved);
  expect(await inventory.leaks()).toEqual([]);
});

test("a total that gets too small between check and import is refused, and stock stays right", async () => {
  await importAll("r-1,R,1.00,EUR,10");
  const { sql } = inventory.database;
  // given a reservation that commits while the import already waits for the row
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const reservation = sql.begin(async (tx) => {
    await tx`update inventory set available_count = 2 where sku_id = 'r-1'`;
    take();
    await committed;
  });
  await taken;
  // when
  const refusal = importAll("r-1,R,1.00,EUR,4").catch((error: unknown) => String(error));
  const isWaiting = async () => {
    const rows = await sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return rows.length > 0;
  };
  await waitUntil("the import waits for the row", isWaiting, { timeoutMs: 30_000 });
  commit();
  await reservation;
  // then
  expect(await refusal).toContain("line 2: stock_total is less than the 8 pieces that are sold or reserved");
  expect(await product("r-1")).toMatchObject({ available_count: 2 });
});

test.each([
  ["no file", [], 2, "give either a file or --demo"],
  ["a file that does not exist", ["/nowhere.csv"], 78, "there is no file /nowhere.csv"],
])("%s", async (_, args, code, complaint) => {
  expect(await importFile(...args)).toMatchObject({ code, stderr: expect.stringContaining(complaint) });
});
