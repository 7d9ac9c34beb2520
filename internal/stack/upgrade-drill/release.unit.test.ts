import { expect, test } from "bun:test";
import { openRelease, type Release, settingsOfUpgrade } from "./release.ts";

test("a release is known by its own settings and messages", async () => {
  const today = await openRelease("new");
  expect(today.knows("SHUTDOWN_DELAY_MS")).toBe(true);
  expect(today.knows("INTAKE_GATHER_MS")).toBe(false);
  expect(today.sends("ReserveInventory")).toBe(true);
  expect(today.sends("ReserveEverything")).toBe(false);
});

test("only gateways without a token need the setting of the upgrade", async () => {
  const today = await openRelease("new");
  expect(settingsOfUpgrade(today)).toEqual({});
  const old: Release = { ...today, knows: (setting) => setting !== "GATEWAY_PRIVATE_JWK" };
  const settings = settingsOfUpgrade(old);
  expect(Object.keys(settings)).toEqual(["orchestrator", "inventory", "payment", "order"]);
  expect(Date.parse(settings.payment?.["UNSIGNED_GATEWAY_UNTIL"] ?? "")).toBeGreaterThan(Date.now());
});
