// Requests that the gateway rejects by itself. The orchestrator's address has no listener, so a request that passes gets a 503.
import { expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Problem } from "../../schemas/http.ts";
import { shopCurrencies } from "../kernel/shop-currencies.ts";
import { authenticatorOf, cart, servicesAt, SHOPPER, tokenOf } from "../testkit/gateway.ts";
import { gatewayApp } from "./app.ts";
import { MAX_BODY_BYTES } from "./checkout-request.ts";

const problemBody = TypeCompiler.Compile(Problem);
const logged: unknown[] = [];
const app = gatewayApp({
  currencies: shopCurrencies("EUR, USD"),
  authenticator: authenticatorOf(),
  ...servicesAt({}),
  seal: (token) => `sealed ${token}`,
  onError: (error) => void logged.push(error),
});

type Headers = Readonly<Record<string, string | undefined>>;

async function send(
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Headers; body?: string } = {},
) {
  const all: Headers = { authorization: `Bearer ${await tokenOf(SHOPPER)}`, ...headers };
  const given = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: given,
    ...(body === undefined ? {} : { body }),
  });
  const response = await app.handle(request);
  const problem: unknown = JSON.parse((await response.text()) || "null");
  return { status: response.status, headers: response.headers, problem };
}

function post(body: unknown, headers: Headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const standard = { "content-type": "application/json", "idempotency-key": "key-1" };
  return send("POST", "/api/v1/checkout", { headers: { ...standard, ...headers }, body: text });
}

/** Every rejection is a problem body with status, type and instance. */
function expectProblem(answer: Awaited<ReturnType<typeof send>>, status: number, type: string) {
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.problem).toMatchObject({ status, type: `urn:checkout:problem:${type}` });
  expect(problemBody.Check(answer.problem)).toBe(true);
}

test("a valid request is passed on; without an orchestrator it gets a 503 with Retry-After", async () => {
  const answer = await post(cart());
  expectProblem(answer, 503, "service-unavailable");
  expect(answer.headers.get("retry-after")).toBe("2");
  expect(answer.problem).toMatchObject({ instance: "/api/v1/checkout" });
  expect(logged.length).toBe(1);
  expect(logged[0]).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});

test.each([
  ["paypal", "paypal"],
  ["pm_card_visa", undefined],
])("who pays with %s has the provider %s", async (payment_method, provider) => {
  const started: unknown[] = [];
  await using orchestrator = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      started.push(await request.json());
      return Response.json({ saga_id: SHOPPER, replayed: false }, { status: 202 });
    },
  });
  const passing = gatewayApp({
    currencies: shopCurrencies("EUR, USD"),
    authenticator: authenticatorOf(),
    ...servicesAt({ orchestrator: orchestrator.url.href }),
    seal: (token) => `sealed.${token}`,
    onError: (error) => void logged.push(error),
  });
  const headers = { authorization: `Bearer ${await tokenOf(SHOPPER)}`, "content-type": "application/json" };
  const body = JSON.stringify(cart({ payment_method }));
  const request = new Request("http://localhost/api/v1/checkout", {
    method: "POST",
    headers: { ...headers, "idempotency-key": "key-1" },
    body,
  });
  expect((await passing.handle(request)).status).toBe(202);
  expect(started).toMatchObject([{ payment_method: `sealed.${payment_method}` }]);
  expect(
    started.map((one) => typeof one === "object" && one !== null && "provider" in one && one.provider),
  ).toEqual([provider ?? false]);
});

