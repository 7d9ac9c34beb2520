// The products of the demo shop, from demo-shop.csv, which is also an example of a catalogue to import. Used by checkoutctl and the
// demo.
import demoShop from "./demo-shop.csv" with { type: "text" };
import { readProducts } from "./catalogue-file.ts";
import type { Placed, RestockItem } from "./catalogue-item.ts";

export const DEMO_SHOP = "demo-shop.csv";

export function readDemoShop(): Promise<readonly Placed<RestockItem>[]> {
  return readProducts(DEMO_SHOP, new Blob([demoShop]).stream());
}
