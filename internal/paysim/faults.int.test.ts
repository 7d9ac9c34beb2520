// Every fault of the provider, as a client with a timeout sees it through Stripe's SDK.
// oxlint-disable no-await-in-loop -- a client sends one request after another
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Stripe } from "stripe";
import { failure, TestProvider, waitFor } from "./test-provider.ts";

/** How long an impatient client waits, in which its request must arrive, and how much longer a request hangs: a test asks twice meanwhile. */
const TIMEOUT_MS = 1_000;
const HOLD_MS = 6_000;

let provider: TestProvider;
beforeEach(() => {
  provider = new TestProvider();
});
afterEach(() => provider[Symbol.asyncDispose]());

test("a lost reply stays lost through the SDK's own resend; a later request with the key gets the answer", async () => {
  const lost = await failure(provider.charge("pm_sim_reply_lost"));
  expect(lost).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  expect(provider.entries()).toMatchObject([{ kind: "charge", reply_lost: true }]);
  expect((await provider.charge("pm_sim_reply_lost")).status).toBe("succeeded");
  expect(await provider.stats()).toMatchObject({ charges: 1, cut: 2 });
});

test("a timeout may end in success: the charge is not found and its key is in use, then it succeeds", async () => {
  const token = "pm_sim_timeout_then_success";
  await provider.setFaults({ hold_ms: HOLD_MS });
  const timeout = await impatientFailure(token);
  expect(timeout).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  expect(timeout.message).toContain("timeout");
  expect((await provider.searchSaga()).data).toEqual([]);
  expect(await failure(provider.charge(token, token))).toMatchObject({
    statusCode: 409,
    code: "idempotency_key_in_use",
  });
  await waitFor(async () => (await provider.searchSaga()).data.length === 1);
  expect((await provider.charge(token, token)).status).toBe("succeeded");
  expect(provider.entries()).toMatchObject([{ kind: "charge", reply_lost: true }]);
});

test("a timeout may end without effect, once or always", async () => {
  await provider.setFaults({ hold_ms: HOLD_MS });
  await impatientFailure("pm_sim_timeout_once");
  expect((await provider.charge("pm_sim_timeout_once", "pm_sim_timeout_once")).status).toBe("succeeded");
  await impatientFailure("pm_sim_timeout_no_effect");
  await impatientFailure("pm_sim_timeout_no_effect");
  expect(await provider.stats()).toMatchObject({ charges: 1, held: 3 });
});

test("a 500 may be stored or not, with or without effect", async () => {
  expect((await failure(provider.charge("pm_sim_500_once", "once"))).statusCode).toBe(500);
  expect((await provider.charge("pm_sim_500_once", "once")).status).toBe("succeeded");
  for (const token of ["pm_sim_500", "pm_sim_500_stored", "pm_sim_500_after_effect"]) {
    expect((await failure(provider.charge(token, token))).statusCode).toBe(500);
    expect((await failure(provider.charge(token, token))).statusCode).toBe(500);
  }
  expect(provider.entries()).toMatchObject([
    { kind: "charge", idempotency_key: "once", reply_lost: false },
    { kind: "refusal", idempotency_key: "pm_sim_500_stored" },
    { kind: "charge", idempotency_key: "pm_sim_500_after_effect", reply_lost: true },
  ]);
  expect(await provider.stats()).toMatchObject({ charges: 2, replays: 2 });
});

test("settings are checked, and an empty body ends all faults", async () => {
  await provider.setFaults({ decline_rate: 1 });
  expect((await failure(provider.charge("pm_card_visa", "a"))).code).toBe("card_declined");
  for (const bad of [{ declines: 1 }, { latency: "fast" }, { decline_rate: 0.6, reply_lost_rate: 0.6 }]) {
    const init = { method: "PUT", body: JSON.stringify(bad) };
    expect((await fetch(`${provider.url}/_sim/faults`, init)).status).toBe(422);
  }
  expect(await provider.control("GET", "faults", undefined, Type.Unknown())).toMatchObject({
    decline_rate: 1,
  });
  await provider.setFaults({});
  expect((await provider.charge("pm_card_visa", "b")).status).toBe("succeeded");
});

/** The error of a charge for a client that waits only TIMEOUT_MS. The key is the token. */
function impatientFailure(token: string) {
  const impatient = provider.client("sk_test_impatient", TIMEOUT_MS);
  return failure(provider.charge(token, token, 4_200, impatient));
}

test("requests above the limit are turned away unread, with Retry-After", async () => {
  // One at once, and on no machine a second one within the test.
  await provider.setFaults({ calls_per_second: 0.001, retry_after_seconds: 3 });
  const keys = ["a", "b", "c", "d", "e", "f"];
  const answers = await Promise.allSettled(keys.map((key) => provider.charge("pm_card_visa", key)));
  const refused = answers.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(5);
  expect(refused[0]).toMatchObject({
    reason: { statusCode: 429, code: "rate_limit", headers: { "retry-after": "3" } },
  });
  await provider.setFaults({ unavailable_rate: 1 });
  expect(await failure(provider.searchSaga())).toMatchObject({ statusCode: 503 });
  await provider.setFaults({});
  expect(await provider.stats()).toMatchObject({
    charges: 6 - refused.length,
    turned_away: refused.length + 1,
  });
  // The key stores nothing of a request that was turned away.
  for (const key of keys) expect((await provider.charge("pm_card_visa", key)).status).toBe("succeeded");
});
