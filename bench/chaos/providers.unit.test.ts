// Who takes which currency, and which table of the saga each provider has.
import { expect, test } from "bun:test";
import { authorizeFirstBy, parseProviders, takes } from "./providers.ts";
import { SHOP_CURRENCIES } from "./shelves.ts";

test("PayPal takes EUR and JPY, and cards take every currency of a run", () => {
  const taken = (method: string) => SHOP_CURRENCIES.filter((currency) => takes(method, currency));
  expect(taken("paypal")).toEqual(["EUR", "JPY"]);
  expect(taken("pm_card_visa")).toEqual(["EUR", "JPY", "KWD"]);
});

test("an odd seed holds the money of cards first, an even one that of PayPal", () => {
  expect([1711, 1712, 0].map(authorizeFirstBy)).toEqual([["stripe"], ["paypal"], ["paypal"]]);
});

test.each([
  ["", []],
  ["stripe", ["stripe"]],
  ["paypal,stripe", ["stripe", "paypal"]],
  ["cash", null],
  ["stripe,stripe", null],
  ["stripe,", null],
] as const)("--authorize-first %p names %p", (text, providers) => {
  expect(parseProviders(text)).toEqual(providers === null ? null : [...providers]);
});
