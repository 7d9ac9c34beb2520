// Providers are found by the name that is saved with each payment.
import { expect, test } from "bun:test";
import { AppError } from "../../../kernel/errors.ts";
import { type KnownProvider, ProviderRegistry } from "./registry.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is called here
const entry = (name: string) => ({ provider: { name }, ledger: {} }) as unknown as KnownProvider;

test("a provider is found by its name, and the error for an unknown name lists the known ones", () => {
  const [one, other] = [entry("stripe"), entry("other")];
  const registry = new ProviderRegistry([one, other]);
  expect(registry.of("other")).toBe(other);
  expect([...registry]).toEqual([one, other]);
  expect(() => registry.of("third")).toThrow(AppError);
  expect(() => registry.of("third")).toThrow("no payment provider third, only stripe, other");
});
