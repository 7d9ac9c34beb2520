// Each piece does what its name says, so that its time is meaningful.
import { expect, test } from "bun:test";
import { pieces } from "./work.ts";

test("every piece works and has the result of a successful order", async () => {
  const results = new Map<string, unknown>();
  for (const { name, run } of await pieces()) results.set(name, await run());
  expect(results.get("saga: start a checkout")).toMatchObject({ out: [{ type: "ReserveInventory" }] });
  expect(results.get("saga: all four replies")).toMatchObject({ saga: { position: { kind: "completed" } } });
  expect(results.get("inventory: reserve")).toMatchObject({ out: [{ type: "InventoryReserved" }] });
  expect(results.get("payment: charge")).toMatchObject({ payment: { status: "PENDING" } });
  expect(results.get("order: create")).toMatchObject({ out: [{ type: "OrderCreated" }] });
  for (const name of ["validate", "parse and validate"])
    expect(results.get(name)).toMatchObject({ ok: true, message: { type: "ChargePayment" } });
  expect(results.get("envelope and text of an outbox row")).toContain('"partition_key"');
  expect(results.get("open a payment token")).toBe("pm_card_visa");
  for (const name of ["admit an internal call", "admit one with a new token"])
    expect(results.get(name)).toMatchObject({ name: "gateway", role: "service" });
  expect(results.get("sign a token")).toMatch(/^Bearer /);
  expect(results.get("hash of a checkout")).toMatch(/^[0-9a-f]{64}$/);
  expect(results.get("read and validate a checkout")).toMatchObject({ items: [{ sku_id: "tea" }] });
});
