// What each of Stripe's errors is taken for. Errors that the simulator does not make come from a few lines of HTTP that speak
// Stripe's error format; the money's way through the simulator is in ../executor.int.test.ts.
import { afterAll, expect, test } from "bun:test";
import { StripeProvider } from "./stripe.ts";

let reply: { readonly status: number; readonly error?: object; readonly headers?: Record<string, string> } = {
  status: 200,
};
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () =>
    Response.json({ error: reply.error ?? {} }, { status: reply.status, headers: reply.headers ?? {} }),
});
afterAll(() => server.stop(true));

const provider = new StripeProvider({ apiKey: "sk_test_x", baseUrl: server.url, timeoutMs: 1_000 });
const charge = {
  idempotency_key: "k",
  saga_id: "s",
  amount_cents: 600,
  currency: "EUR",
  payment_method: "pm_card_visa",
};

const unknown = (reason: string, replayed = false) => ({ kind: "unknown", reason, replayed });

test.each([
  [
    "a declined card",
    { status: 402, error: { type: "card_error", code: "expired_card", message: "Expired." } },
    { kind: "declined", error_code: "EXPIRED_CARD", error_message: "Expired." },
  ],
  [
    "an unknown token",
    {
      status: 400,
      error: {
        type: "invalid_request_error",
        code: "resource_missing",
        param: "payment_method",
        message: "No such\none",
      },
    },
    { kind: "declined", error_code: "PAYMENT_METHOD_INVALID", error_message: "No such one" },
  ],
  ["a refused API key", { status: 401 }, { kind: "no_effect", error_code: "PROVIDER_REJECTED" }],
  ["a forbidden API key", { status: 403 }, { kind: "no_effect", error_code: "PROVIDER_REJECTED" }],
  ["a key in use", { status: 409, error: { type: "idempotency_error" } }, unknown("key_in_use")],
  [
    "a key used for something else",
    { status: 400, error: { type: "idempotency_error" } },
    unknown("key_reused"),
  ],
  ["too many requests", { status: 429 }, unknown("rate_limited")],
  ["a server error", { status: 500, error: { type: "api_error" } }, unknown("server_error")],
  [
    "a stored server error",
    { status: 500, headers: { "idempotent-replayed": "true" } },
    unknown("server_error", true),
  ],
  ["a status nobody has heard of", { status: 418 }, unknown("server_error")],
])("%s", async (_, next, expected) => {
  reply = next;
  expect(await provider.charge(charge)).toMatchObject(expected);
  // None of them says that there is no charge, or that money went back.
  const found = await provider.findCharge("s");
  expect(found.kind).toBe("unknown");
  expect(await provider.refund({ ...charge, provider_txn_id: "pi_1" })).toMatchObject({ kind: "not_yet" });
});

test("nobody listening", async () => {
  const nobody = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { url } = nobody;
  await nobody.stop(true);
  const away = new StripeProvider({ apiKey: "sk_test_x", baseUrl: url, timeoutMs: 1_000 });
  expect(await away.charge(charge)).toMatchObject(unknown("connection_lost"));
});

test("an answer that does not come", async () => {
  const silent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Promise<Response>(() => undefined),
  });
  const slow = new StripeProvider({ apiKey: "sk_test_x", baseUrl: silent.url, timeoutMs: 100 });
  expect(await slow.charge(charge)).toMatchObject(unknown("timeout"));
  await silent.stop(true);
});
