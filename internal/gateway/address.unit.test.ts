// Addresses as people have them in many countries, and what is missed where something is missing.
import { describe, expect, test } from "bun:test";
import { addressFaults } from "./address.ts";

const person = { name: "Ada", line1: "1 Main St" };

describe("an address is taken as it is written there:", () => {
  test.each([
    ["a US one", { city: "Austin", region: "TX", postal_code: "78701", country: "US" }],
    ["a US one without its state", { city: "Austin", postal_code: "78701", country: "US" }],
    ["a PO box in Dubai, which has no postal code", { line1: "PO Box 12", region: "Dubai", country: "AE" }],
    ["the same with its emirate called a city", { line1: "PO Box 12", city: "Dubai", country: "AE" }],
    ["Hong Kong, by district", { region: "Kowloon", city: "Mong Kok", country: "HK" }],
    ["Macao, by street alone", { country: "MO" }],
    ["Singapore, which is its own city", { postal_code: "238823", country: "SG" }],
    ["Tokyo, by prefecture", { region: "Tokyo", postal_code: "100-0001", country: "JP" }],
    ["Ireland, by county", { city: "Cong", region: "Co. Mayo", country: "IE" }],
    ["Chile, by region", { city: "Valdivia", region: "Los Ríos", country: "CL" }],
    ["Qatar, for which there is no format", { city: "Doha", country: "QA" }],
    ["Germany", { city: "Köln", postal_code: "50667", country: "DE" }],
  ])("%s", (_, address) => {
    expect(addressFaults({ ...person, ...address })).toEqual([]);
  });
});

test.each([
  ["a German one without its postal code", { city: "Neustadt", country: "DE" }, ["postal_code"]],
  ["a US one with neither code nor state", { city: "Springfield", country: "US" }, ["postal_code"]],
  ["a US one with nothing but a street", { country: "US" }, ["city", "postal_code"]],
  ["blanks for a city", { city: " ", postal_code: "75001", country: "FR" }, ["city"]],
  ["a country without a format, and no city", { country: "QA" }, ["city"]],
])("%s is told what it lacks", (_, address, fields) => {
  const faults = addressFaults({ ...person, ...address });
  expect(faults.map(({ path }) => path)).toEqual(fields.map((field) => `/shipping_address/${field}`));
});

test("what was always taken still is: a city and a postal code are enough in every country", () => {
  const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  for (const country of letters.flatMap((one) => letters.map((other) => one + other)))
    expect(addressFaults({ ...person, city: "Town", postal_code: "1000", country })).toEqual([]);
});
