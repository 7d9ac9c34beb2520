// A short run of the API fuzzer against the public API on real servers. `bun run api:fuzz` is the long one.
import { expect, test } from "bun:test";
import { SHOPPER, tokenOf } from "../../testkit/gateway.ts";
import { PublicApi } from "../../testkit/public-api.ts";
import { fuzz } from "./fuzzer.ts";

const CASES = 30;

test("the fuzzer finds nothing, and the log stays empty", async () => {
  await using api = await PublicApi.open();
  // Ended, so that its event stream ends.
  const sagaId = await api.orchestrator.start({ user_id: SHOPPER });
  await api.orchestrator.complete(sagaId);
  const { found, generated, output } = await fuzz({
    url: api.url,
    token: await tokenOf(SHOPPER),
    sagaId,
    orderId: await api.placeOrder(SHOPPER),
    sku: "sku-7",
    cases: CASES,
    seed: 1,
    phases: "examples,fuzzing",
    output: "captured",
  });
  expect(found, output).toBe(false);
  expect(generated).toBeGreaterThanOrEqual(CASES);
  expect(output).toContain(`${generated} generated`);
  expect(api.logged).toEqual([]);
});
