// `checkoutctl catalogue`: adds and lists products and stock.
import { Option } from "@commander-js/extra-typings";
import { plural } from "../../../internal/kernel/counted.ts";
import {
  demoCatalogue,
  listCatalogue,
  loadCatalogue,
  parseCatalogue,
} from "../../../internal/operations/catalogue.ts";
import { command, count, group, money, print, readText, table } from "../command.ts";
import { serviceAt } from "../operator.ts";
import { loadSettings } from "../settings.ts";
import { importCommand } from "./catalogue-import.ts";
import { rebuildCommand } from "./catalogue-rebuild.ts";

const load = command(
  "load",
  "add products and stock, again at each call (see `import` for files that state the total); existing products get the new name and price, and more stock",
)
  .argument(
    "[file]",
    'JSON: {"items": [{sku_id, name, unit_price_cents, currency, add_count}]}, prices in minor units of their currency (1250 is 12.50 EUR, 1250 JPY, 1.250 KWD); "-" reads stdin',
  )
  .addOption(
    new Option(
      "--demo <count>",
      "add this many generated products instead of a file, for load tests; the demo shop is `import --demo`",
    ).argParser(count),
  )
  .option("--stock <count>", "with --demo: stock per product", count, 1_000)
  .option("--currency <code>", "with --demo: ISO 4217 code", "EUR")
  .action(async (file, options, self) => {
    if ((file === undefined) === (options.demo === undefined))
      self.error("error: give either a file or --demo");
    const items =
      file === undefined
        ? demoCatalogue(options.demo ?? 0, options.stock, options.currency)
        : parseCatalogue(await readText(file), file);
    await loadCatalogue(await serviceAt(loadSettings(options.stack), "INVENTORY_URL"), items);
    const units = items.reduce((sum, item) => sum + (item.add_count ?? 0), 0);
    print(
      options,
      { loaded: items.length, units },
      () => `${plural(items.length, "product")} loaded, ${plural(units, "unit")} added`,
    );
  });

const ls = command(
  "ls",
  "list products with price, available stock, and the total ever put on the shelf",
).action(async (options) => {
  const items = await listCatalogue(await serviceAt(loadSettings(options.stack), "INVENTORY_URL"));
  print(options, items, () =>
    table(
      ["SKU", "NAME", "PRICE", "AVAILABLE", "TOTAL"],
      items.map((item) => [
        item.sku_id,
        item.name,
        money(item.unit_price_cents, item.currency),
        item.available_count,
        item.stocked_count ?? null,
      ]),
    ),
  );
});

export const catalogueCommand = group("catalogue", "products and stock")
  .addCommand(importCommand)
  .addCommand(load)
  .addCommand(ls)
  .addCommand(rebuildCommand);
