// How each of Stripe's errors is read. Errors that the simulator does not make come from a few lines of HTTP in Stripe's error
// format; payments through the simulator are in attempts/executor.int.test.ts.
import { afterAll, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { Stripe } from "stripe";
import { describeError } from "../../../../kernel/errors.ts";
import { DEFAULT_POLICY } from "../../attempts/attempts.ts";
import { StripeLedger } from "./stripe-ledger.ts";
import { STRIPE_API_VERSION, STRIPE_TIMEOUT_MS, StripeProvider } from "./stripe.ts";

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

const provider = new StripeProvider({
  apiKey: "sk_test_x",
  mark: "checkout",
  baseUrl: server.url,
});
const charge = {
  idempotency_key: "k",
  saga_id: "s",
  amount_cents: 600,
  currency: "EUR",
  payment_method: "pm_card_visa",
  shopper_present: false,
  capture: "automatic" as const,
};

const unknown = (reason: string, replayed = false) => ({ kind: "unknown", reason, replayed });

const deferred = (reason: string, retry_after_ms: number | null) => ({
  kind: "deferred",
  reason,
  retry_after_ms,
});
const refused = (code: string, param: string | null) => ({ kind: "request_refused", code, param });
const after = (text: string) => ({ "retry-after": text });

test.each([
  [
    "a declined card",
    { status: 402, error: { type: "card_error", code: "expired_card", message: "Expired." } },
    { kind: "declined", error_code: "EXPIRED_CARD", error_message: "the card has expired" },
  ],
  [
    "an unknown token",
    {
      status: 400,
      error: {
        type: "invalid_request_error",
        code: "resource_missing",
        param: "payment_method",
        message: "No such PaymentMethod: '4242\n4242'",
      },
    },
    {
      kind: "declined",
      error_code: "PAYMENT_METHOD_INVALID",
      error_message: "the payment provider does not know the payment method",
    },
  ],
  [
    "a decline with a shopper's text as its code",
    { status: 402, error: { type: "card_error", code: "pm_4242424242424242", message: "4242424242424242" } },
    {
      kind: "declined",
      error_code: "PAYMENT_DECLINED",
      error_message: "the payment provider declined the payment",
    },
  ],
  ["a refused API key", { status: 401 }, refused("api_key_refused", null)],
  ["a forbidden API key", { status: 403 }, refused("api_key_may_not", null)],
  [
    "an unknown parameter",
    { status: 400, error: { code: "parameter_unknown", param: "error_on_requires_action" } },
    refused("parameter_unknown", "error_on_requires_action"),
  ],
  [
    "an unknown parameter for the payment method",
    { status: 400, error: { code: "parameter_unknown", param: "payment_method" } },
    refused("parameter_unknown", "payment_method"),
  ],
  [
    "an error without a code, with text that may be a shopper's",
    { status: 400, error: { message: "4242424242424242?", param: "4242424242424242" } },
    refused("request_malformed", null),
  ],
  [
    "an error with a long number in its names",
    { status: 400, error: { code: "no_such_pm_4242424242424242", param: "pm_4242424242424242" } },
    refused("request_malformed", null),
  ],
  ["an address without such an API", { status: 404 }, refused("request_malformed", null)],
  [
    "an amount that is too small",
    { status: 400, error: { code: "amount_too_small", param: "amount", message: "Too small." } },
    { kind: "declined", error_code: "AMOUNT_TOO_SMALL" },
  ],
  ["a key in use", { status: 409, error: { type: "idempotency_error" } }, unknown("key_in_use")],
  [
    "a key used with other parameters",
    { status: 400, error: { type: "idempotency_error" } },
    unknown("key_reused"),
  ],
  ["too many requests", { status: 429 }, deferred("rate_limited", null)],
  [
    "too many requests, with a retry time",
    { status: 429, headers: after("7") },
    deferred("rate_limited", 7_000),
  ],
  [
    "too many requests, with a date",
    { status: 429, headers: after(new Date().toUTCString()) },
    deferred("rate_limited", 1_000),
  ],
  [
    "too many requests, with a very long retry time",
    { status: 429, headers: after("86400") },
    deferred("rate_limited", 60_000),
  ],
  [
    "an object locked by another call",
    { status: 429, error: { code: "lock_timeout" } },
    deferred("locked", null),
  ],
  [
    "a lock reported as a conflict",
    { status: 409, error: { code: "lock_timeout" } },
    deferred("locked", null),
  ],
  ["unavailable, with a retry time", { status: 503, headers: after("2") }, deferred("unavailable", 2_000)],
  ["unavailable", { status: 503 }, unknown("server_error")],
  [
    "a stored result that says unavailable",
    { status: 503, headers: { ...after("2"), "idempotent-replayed": "true" } },
    unknown("server_error", true),
  ],
  ["a server error", { status: 500, error: { type: "api_error" } }, unknown("server_error")],
  [
    "a stored server error",
    { status: 500, headers: { "idempotent-replayed": "true" } },
    unknown("server_error", true),
  ],
  ["an unknown status", { status: 418 }, unknown("server_error")],
])("%s", async (_, next, expected) => {
  reply = next;
  expect(await provider.charge(charge)).toMatchObject(expected);
  // None of them says that there is no charge, or that money was refunded.
  const found = await provider.findCharge({ ...charge, asked: { firstMs: 0, lastMs: 0 } });
  const keepsItsKind = expected.kind === "deferred" || expected.kind === "request_refused";
  expect(found).toMatchObject({ kind: keepsItsKind ? expected.kind : "unknown" });
  const refund = await provider.refund({ ...charge, provider_txn_id: "pi_1" });
  const isOurs = keepsItsKind && !("code" in expected && expected.code === "request_malformed");
  expect(refund).toMatchObject({ kind: isOurs ? expected.kind : "not_yet" });
});

test("a ledger error names kind, status and request id, without the provider's text", async () => {
  const message = "No such thing: '4242424242424242'";
  reply = {
    status: 400,
    error: { type: "invalid_request_error", message },
    headers: { "request-id": "req_1" },
  };
  const ledger = new StripeLedger({
    apiKey: "sk_test_x",
    mark: "checkout",
    baseUrl: server.url,
  });
  const error: unknown = await ledger.charge("pi_1").catch((thrown: unknown) => thrown);
  expect(describeError(error)).toMatch(/check STRIPE_API_KEY.*StripeInvalidRequestError.*400.*req_1/);
  expect(Bun.inspect(error)).not.toContain("4242");
});

test("nothing listens at the address", async () => {
  const closed = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { url } = closed;
  await closed.stop(true);
  const unreachable = new StripeProvider({
    apiKey: "sk_test_x",
    mark: "checkout",
    baseUrl: url,
  });
  expect(await unreachable.charge(charge)).toMatchObject(unknown("connection_lost"));
});

test("a resend shares the timeout of its request, which fits into the lease of an attempt", async () => {
  const timeoutMs = 3_000;
  const calls: readonly ((asking: StripeProvider) => Promise<unknown>)[] = [
    (asking) => asking.charge(charge),
    (asking) => asking.lookUpCharge("pi_1"),
    (asking) => asking.refund({ ...charge, idempotency_key: "r", provider_txn_id: "pi_1" }),
  ];
  await Promise.all(
    calls.map(async (call) => {
      const closing = new ClosingServer((socket) => setTimeout(() => socket.end(), 0.75 * timeoutMs));
      const asking = new StripeProvider({
        apiKey: "sk_test_x",
        mark: "checkout",
        baseUrl: closing.url,
        timeoutMs,
      });
      // Two timeouts of the SDK's own would end after 1.75 of them. By timers, which are late together when the machine is busy.
      const tooLate = Bun.sleep(1.4 * timeoutMs).then(() => Bun.sleep(0.1 * timeoutMs));
      expect(await Promise.race([call(asking).then(() => "over"), tooLate.then(() => "too late")])).toBe(
        "over",
      );
      expect(closing.requests).toBe(2);
      closing.stop();
    }),
  );
  // What is left is for the settlement of the result.
  expect(DEFAULT_POLICY.leaseMs - STRIPE_TIMEOUT_MS).toBeGreaterThanOrEqual(2_000);
});

test("a connection that closes every time is tried twice, and then the result is unknown", async () => {
  const closing = new ClosingServer((socket) => socket.end());
  const asking = new StripeProvider({
    apiKey: "sk_test_x",
    mark: "checkout",
    baseUrl: closing.url,
  });
  expect(await asking.charge(charge)).toMatchObject(unknown("connection_lost"));
  expect(closing.requests).toBe(2);
  closing.stop();
});

test("the API version is the SDK's, and every request names it", async () => {
  expect<string>(STRIPE_API_VERSION).toBe(Stripe.API_VERSION);
  const versions: (string | null)[] = [];
  const asked = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ headers }) {
      versions.push(headers.get("stripe-version"));
      return Response.json({ data: [], has_more: false });
    },
  });
  const account = { apiKey: "sk_test_x", mark: "checkout", baseUrl: asked.url };
  await new StripeProvider(account).findRefund("pi_1");
  await new StripeLedger(account).refunds({ fromMs: 0, untilMs: 1_000 }, null);
  expect(versions).toEqual([Stripe.API_VERSION, Stripe.API_VERSION]);
  await asked.stop(true);
});

