// Real addresses of many countries, and the faults of incomplete ones.
import { describe, expect, test } from "bun:test";
import { addressFaults } from "./address.ts";

const person = { name: "Ada", line1: "1 Main St" };

describe("an address in its country's format is valid:", () => {
  test.each([
    ["US", { city: "Austin", region: "TX", postal_code: "78701", country: "US" }],
    ["US without a state", { city: "Austin", postal_code: "78701", country: "US" }],
    ["a PO box in Dubai, without a postal code", { line1: "PO Box 12", region: "Dubai", country: "AE" }],
    ["the same with the emirate as city", { line1: "PO Box 12", city: "Dubai", country: "AE" }],
    ["Hong Kong, by district", { region: "Kowloon", city: "Mong Kok", country: "HK" }],
    ["Macao, only a street", { country: "MO" }],
    ["Singapore, without a city", { postal_code: "238823", country: "SG" }],
    ["Tokyo, by prefecture", { region: "Tokyo", postal_code: "100-0001", country: "JP" }],
    ["Ireland, by county", { city: "Cong", region: "Co. Mayo", country: "IE" }],
    ["Chile, by region", { city: "Valdivia", region: "Los Ríos", country: "CL" }],
    ["Qatar, which has no format", { city: "Doha", country: "QA" }],
    ["Germany", { city: "Köln", postal_code: "50667", country: "DE" }],
  ])("%s", (_, address) => {
    expect(addressFaults({ ...person, ...address })).toEqual([]);
  });
});

test.each([
  ["Germany without a postal code", { city: "Neustadt", country: "DE" }, ["postal_code"]],
  ["US without postal code and state", { city: "Springfield", country: "US" }, ["postal_code"]],
  ["US with only a street", { country: "US" }, ["city", "postal_code"]],
  ["a blank city", { city: " ", postal_code: "75001", country: "FR" }, ["city"]],
  ["a country without a format and without a city", { country: "QA" }, ["city"]],
])("%s: the missing parts are named", (_, address, fields) => {
  const faults = addressFaults({ ...person, ...address });
  expect(faults.map(({ path }) => path)).toEqual(fields.map((field) => `/shipping_address/${field}`));
});

test("a city and a postal code are enough in every country", () => {
  const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  // A code of each format.
  const codes = (
    "1000 10000 100000 100 71000 01310-100 220030 K1A0B1 SW1Y4JH D02X285 110001 1193653471 100-0001 9490 " +
    "98000 VLT1117 1012AB 00901 1000-001"
  ).split(" ");
  for (const country of letters.flatMap((one) => letters.map((other) => one + other))) {
    const faults = codes.map((postal_code) =>
      addressFaults({ ...person, city: "Town", postal_code, country }),
    );
    expect([country, faults.some(({ length }) => length === 0)]).toEqual([country, true]);
  }
});

test("a postal code that cannot be one of the country is a fault", () => {
  const address = { ...person, city: "Köln", postal_code: "ABC" };
  expect(addressFaults({ ...address, country: "DE" })).toEqual([
    { path: "/shipping_address/postal_code", message: "Expected a postal code in the format of DE" },
  ]);
  expect(addressFaults({ ...address, country: "QA" })).toEqual([]);
});
