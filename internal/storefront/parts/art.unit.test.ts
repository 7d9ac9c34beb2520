// Which drawing and which colours products get, over the demo shop's products and over words that mislead.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { h } from "preact";
import { render } from "preact-render-to-string";
import { readDemoShop } from "../../operations/demo-shop.ts";
import { PRODUCTS } from "../../testkit/storefront.ts";
import type { ShopProduct } from "../port.ts";
import { FALLBACK, markOf, motifOf } from "./art-choice.ts";
import { TONES, toneOf } from "./art-tone.ts";
import { ArtDefinitions, Picture } from "./art.tsx";
import { DRAWINGS } from "./art/drawings.ts";
import { MARKS } from "./art/marks.tsx";

const product = (name: string, category?: string): ShopProduct => ({
  sku_id: "x",
  name,
  unit_price_cents: 100,
  currency: "EUR",
  available_count: 1,
  ...(category === undefined ? {} : { category }),
});
const demoShop: readonly ShopProduct[] = (await readDemoShop()).map(({ item }) => ({
  ...product(item.name ?? "", item.category ?? ""),
  sku_id: item.sku_id,
  names: item.names ?? {},
}));
const bySku = new Map(demoShop.map((one) => [one.sku_id, one]));

describe("the demo shop", () => {
  const pinned: readonly (readonly [sku: string, motif: string, tone: string, mark: string | null])[] = [
    ["tea-earl-grey-100", "tin", "indigo", "citrus"],
    ["tea-white-50", "tin", "porcelain", "flower"],
    ["tea-herbs-80", "tin", "moss", "sprig"],
    ["tea-lapsang-100", "tin", "ink", "pine"],
    ["tea-oolong-100", "tin", "celadon", "leaf"],
    ["tea-matcha-30", "low-tin", "moss", null],
    ["set-tea-starter", "gift-set", "moss", null],
    ["coffee-house-250", "coffee-bag", "ink", "house"],
    ["coffee-house-1000", "coffee-sack", "ink", "house"],
    ["coffee-sumatra-250", "coffee-bag", "walnut", "bean"],
    ["coffee-decaf-250", "coffee-bag", "sea", "moon"],
    ["cup-espresso-white", "espresso-cup", "porcelain", null],
    ["cup-cappuccino-sand", "cappuccino-cup", "sand", null],
    ["mug-speckled", "mug", "sand", "speckles"],
    ["mug-indigo", "mug", "indigo", null],
    ["bowl-matcha", "tea-bowl", "sea", null],
    ["plate-cake", "cake-plate", "sea", null],
    ["teapot-kyusu", "kyusu", "clay", null],
    ["jar-tea", "jar", "stone", null],
    ["jug-milk", "jug", "porcelain", null],
    ["kettle-gooseneck", "kettle", "steel", null],
    ["filters-02-100", "filters", "linen", null],
    ["moka-pot-3", "moka-pot", "steel", null],
    ["whisk-matcha", "tea-whisk", "oak", null],
    ["board-walnut", "board", "walnut", null],
    ["glass-carafe", "carafe", "sea", null],
    ["glass-storage-1000", "storage-glass", "stone", null],
    ["towel-linen-2", "towels", "linen", null],
    ["apron-navy", "apron", "indigo", null],
    ["honey-linden-250", "honey", "honey", null],
    ["chocolate-70", "chocolate", "walnut", null],
    ["jam-quince", "jam", "honey", null],
  ];
  test.each(pinned)("%s is drawn as %s in %s", (sku, motif, tone, mark) => {
    const found = bySku.get(sku) ?? product("");
    expect([motifOf(found), toneOf(found), markOf(found)] as readonly unknown[]).toEqual([motif, tone, mark]);
  });

  test("every product has a drawing of its own kind, never the fallback", () => {
    expect(demoShop.length).toBe(60);
    expect(demoShop.filter((one) => motifOf(one) === FALLBACK)).toEqual([]);
    // Packs differ by their marks and tones; all others are drawn differently, but for the two mugs.
    const looks = demoShop.map((one) => [motifOf(one), markOf(one), toneOf(one)].join(" "));
    expect(new Set(looks).size).toBe(demoShop.length);
    expect(new Set(demoShop.map(motifOf)).size).toBeGreaterThan(40);
  });

  test("only teas and coffees need their category, for their names say where they grow", () => {
    const unnamed = demoShop.filter((one) => motifOf(product(one.name)) === FALLBACK);
    expect(new Set(unnamed.map(({ category }) => category))).toEqual(new Set(["Tea", "Coffee"]));
  });

  test("a shop whose names are German gets the same drawings", () => {
    const differing = demoShop.filter((one) => {
      const german = { ...one, name: one.names?.["de"] ?? "" };
      return motifOf(german) !== motifOf(one) || markOf(german) !== markOf(one);
    });
    expect(differing).toEqual([]);
  });
});

describe("words that mislead", () => {
  const cases: readonly (readonly [name: string, category: string | undefined, motif: string])[] = [
    ["Tea towel with teapots", "Kitchen", "towels"],
    ["Coffee mug", "Coffee", "mug"],
    ["Coffee grinder, black", "Kitchen", "grinder"],
    ["Cupboard", undefined, FALLBACK],
    ["Skateboard", undefined, FALLBACK],
    ["Steak", undefined, FALLBACK],
    ["Pyjamas", undefined, FALLBACK],
    ["Winter Blend", "Tea", "tin"],
    ["Winter Blend", "Coffee", "coffee-bag"],
    ["Tongs", "Kitchenware", "utensils"],
    ["", undefined, FALLBACK],
  ];
  test.each(cases)("%s in %s is %s", (name, category, motif) => {
    expect(motifOf(product(name, category)) as string).toBe(motif);
  });

  test("without any colour word a product keeps one tone, and products differ", () => {
    const tones = Array.from({ length: 40 }, (_, index) =>
      toneOf({ ...product("Thing"), sku_id: `s-${index}` }),
    );
    expect(new Set(tones).size).toBeGreaterThan(4);
    expect(toneOf({ ...product("Thing"), sku_id: "s-7" })).toBe(tones[7] ?? "ink");
  });
});

describe("the page", () => {
  test("defines each drawing that it uses once, and no other", () => {
    const html = render(h(ArtDefinitions, { products: demoShop }));
    const defined = [...html.matchAll(/<symbol id="([^"]+)"/g)].map(([, id]) => id ?? "");
    const used = demoShop.flatMap((one) =>
      [...render(h(Picture, { product: one, size: "card" })).matchAll(/href="#([^"]+)"/g)].map(
        ([, id]) => id ?? "",
      ),
    );
    expect(defined.toSorted()).toEqual([...new Set(used)].toSorted());
  });

  test("products with a picture need no drawing", () => {
    expect(render(h(ArtDefinitions, { products: [{ ...product("Mug"), picture: "/pictures/1" }] }))).toBe("");
  });

  test("every drawing and every mark has a product, every tone its shades", () => {
    const shown = [...demoShop, ...PRODUCTS, product("Spoon", "Kitchen"), product("Sumatra, 1 kg", "Coffee")];
    const unused = new Set<string>([...Object.keys(DRAWINGS), ...Object.keys(MARKS)]);
    for (const one of [...shown, product("?")])
      for (const key of [motifOf(one), markOf(one)]) unused.delete(key ?? "");
    expect([...unused]).toEqual([]);
    const css = readFileSync(new URL("../styles/theme.css", import.meta.url), "utf8");
    expect(TONES.filter((tone) => !css.includes(`\n.tone-${tone} {`))).toEqual([]);
  });
});
