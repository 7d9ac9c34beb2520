// Examples of accepted and rejected values: these limits are the first line of defence of every service.
import { describe, expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import {
  Cents,
  ChargedCard,
  Currency,
  Email,
  Quantity,
  ShippingAddress,
  ShippingAddressInput,
  SkuId,
  Timestamp,
  Traceparent,
  Uuid,
} from "./fields.ts";
import { CheckoutRequest } from "./http.ts";
import { MESSAGES, validatorOf } from "./registry.ts";
import { TOPICS } from "./topics.ts";

const uuid = "01a20a32-94ed-72f5-a8ff-2fbb8f75a24a";
const address = { name: "Ada", line1: "1 Road", city: "Paris", postal_code: "75001", country: "FR" };
const everywhere = [
  {
    name: "Ada Lovelace",
    company: "Analytical Engines Inc.",
    line1: "PO Box 12",
    line2: "Suite 5",
    line3: "Rear building",
    district: "Mission",
    city: "San Francisco",
    region: "CA",
    postal_code: "94110-1234",
    sorting_code: "CEDEX 08",
    country: "US",
    phone: "+1 (415) 555-0100 ext. 7",
  },
];
const noAddresses = [
  { ...address, name: "" },
  { ...address, name: "a\u0000b" },
  { ...address, name: "half \ud83d" },
  { ...address, name: "a".repeat(201) },
  { ...address, country: "FRA" },
  { ...address, region: "" },
  { ...address, phone: "1".repeat(41) },
  { ...address, postal_code: "1".repeat(21) },
];

describe("fields", () => {
  const cases = {
    Uuid: {
      schema: Uuid,
      takes: [uuid],
      refuses: ["", uuid.toUpperCase(), `${uuid}0`, `{${uuid}}`, uuid.replaceAll("-", ""), `${uuid}\n`],
    },
    SkuId: {
      schema: SkuId,
      takes: ["a", "MUG-01.red_2", "a".repeat(64)],
      refuses: ["", "-a", "a b", "a/b", "a".repeat(65), "é", "a\n"],
    },
    Quantity: { schema: Quantity, takes: [1, 999], refuses: [0, -1, 1.5, 1_000, "1", null, Number.NaN] },
    Cents: { schema: Cents, takes: [0, 9_999_999_999], refuses: [-1, 0.5, 10_000_000_000, "5", Infinity] },
    ChargedCard: {
      schema: ChargedCard,
      takes: [
        { brand: "visa", last4: "4242" },
        { brand: "eftpos_au", last4: "0001" },
      ],
      refuses: [
        { brand: "visa" },
        { brand: "Visa", last4: "4242" },
        { brand: "visa", last4: "424" },
        { brand: "visa", last4: "4242424242424242" },
      ],
    },
    Currency: { schema: Currency, takes: ["EUR"], refuses: ["eur", "EURO", "E1R", ""] },
    Timestamp: {
      schema: Timestamp,
      takes: [new Date(0).toISOString(), "2026-11-23T12:00:00.000Z"],
      refuses: ["2026-11-23", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000+01:00", "now"],
    },
    Traceparent: {
      schema: Traceparent,
      takes: [`00-${"a".repeat(32)}-${"b".repeat(16)}-01`],
      refuses: ["", `00-${"A".repeat(32)}-${"b".repeat(16)}-01`, `00-${"a".repeat(31)}-${"b".repeat(16)}-01`],
    },
    Email: {
      schema: Email,
      takes: ["ada@example.com", "a+b@c"],
      // Only one recipient, and no character that could end a mail header.
      refuses: ["ada", "@b", "a@", "a@b,c@d", "a@b\nbcc: c@d", "a b@c", `${"a".repeat(250)}@b.de`],
    },
    ShippingAddressInput: {
      schema: ShippingAddressInput,
      takes: [
        address,
        { ...address, line2: "c/o Björk 🙂" },
        ...everywhere,
        { name: "Ada", line1: "Street 1", country: "MO" },
      ],
      refuses: [...noAddresses, { ...address, nickname: "A" }],
    },
    ShippingAddress: {
      schema: ShippingAddress,
      takes: [
        address,
        { ...address, line2: "c/o Björk 🙂" },
        ...everywhere,
        { ...address, city: "", postal_code: "" },
        // A newer gateway may send more fields.
        { ...address, nickname: "A" },
      ],
      refuses: [...noAddresses, { name: "Ada", line1: "Street 1", country: "MO" }],
    },
  } as const;

  for (const [name, { schema, takes, refuses }] of Object.entries(cases)) {
    const check = TypeCompiler.Compile(schema);
    test(`${name} accepts valid values`, () => {
      for (const value of takes) expect(check.Check(value), JSON.stringify(value)).toBe(true);
    });
    test(`${name} rejects invalid values`, () => {
      for (const value of refuses) expect(check.Check(value), JSON.stringify(value)).toBe(false);
    });
  }
});

describe("a checkout", () => {
  const check = TypeCompiler.Compile(CheckoutRequest);
  const request = {
    items: [{ sku_id: "mug", quantity: 1 }],
    currency: "EUR",
    shipping_address: address,
    email: "ada@example.com",
    payment_method: "pm_card_visa",
  };

  test("is accepted with and without the total the shopper saw", () => {
    expect(check.Check(request)).toBe(true);
    expect(check.Check({ ...request, expected_total_cents: 0 })).toBe(true);
  });

  test("is rejected with a misspelt or unknown field at any depth", () => {
    expect(check.Check({ ...request, expected_total_cent: 5 })).toBe(false);
    expect(check.Check({ ...request, user_id: uuid })).toBe(false);
    expect(check.Check({ ...request, items: [{ sku_id: "mug", quantity: 1, unit_price_cents: 1 }] })).toBe(
      false,
    );
  });

  test("is rejected if it is empty or has more than 50 lines", () => {
    const [line] = request.items;
    expect(check.Check({ ...request, items: [] })).toBe(false);
    expect(check.Check({ ...request, items: Array.from({ length: 50 }, () => line) })).toBe(true);
    expect(check.Check({ ...request, items: Array.from({ length: 51 }, () => line) })).toBe(false);
  });

  test("is rejected if the payment method is not a token", () => {
    for (const payment_method of ["", "4242 4242 4242 4242", "pm card", "a".repeat(201)]) {
      expect(check.Check({ ...request, payment_method }), payment_method).toBe(false);
    }
  });
});

describe("messages", () => {
  const release = {
    message_id: uuid,
    type: "ReleaseInventory",
    schema_version: 1,
    saga_id: uuid,
    occurred_at: "2026-11-23T12:00:00.000Z",
    idempotency_key: `${uuid}:reserve:undo`,
  };

  test("accept unknown fields, so that a newer sender may add some", () => {
    expect(validatorOf("ReleaseInventory")?.Check({ ...release, added_later: true })).toBe(true);
  });

  test("are rejected if any field of the envelope is missing", () => {
    for (const field of Object.keys(release)) {
      const rest = Object.fromEntries(Object.entries(release).filter(([name]) => name !== field));
      expect(validatorOf("ReleaseInventory")?.Check(rest), field).toBe(false);
    }
  });

  test("are only accepted by the validator of their own type, and inherited names are not types", () => {
    expect(validatorOf("CancelOrder")?.Check(release)).toBe(false);
    for (const type of ["toString", "__proto__", "constructor", ""])
      expect(validatorOf(type)).toBeUndefined();
  });

  test("are registered under their own type, with an existing topic", () => {
    const topics = new Set<string>([...Object.values(TOPICS), "own"]);
    for (const [type, { schema, topic }] of Object.entries(MESSAGES)) {
      expect(schema["properties"].type.const).toBe(type);
      expect(topics).toContain(topic);
    }
  });
});
