// `checkoutctl catalogue import`: a merchant's products from a file.
import type { CatalogueChanges } from "../../../schemas/http.ts";
import { readProducts } from "../../../internal/operations/catalogue-file.ts";
import { importProducts } from "../../../internal/operations/catalogue-import.ts";
import { priceWarnings } from "../../../internal/operations/catalogue-item.ts";
import { DEMO_SHOP, readDemoShop } from "../../../internal/operations/demo-shop.ts";
import { byteStream, command, print } from "../command.ts";
import { serviceAt } from "../operator.ts";
import { progress } from "../progress.ts";
import { loadSettings } from "../settings.ts";

const MAX_WARNINGS_SHOWN = 10;

const HELP = `
A CSV file has a header line. Its columns, in any order:
  sku_id, name, currency        required
  price                         12.50, with a point (1250 in JPY); or unit_price_cents: 1250 (minor units of the currency)
  stock_total                   pieces ever put on the shelf, those sold since included; empty: the stock stays as it is
  category, description,
  picture                       empty: none; without the column they stay as they are
  name_de, description_de,
  category_de, ..               the texts in other languages

A JSON file (its name ends in .json) has {"items": [..]} with sku_id, name, unit_price_cents, currency, stock_total, category,
description, names {"de": ..}, descriptions {"de": ..}, categories {"de": ..}, picture.

The import is all or nothing: one wrong line, and nothing is changed. It can be repeated, also beside open checkouts: a total that
is already there changes nothing, and a new one changes what is available by the difference, so that sold and reserved pieces stay
so. To add a delivery of 20 pieces, raise stock_total by 20. Products that the file does not name stay as they are.`;

export const importCommand = command(
  "import",
  "import products, prices, texts and stock from a CSV or JSON file",
)
  .argument("[file]", 'CSV, or JSON if its name ends in .json; "-" reads CSV from stdin')
  .option("--demo", "import the 60 products of the demo shop instead of a file")
  .option("--dry-run", "only show what would change")
  .addHelpText("after", HELP)
  .action(async (file, options, self) => {
    const { demo = false, dryRun = false } = options;
    if ((file === undefined) === !demo) self.error("error: give either a file or --demo");
    const inventory = await serviceAt(loadSettings(options.stack), "INVENTORY_URL");
    const name = file ?? DEMO_SHOP;
    const products =
      file === undefined ? await readDemoShop() : await readProducts(name, await byteStream(file));
    showWarnings(priceWarnings(products));
    using bar = progress();
    const changes = await importProducts(products, {
      inventory,
      name,
      dryRun,
      // Small files are done before anybody looks.
      onProgress: (step, done, total) => total > 1_000 && bar.show(`products ${step}`, done, total),
    });
    bar[Symbol.dispose]();
    print(options, { dry_run: dryRun, ...changes }, () => summaryOf(changes, dryRun));
  });

function showWarnings(warnings: readonly string[]): void {
  for (const warning of warnings.slice(0, MAX_WARNINGS_SHOWN)) process.stderr.write(`warning: ${warning}\n`);
  const left = warnings.length - MAX_WARNINGS_SHOWN;
  if (left > 0) process.stderr.write(`warning: and ${left} more prices of this kind\n`);
}

function summaryOf(changes: CatalogueChanges, dryRun: boolean): string {
  const { created, changed, unchanged, stock_added, stock_removed } = changes;
  const products = `${created} new, ${changed} changed, ${unchanged} unchanged`;
  const stock = `stock: ${stock_added} ${stock_added === 1 ? "piece" : "pieces"} more, ${stock_removed} fewer`;
  return `${dryRun ? "dry run, nothing was changed: " : ""}${products}; ${stock}`;
}