test.each([
  ["a currency that PayPal does not take", { currency: "KWD" }, "PayPal does not take KWD"],
  [
    "a fraction of a currency that is whole at PayPal",
    { currency: "HUF", expected_total_cents: 199_950 },
    "PayPal takes only whole amounts of HUF",
  ],
])("%s is refused for who pays with PayPal, and not for who pays by card", async (_, changes, message) => {
  const everywhere = gatewayApp({
    currencies: shopCurrencies(""),
    authenticator: authenticatorOf(),
    // There is no orchestrator, so whatever is passed on gets a 503.
    ...servicesAt({}),
    seal: (token) => `sealed.${token}`,
    onError: () => {},
  });
  const headers = { authorization: `Bearer ${await tokenOf(SHOPPER)}`, "content-type": "application/json" };
  const placed = (payment_method: string) =>
    everywhere.handle(
      new Request("http://localhost/api/v1/checkout", {
        method: "POST",
        headers: { ...headers, "idempotency-key": "key-1" },
        body: JSON.stringify(cart({ ...changes, payment_method })),
      }),
    );
  const refused = await placed("paypal");
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({
    type: "urn:checkout:problem:invalid-body",
    errors: [{ path: "/payment_method", message: expect.stringContaining(message) }],
  });
  expect((await placed("pm_card_visa")).status).toBe(503);
});

const address = cart().shipping_address;
const items = cart().items;
const strange: readonly [string, unknown, string][] = [
  ["an unknown field", { ...cart(), coupon: "x" }, "/coupon"],
  [
    "an unknown field of the address",
    { ...cart(), shipping_address: { ...address, nickname: "1" } },
    "/shipping_address/nickname",
  ],
  [
    "an unknown field of a line",
    { ...cart(), items: [{ ...items[0], unit_price_cents: 1 }] },
    "/items/0/unit_price_cents",
  ],
  ["a missing field", { ...cart(), email: undefined }, "/email"],
  ["an empty cart", cart({ items: [] }), "/items"],
  [
    "too many lines",
    cart({ items: Array.from({ length: 51 }, (_, i) => ({ sku_id: `s${i}`, quantity: 1 })) }),
    "/items",
  ],
  ["a quantity of zero", cart({ items: [{ sku_id: "tea", quantity: 0 }] }), "/items/0/quantity"],
  ["a fractional quantity", cart({ items: [{ sku_id: "tea", quantity: 0.5 }] }), "/items/0/quantity"],
  ["a quantity as text", { ...cart(), items: [{ sku_id: "tea", quantity: "1" }] }, "/items/0/quantity"],
  ["an invalid SKU", cart({ items: [{ sku_id: "../tea", quantity: 1 }] }), "/items/0/sku_id"],
  ["an invalid currency code", cart({ currency: "euro" }), "/currency"],
  ["an unsupported currency", cart({ currency: "XTS" }), "/currency"],
  ["an e-mail without a domain", cart({ email: "ada" }), "/email"],
  ["an e-mail that looks like two", cart({ email: "ada,smith@example.com" }), "/email"],
  ["an e-mail in angle brackets", cart({ email: "ada<smith@example.com>" }), "/email"],
  ["an e-mail with a comment", cart({ email: "ada(smith)@example.com" }), "/email"],
  ["a group of e-mail addresses", cart({ email: "ada:smith@example.com;" }), "/email"],
  ["an e-mail without a public domain", cart({ email: "ada@localhost" }), "/email"],
  ["an invalid payment token", cart({ payment_method: "pm card visa" }), "/payment_method"],
  [
    "a NUL character, which Postgres cannot store",
    cart({ shipping_address: { ...address, name: "a\u0000b" } }),
    "/shipping_address/name",
  ],
  [
    "no city and no region",
    cart({ shipping_address: { ...address, city: " ", country: "US" } }),
    "/shipping_address/city",
  ],
  [
    "no postal code in a country that needs one",
    cart({ shipping_address: { ...address, postal_code: "", country: "DE" } }),
    "/shipping_address/postal_code",
  ],
  [
    "a postal code that the country does not have",
    cart({ shipping_address: { ...address, postal_code: "ABC", country: "DE" } }),
    "/shipping_address/postal_code",
  ],
  ["a lone surrogate", cart({ shipping_address: { ...address, city: "\ud83d" } }), "/shipping_address/city"],
  ["a lone surrogate in the e-mail", cart({ email: "\udc00@example.com" }), "/email"],
  ["a total below the smallest charge", cart({ expected_total_cents: 49 }), "/expected_total_cents"],
  ["a total above the largest charge", cart({ expected_total_cents: 100_000_000 }), "/expected_total_cents"],
  ["a negative total", cart({ expected_total_cents: -1 }), "/expected_total_cents"],
  ["a currency in which the shop does not sell", cart({ currency: "CHF" }), "/currency"],
  ["a list", [cart()], "/"],
  ["null", null, "/"],
];
test("what a schema cannot find is named beside what it finds", async () => {
  const { name: _, ...nameless } = address;
  const body = {
    ...cart({ email: "ada@localhost" }),
    shipping_address: { ...nameless, city: "", postal_code: "", country: "DE" },
  };
  const answer = await post(body);
  expectProblem(answer, 422, "invalid-body");
  const errors = [
    "/shipping_address/name",
    "/email",
    "/shipping_address/city",
    "/shipping_address/postal_code",
  ].map((path) => expect.objectContaining({ path }));
  expect(answer.problem).toMatchObject({ errors: expect.arrayContaining(errors) });
});

