// Numbers and their units on one line.
import { expect, test } from "bun:test";
import { descriptionOf, nameOf, typeset } from "./names.ts";

test.each([
  ["Tea, 250 g", "Tea, 250~g"],
  ["1 kg, 70 % cocoa", "1~kg, 70~% cocoa"],
  ["Teapot, 1 l", "Teapot, 1~l"],
  ["85 °C", "85~°C"],
  ["2 mugs, 3 lids", "2 mugs, 3 lids"],
  ["5 große Gläser", "5 große Gläser"],
])("%s", (text, shown) => {
  expect(typeset(text)).toBe(shown.replaceAll("~", "\u00a0"));
});

test("names and descriptions are typeset in every language", () => {
  const texts = { name: "Tea, 1 kg", names: { de: "Tee, 1 kg" }, description: "70 %" };
  const tea = { sku_id: "tea", unit_price_cents: 1, currency: "EUR", available_count: 1, ...texts };
  expect([nameOf(tea, "en"), nameOf(tea, "de"), descriptionOf(tea, "de")]).toEqual([
    "Tea, 1\u00a0kg",
    "Tee, 1\u00a0kg",
    "70\u00a0%",
  ]);
});
