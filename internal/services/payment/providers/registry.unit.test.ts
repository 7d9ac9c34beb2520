// Providers are found by the name that is kept with each payment.
import { expect, test } from "bun:test";
import { AppError } from "../../../kernel/errors.ts";
import { type KnownProvider, ProviderRegistry } from "./registry.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is called here
const entry = (name: string) => ({ provider: { name }, ledger: {} }) as unknown as KnownProvider;

test("a provider is found by its name, an unknown name is told with those that are known", () => {
  const [one, other] = [entry("stripe"), entry("other")];
  const registry = new ProviderRegistry([one, other]);
  expect(registry.of("other")).toBe(other);
  expect([...registry]).toEqual([one, other]);
  expect(() => registry.of("third")).toThrow(AppError);
  expect(() => registry.of("third")).toThrow("no payment provider third here, only stripe, other");
});