test.each(strange)("rejected with the path of the fault: %s", async (_, body, path) => {
  const answer = await post(body);
  expectProblem(answer, 422, "invalid-body");
  expect(answer.problem).toMatchObject({
    errors: expect.arrayContaining([expect.objectContaining({ path })]),
  });
});

test.each([
  "4242424242424242",
  "4242-4242-4242-4242",
  "4242 4242 4242 4242",
  4242424242424242,
  "pm_4242424242424242",
])(
  "a card number gets its own problem type, is not repeated, and is reported to operators: %p",
  async (payment_method) => {
    // given a body with another fault
    const answer = await post({ ...cart(), coupon: "x", payment_method });
    // then
    expectProblem(answer, 422, "card-number");
    const message = expect.stringContaining("got a card number");
    expect(answer.problem).toMatchObject({ errors: [{ path: "/payment_method", message }] });
    expect(JSON.stringify(answer.problem)).not.toMatch(/4242/);
    expect(logged.at(-1)).toMatchObject({ type: "card-number" });
    expect(Bun.inspect(logged.at(-1))).not.toMatch(/4242/);
  },
);

test("other fields may look like a card number by chance", async () => {
  const number = "4242424242424242";
  const lucky = cart({
    items: [{ sku_id: number, quantity: 1 }],
    shipping_address: { ...address, phone: number, line2: number },
  });
  const answer = await post(lucky, { "idempotency-key": number });
  expectProblem(answer, 503, "service-unavailable");
});

test("characters beyond the basic plane are valid", async () => {
  expectProblem(
    await post(cart({ shipping_address: { ...address, name: "Ada 😀 Ωmega" } })),
    503,
    "service-unavailable",
  );
});

test("a rejection never repeats the value and lists a limited number of faults", async () => {
  const secret = await post(cart({ payment_method: "4242 4242 4242 4242" }));
  expect(JSON.stringify(secret.problem)).not.toContain("4242");
  const many = { ...cart(), items: Array.from({ length: 40 }, () => ({ sku_id: "/", quantity: 0 })) };
  const { problem } = await post(many);
  expect(problemBody.Check(problem) && problem.errors?.length).toBe(20);
});