test("a reply that does not come in time", async () => {
  const silent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Promise<Response>(() => undefined),
  });
  const slow = new StripeProvider({
    apiKey: "sk_test_x",
    mark: "checkout",
    baseUrl: silent.url,
    timeoutMs: 100,
  });
  expect(await slow.charge(charge)).toMatchObject(unknown("timeout"));
  await silent.stop(true);
});

test("a refusal of the SDK's own resend says nothing about the first request, whose connection closed", async () => {
  let requests = 0;
  const closing = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      requests += 1;
      // A body that fails before its first byte closes the connection.
      return requests === 1
        ? new Response(new ReadableStream({ start: (controller) => controller.error() }))
        : Response.json({ error: {} }, { status: 429 });
    },
  });
  const asking = new StripeProvider({
    apiKey: "sk_test_x",
    mark: "checkout",
    baseUrl: closing.url,
  });
  expect(await asking.charge(charge)).toMatchObject(unknown("connection_lost"));
  expect(requests).toBe(2);
  expect(await asking.charge(charge)).toMatchObject(deferred("rate_limited", null));
  await closing.stop(true);
});

/** Counts requests and closes their connections without an answer. */
class ClosingServer {
  requests = 0;
  readonly #listener: TCPSocketListener;

  constructor(close: (socket: Pick<Socket, "end">) => void) {
    this.#listener = Bun.listen({
      port: 0,
      hostname: "127.0.0.1",
      socket: {
        data: (socket) => {
          this.requests += 1;
          close(socket);
        },
      },
    });
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#listener.port}`);
  }

  stop(): void {
    this.#listener.stop(true);
  }
}
