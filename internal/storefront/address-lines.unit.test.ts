// Addresses as each country writes them.
import { expect, test } from "bun:test";
import { addressLines } from "./address-lines.ts";

const person = { name: "Ada Lovelace", line1: "Main St 1" };

test.each([
  ["Germany", { postal_code: "10117", city: "Berlin", country: "DE" }, ["10117 Berlin", "Germany"]],
  [
    "the US",
    { postal_code: "78701", city: "Austin", region: "TX", country: "US" },
    ["Austin, TX 78701", "United States"],
  ],
  [
    "the UK, city and postal code on lines of their own",
    { postal_code: "SW1Y 4JH", city: "London", country: "GB" },
    ["London", "SW1Y 4JH", "United Kingdom"],
  ],
  ["without any country", { postal_code: "1000", city: "Town" }, ["Town", "1000"]],
])("%s", (_, place, lines) => {
  const found = addressLines({ ...person, ...place }, "en");
  expect(found.slice(0, 2)).toEqual(["Ada Lovelace", "Main St 1"]);
  expect(found.slice(2).join(" ")).toBe(lines.join(" "));
});

test("company and second line stand where a carrier looks for them, and the country in the reader's language", () => {
  const address = { ...person, company: "Engines", line2: "2nd floor", city: "Köln", postal_code: "50667" };
  expect(addressLines({ ...address, country: "DE" }, "de")).toEqual([
    "Ada Lovelace",
    "Engines",
    "Main St 1",
    "2nd floor",
    "50667 Köln",
    "Deutschland",
  ]);
});

test("a part for which the country has no place is kept", () => {
  const address = { ...person, city: "Köln", region: "NRW", postal_code: "50667", country: "DE" };
  expect(addressLines(address, "en").slice(2)).toEqual(["50667 Köln", "NRW", "Germany"]);
});

test("an erased address shows what is left", () => {
  const erased = { name: "(erased)", line1: "(erased)", city: "", postal_code: "", country: "DE" };
  expect(addressLines(erased, "en")).toEqual(["(erased)", "(erased)", "Germany"]);
});
