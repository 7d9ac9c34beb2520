// Whose checkouts the limits count.
import { expect, test } from "bun:test";
import { GatewayLimits, type GatewayLimitsOptions } from "./hooks.ts";
import { SecondCap } from "./second-cap.ts";

const USER = "01890000-0000-7000-a000-000000000001";

test("a checkout counts for its verified user, also if the keys were away when its request arrived", async () => {
  const counted: unknown[] = [];
  const shopping = {
    checkout: async (...all: unknown[]) => void counted.push(all.slice(0, 2)),
    accepted: async (...all: unknown[]) => void counted.push(all),
  };
  const noCap = new SecondCap(0, () => 0);
  const parts = {
    rates: { admit: async () => null },
    shopping,
    total: noCap,
    totalCheckouts: noCap,
    peerOf: () => "10.1.2.3",
    trustedProxies: 0,
    // The keys cannot be fetched just now.
    userOf: async () => null,
    onError: (error: unknown) => void counted.push(error),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the limits have private parts; only these methods are called
  const limits = new GatewayLimits(parts as unknown as GatewayLimitsOptions);
  const request = new Request("http://shop.example/api/v1/checkout", { method: "POST" });
  await limits.admit(request, true);
  const placing = { request, userId: USER };
  await limits.checkout(placing, "pm_1", async () => null);
  limits.accepted(placing, "saga");
  await Bun.sleep(0);
  expect(counted).toEqual([
    [expect.objectContaining({ userId: USER }), "pm_1"],
    [expect.objectContaining({ userId: USER }), "saga"],
  ]);
});
