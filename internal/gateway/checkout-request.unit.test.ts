// The hash that identifies a checkout. Rejected requests are tested in app.unit.test.ts.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { cart } from "../testkit/gateway.ts";
import { hashOf } from "./checkout-request.ts";

test("field order does not change the hash", () => {
  const { items, shipping_address, ...rest } = cart();
  const { name, ...place } = shipping_address;
  const reordered = {
    shipping_address: { ...place, name },
    ...rest,
    items: items.map(({ sku_id, quantity }) => ({ quantity, sku_id })),
  };
  expect(JSON.stringify(reordered)).not.toBe(JSON.stringify(cart()));
  expect(hashOf(reordered)).toBe(hashOf(cart()));
  expect(hashOf(cart())).toMatch(/^[0-9a-f]{64}$/);
});

test("the hash is the same in every release: a retry after an upgrade still matches", () => {
  const stored = cart({ shipping_address: { ...cart().shipping_address, postal_code: "1000" } });
  expect(hashOf(stored)).toBe("04904659f310423ebb2b2a2d8b049d5a4603dff8eb44fe1ed2b2026906fcdc32");
});

test("any other difference changes the hash", () => {
  const address = cart().shipping_address;
  const others = [
    cart({ email: "bob@example.com" }),
    cart({ payment_method: "pm_card_mastercard" }),
    cart({ expected_total_cents: 1_000 }),
    cart({ items: [{ sku_id: "tea", quantity: 3 }] }),
    cart({ items: [...cart().items, ...cart().items] }),
    cart({ shipping_address: { ...address, line2: "rear" } }),
    // Two fields swap their values.
    cart({ shipping_address: { ...address, name: address.city ?? "", city: address.name } }),
  ];
  expect(new Set([cart(), ...others].map(hashOf)).size).toBe(others.length + 1);
});

test("two carts have the same hash only if they are equal", () => {
  const line = fc.record({ sku_id: fc.constantFrom("a", "b"), quantity: fc.integer({ min: 1, max: 3 }) });
  const lines = fc.array(line, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(lines, lines, (some, others) => {
      const alike = JSON.stringify(some) === JSON.stringify(others);
      expect(hashOf(cart({ items: some })) === hashOf(cart({ items: others }))).toBe(alike);
    }),
  );
});