test("the body must be JSON", async () => {
  for (const body of ["", "{", "{'a': 1}", "undefined", "[".repeat(50_000)])
    expectProblem(await post(body), 400, "invalid-json");
  for (const type of [undefined, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
    expectProblem(await post(cart(), { "content-type": type }), 415, "unsupported-media-type");
  for (const type of ["application/json; charset=utf-8", "Application/JSON"])
    expectProblem(await post(cart(), { "content-type": type }), 503, "service-unavailable");
});

test("the body has a size limit, with or without Content-Length", async () => {
  const big = JSON.stringify({ ...cart(), coupon: "x".repeat(MAX_BODY_BYTES) });
  expectProblem(await post(big), 413, "body-too-large");
  expectProblem(await post("{}", { "content-length": String(MAX_BODY_BYTES + 1) }), 413, "body-too-large");
  // Counted in bytes, not characters.
  expectProblem(await post(`"${"é".repeat(MAX_BODY_BYTES / 2)}"`), 413, "body-too-large");
});

test("the Idempotency-Key must be present and valid", async () => {
  for (const key of [undefined, "", " ", "two words", "clé", "k".repeat(201)])
    expectProblem(await post(cart(), { "idempotency-key": key }), 400, "missing-idempotency-key");
  for (const key of ["k", "k".repeat(200), '"quoted"'])
    expectProblem(await post(cart(), { "idempotency-key": key }), 503, "service-unavailable");
});

test("the token is checked before anything else", async () => {
  const authorization = `Bearer ${await tokenOf(SHOPPER, { claims: { exp: 1 } })}`;
  for (const answer of [
    await post("{", { authorization: undefined }),
    await post(cart(), { authorization }),
    await send("GET", `/api/v1/saga/${SHOPPER}/status`, { headers: { authorization } }),
    await send("GET", "/api/v1/saga/x/status", { headers: { authorization: undefined } }),
  ]) {
    expectProblem(answer, 401, "unauthenticated");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  }
});

test("an unsupported method gets a 405 with the supported ones", async () => {
  for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const answer = await send(method, "/api/v1/checkout");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  }
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const answer = await send(method, `/api/v1/saga/${SHOPPER}/status`);
    expectProblem(answer, 405, "method-not-allowed");
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
  }
});

test("unknown and malformed paths get a 404 problem", async () => {
  const paths = [
    "/",
    "/api",
    "/api/v1/checkout/x",
    "/api/v2/checkout",
    "/%zz",
    "//api/v1/checkout",
    "/api/v1/saga//status",
  ];
  for (const path of paths) expectProblem(await send("GET", path), 404, "not-found");
});

test("an invalid saga id gets a 404", async () => {
  for (const id of ["1", "%00", "%zz", SHOPPER.toUpperCase(), `${SHOPPER}%20`, "..%2f..", "a".repeat(5_000)])
    expectProblem(await send("GET", `/api/v1/saga/${id}/status`), 404, "not-found");
});

test("wait must be decimal seconds within bounds", async () => {
  const path = `/api/v1/saga/${SHOPPER}/status`;
  for (const wait of ["-1", "30.001", "31", "1e1", "0x10", "Infinity", "NaN", "", "ten", "1,5", "0.0001"])
    expectProblem(await send("GET", `${path}?wait=${wait}`), 400, "invalid-query");
  for (const wait of ["0", "30", "0.25", "1"])
    expectProblem(await send("GET", `${path}?wait=${wait}`), 503, "service-unavailable");
});

test("our own fault is a 500 without details; the log gets the error", async () => {
  const fault = new Error("secret of the inside");
  const broken = gatewayApp({
    currencies: shopCurrencies(""),
    authenticator: authenticatorOf(),
    ...servicesAt({}),
    seal: () => {
      throw fault;
    },
    onError: (error) => void logged.push(error),
  });
  logged.length = 0;
  const response = await broken.handle(
    new Request("http://localhost/api/v1/checkout", {
      method: "POST",
      headers: {
        authorization: `Bearer ${await tokenOf(SHOPPER)}`,
        "content-type": "application/json",
        "idempotency-key": "k",
      },
      body: JSON.stringify(cart()),
    }),
  );
  const text = await response.text();
  expect([response.status, text.includes("secret")]).toEqual([500, false]);
  expect(logged).toEqual([fault]);
});

test.each([
  "ada.smith+tea@mail.example.co.uk",
  "o'brien@example.com",
  "ada@münchen.example",
  "jörg@example.com",
  '"ada."@example.com',
])("%s is a valid e-mail address", async (email) => {
  expectProblem(await post(cart({ email })), 503, "service-unavailable");
});
