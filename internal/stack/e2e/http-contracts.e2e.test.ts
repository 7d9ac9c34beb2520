// Sends unexpected requests to every HTTP interface of the compiled binaries: minified code can behave differently from the source
// if a library uses names. No answer may be a 5xx, and no role may log an error of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { Stripe } from "stripe";
import { startClusterNode } from "../../testkit/redis-cluster.ts";
import { signingKey } from "../../platform/caller-keys.ts";
import { systemClock } from "../../platform/clock.ts";
import { CallerCredential } from "../../platform/internal-tokens.ts";
import { operatorToken } from "../operator-token.ts";
import type { Role } from "../role-env.ts";
import { HttpRoles, type Surface } from "./http-roles.ts";

const SKUS = ["tea-1", "tea-2", "tea-3"] as const;
const NUL = "\u0000";
/** Half of a surrogate pair: JSON may carry it, no UTF-8 text can. */
const HALF = "\ud800";
const USER = "01890000-0000-7000-8000-00000000000a";
const SAGA = "01890000-0000-7000-8000-0000000000ff";

let roles: HttpRoles;
let gateway: CallerCredential;
/** Of notification, which reads the catalogue. */
let reader: CallerCredential;
let token: string;
/** The token of a shopper whose id is not a UUID. */
let otherToken: string;
beforeAll(async () => {
  roles = await HttpRoles.start();
  const key = await signingKey("gateway_private_jwk", roles.secrets.gateway_private_jwk, "service");
  gateway = new CallerCredential(key, systemClock);
  const { notification_private_jwk } = roles.secrets;
  const readersKey = await signingKey("notification_private_jwk", notification_private_jwk, "reader");
  reader = new CallerCredential(readersKey, systemClock);
  const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;
  const tokenOf = (sub: string) =>
    new SignJWT({ sub, iss: "https://id.example", exp: inAnHour })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(roles.secrets.jwt_hs256_secret));
  [token, otherToken] = await Promise.all([tokenOf(USER), tokenOf("auth0|5f7c8ec7c33c6c004bbafe82")]);
  const items = SKUS.map((sku_id) => ({
    sku_id,
    name: sku_id,
    unit_price_cents: 250,
    currency: "EUR",
    add_count: 5,
  }));
  expect(await ask("inventory", put("/catalogue", { items }))).toMatchObject({ status: 200 });
});
afterAll(() => roles[Symbol.asyncDispose]());

interface Ask extends Omit<RequestInit, "headers"> {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who calls an internal interface: the gateway, or an operator who acts. */
async function callerOf(surface: Surface, path: string): Promise<Readonly<Record<string, string>>> {
  if (!["orchestrator", "inventory", "order"].includes(surface)) return {};
  const isAct = surface === "inventory" || /\/(?:cancel|trace|ship|deliver)$/.test(path);
  if (!isAct) return { authorization: await gateway.header() };
  return { authorization: `Bearer ${await operatorToken(roles.secrets, "op")}` };
}

async function ask(surface: Surface, { path, ...init }: Ask) {
  const headers = { ...(await callerOf(surface, path)), ...init.headers };
  const response = await fetch(roles.urlOf(surface) + path, { ...init, headers });
  const text = await response.text();
  return { status: response.status, text };
}

const JSON_TYPE = { "content-type": "application/json" };
const get = (path: string, headers: Readonly<Record<string, string>> = {}): Ask => ({ path, headers });
const send =
  (method: string) =>
  (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Ask => ({
    path,
    method,
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const put = send("PUT");
const post = send("POST");

const address = { name: "Ada", line1: "Street 1", city: "Town", postal_code: "10115", country: "DE" };
const cart = {
  items: [{ sku_id: "tea-1", quantity: 1 }],
  currency: "EUR",
  email: "ada@example.com",
  shipping_address: address,
};
const startSaga = (changes: object = {}) =>
  post("/sagas", {
    ...cart,
    user_id: USER,
    payment_method: "sealed",
    client_key: crypto.randomUUID(),
    body_hash: "0".repeat(64),
    ...changes,
  });
const ship = (changes: object) => post(`/orders/${SAGA}/ship`, { reason: "x", ...changes });
const shopper = (headers: Readonly<Record<string, string>> = {}) => ({
  authorization: `Bearer ${token}`,
  "idempotency-key": crypto.randomUUID(),
  ...headers,
});
const checkout = (changes: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  post("/api/v1/checkout", { ...cart, payment_method: "pm_card_visa", ...changes }, shopper(headers));
const restock = (changes: object, headers: Readonly<Record<string, string>> = {}) =>
  put(
    "/catalogue",
    {
      items: [
        { sku_id: "tea-9", name: "Tea", unit_price_cents: 1, currency: "EUR", add_count: 1, ...changes },
      ],
    },
    headers,
  );

/** A webhook event signed as by the provider. */
async function signed(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Ask> {
  const payload = typeof body === "string" ? body : JSON.stringify(body);
  const signature = await Stripe.webhooks.generateTestHeaderStringAsync({
    payload,
    secret: roles.secrets.stripe_webhook_secret,
  });
  return {
    path: "/webhooks/stripe",
    method: "POST",
    body: payload,
    headers: { "stripe-signature": signature, ...headers },
  };
}
let events = 0;
const intentEvent = (changes: object, event: object = {}) => ({
  id: `evt_${(events += 1)}`,
  object: "event",
  type: "payment_intent.succeeded",
  data: {
    object: {
      id: "pi_1",
      status: "succeeded",
      amount: 1,
      amount_received: 1,
      currency: "eur",
      metadata: {},
      ...changes,
    },
  },
  ...event,
});

const NO_TOKEN = { authorization: "" };

type Case = readonly [surface: Surface, what: string, status: number, request: () => Ask | Promise<Ask>];

const CASES: readonly Case[] = [
  ["gateway", "a checkout", 202, () => checkout()],
  ["gateway", "a checkout with NUL", 422, () => checkout({ shipping_address: { ...address, city: NUL } })],
  [
    "gateway",
    "a checkout with half a character",
    422,
    () => checkout({ shipping_address: { ...address, name: HALF } }),
  ],
  ["gateway", "a body that is not JSON", 400, () => post("/api/v1/checkout", "{", shopper())],
  ["gateway", "a body that is null", 422, () => post("/api/v1/checkout", "null", shopper())],
  ["gateway", "an invalid traceparent", 202, () => checkout({}, { traceparent: "00-zz-zz-01" })],
  ["gateway", "a saga id with NUL", 404, () => get("/api/v1/saga/%00/status", shopper())],
  ["gateway", "a saga id with a broken escape", 404, () => get("/api/v1/saga/%E0%A4%A/status", shopper())],
  ["gateway", "a negative wait", 400, () => get(`/api/v1/saga/${SAGA}/status?wait=-1`, shopper())],
  [
    "gateway",
    "a wait that is not a number",
    400,
    () => get(`/api/v1/saga/${SAGA}/status?wait=%00`, shopper()),
  ],
  ["gateway", "a broken escape in the query", 404, () => get(`/api/v1/saga/${SAGA}/status?x=%`, shopper())],
  ["gateway", "no such path", 404, () => get("/api/v1/%00")],
  ["orchestrator", "a saga", 200, () => startSaga()],
  ["orchestrator", "an invalid traceparent", 422, () => startSaga({ traceparent: "00-zz-zz-01" })],
  ["orchestrator", "a key with NUL", 422, () => startSaga({ client_key: `a${NUL}` })],
  ["orchestrator", "a key with half a character", 422, () => startSaga({ client_key: HALF })],
  ["orchestrator", "a payment method with NUL", 422, () => startSaga({ payment_method: NUL })],
  ["orchestrator", "a body that is not JSON", 422, () => post("/sagas", "{")],
  ["orchestrator", "an empty body", 422, () => post("/sagas", "")],
  ["orchestrator", "a wait that is a number", 404, () => get(`/sagas/${SAGA}?user_id=${USER}&wait_ms=1`)],
  ["orchestrator", "a wait below 0", 422, () => get(`/sagas/${SAGA}?user_id=${USER}&wait_ms=-1`)],
  ["orchestrator", "a wait with a fraction", 422, () => get(`/sagas/${SAGA}?user_id=${USER}&wait_ms=1.5`)],
  [
    "orchestrator",
    "a wait beyond the maximum",
    422,
    () => get(`/sagas/${SAGA}?user_id=${USER}&wait_ms=60001`),
  ],
  ["orchestrator", "a wait that is not a number", 422, () => get(`/sagas/${SAGA}?user_id=${USER}&wait_ms=x`)],
  ["orchestrator", "a user with NUL", 422, () => get(`/sagas/${SAGA}?user_id=%00`)],
  ["orchestrator", "a saga id with NUL", 422, () => get(`/sagas/%00?user_id=${USER}`)],
  ["orchestrator", "a saga id with a broken escape", 422, () => get(`/sagas/%E0%A4%A?user_id=${USER}`)],
  [
    "orchestrator",
    "a cancel with half a character",
    422,
    () => post(`/sagas/${SAGA}/cancel`, { reason: HALF }),
  ],
  [
    "orchestrator",
    "a cancel of a saga id with NUL",
    422,
    () => post("/sagas/%00/cancel", { reason: "test" }),
  ],
  ["orchestrator", "no token", 401, () => get("/sagas", NO_TOKEN)],
  ["inventory", "no token", 401, () => restock({}, NO_TOKEN)],
  ["order", "no token", 401, () => post(`/orders/${SAGA}/ship`, { reason: "x" }, NO_TOKEN)],
  [
    "inventory",
    "the gateway's token for a restock",
    403,
    async () => restock({}, { authorization: await gateway.header() }),
  ],
  [
    "inventory",
    "notification's token for a restock",
    403,
    async () => restock({}, { authorization: await reader.header() }),
  ],
  [
    "inventory",
    "notification's token for products",
    200,
    async () => get("/catalogue?skus=tea-1", { authorization: await reader.header() }),
  ],
  [
    "orchestrator",
    "notification's token",
    403,
    async () => get(`/sagas/${SAGA}`, { authorization: await reader.header() }),
  ],
  [
    "order",
    "notification's token",
    403,
    async () => get(`/orders/${SAGA}`, { authorization: await reader.header() }),
  ],
  [
    "orchestrator",
    "a trace with half a character",
    422,
    () => post(`/sagas/${SAGA}/trace`, { reason: HALF }),
  ],
  [
    "orchestrator",
    "a trace while tracing is off",
    409,
    () => post(`/sagas/${SAGA}/trace`, { reason: "test" }),
  ],
  ["inventory", "a limit", 200, () => get("/catalogue?limit=2")],
  ["inventory", "the products of a cart", 200, () => get("/catalogue?skus=tea-1,tea-2")],
  ["inventory", "a cart with an invalid SKU", 422, () => get("/catalogue?skus=tea-1,%20")],
  ["inventory", "a dry run", 200, () => ({ ...restock({}), path: "/catalogue?dry_run=true" })],
  ["inventory", "a total beside a delivery", 422, () => restock({ stock_total: 1 })],
  ["inventory", "a limit below 1", 422, () => get("/catalogue?limit=-1")],
  ["inventory", "a limit with a fraction", 422, () => get("/catalogue?limit=1.5")],
  ["inventory", "a limit beyond the maximum", 422, () => get("/catalogue?limit=1001")],
  ["inventory", "a limit that is not a number", 422, () => get("/catalogue?limit=ten")],
  ["inventory", "a start with NUL", 422, () => get("/catalogue?after=%00")],
  ["inventory", "a SKU with NUL", 422, () => get("/catalogue/%00")],
  ["inventory", "a SKU with a broken escape", 422, () => get("/catalogue/%E0%A4%A")],
  ["inventory", "a name with NUL", 422, () => restock({ name: NUL })],
  ["inventory", "a name with half a character", 422, () => restock({ name: HALF })],
  ["inventory", "an invalid Idempotency-Key", 422, () => restock({}, { "idempotency-key": "x" })],
  ["inventory", "a body that is not JSON", 400, () => put("/catalogue", "{")],
  ["inventory", "a body that is null", 422, () => put("/catalogue", "null")],
  [
    "inventory",
    "a body that is a form",
    415,
    () => put("/catalogue", "a=1", { "content-type": "application/x-www-form-urlencoded" }),
  ],
  ["order", "a shopper without orders", 200, () => get(`/orders?user_id=${USER}&limit=2`)],
  ["order", "a limit below 1", 422, () => get(`/orders?user_id=${USER}&limit=-1`)],
  ["order", "a limit with a fraction", 422, () => get(`/orders?user_id=${USER}&limit=1.5`)],
  ["order", "a limit beyond the maximum", 422, () => get(`/orders?user_id=${USER}&limit=101`)],
  ["order", "a cursor with NUL", 422, () => get(`/orders?user_id=${USER}&after=%00`)],
  ["order", "a cursor that is no order", 200, () => get(`/orders?user_id=${USER}&after=${SAGA}`)],
  ["order", "a user with NUL", 422, () => get("/orders?user_id=%00")],
  ["order", "an unknown order", 404, () => get(`/orders/${SAGA}?user_id=${USER}`)],
  ["order", "an order id with a broken escape", 422, () => get(`/orders/%E0%A4%A?user_id=${USER}`)],
  ["order", "an unknown order to ship", 404, () => post(`/orders/${SAGA}/ship`, { reason: "x" })],
  ["order", "a reason with half a character", 422, () => ship({ reason: HALF })],
  ["order", "a carrier with NUL", 422, () => ship({ tracking: { carrier: NUL, number: "1" } })],
  ["order", "a body that is not JSON", 400, () => post(`/orders/${SAGA}/ship`, "{")],
  ["order", "a body that is null", 422, () => post(`/orders/${SAGA}/deliver`, "null")],
  ["order", "no such path", 404, () => get("/%00")],
  [
    "payment",
    "an event of a foreign type",
    200,
    () => signed({ ...intentEvent({}), type: "customer.created" }),
  ],
  ["payment", "a signed text that is not JSON", 400, () => signed("{")],
  ["payment", "a signed null", 400, () => signed("null")],
  ["payment", "a signed event without an object", 400, () => signed({ ...intentEvent({}), data: null })],
  ["payment", "a signed event without a currency", 200, () => signed(intentEvent({ currency: null }))],
  [
    "payment",
    "a signed event with a text as amount",
    200,
    () => signed(intentEvent({ amount_received: "much" })),
  ],
  [
    "payment",
    "a signed event with an amount too large for a column",
    200,
    () => signed(intentEvent({ amount_received: 1e300 })),
  ],
  ["payment", "a signed event whose id has NUL", 400, () => signed(intentEvent({}, { id: NUL }))],
  ["payment", "a signed charge whose id has half a character", 200, () => signed(intentEvent({ id: HALF }))],
  [
    "payment",
    "a signature with NUL in the text it signs",
    400,
    async () => ({ ...(await signed("{}")), body: `{}${NUL}` }),
  ],
  ["payment", "no signature", 400, () => post("/webhooks/stripe", {})],
  ["payment", "no such path", 404, () => get("/webhooks/%00")],
  ["paysim", "unknown faults", 422, () => put("/_sim/faults", { latency: NUL })],
  ["paysim", "a body that is not JSON", 422, () => put("/_sim/faults", "{")],
  ["paysim", "no such control", 404, () => get("/_sim/%00")],
  [
    "paysim",
    "a list with a limit below 1",
    400,
    () => get("/v1/payment_intents?limit=-1", { authorization: "Bearer sk_test_1" }),
  ],
  [
    "paysim",
    "a list with a limit with a fraction",
    400,
    () => get("/v1/payment_intents?limit=1.5", { authorization: "Bearer sk_test_1" }),
  ],
  [
    "paysim",
    "an unknown intent",
    404,
    () => get("/v1/payment_intents/%00", { authorization: "Bearer sk_test_1" }),
  ],
  ["ops", "no such path", 404, () => get("/%00")],
  ["ops", "an unknown query", 200, () => get("/healthz?x=%00")],
];

test.each(CASES)("%s: %s is answered with %i", async (surface, _, status, request) => {
  expect(await ask(surface, await request())).toMatchObject({ status });
});

test("a shopper whose id is not a UUID can check out, and only they see the saga", async () => {
  const other = { authorization: `Bearer ${otherToken}` };
  const started = await ask("gateway", checkout({}, other));
  expect(started).toMatchObject({ status: 202 });
  const { status_url } = JSON.parse(started.text);
  expect(await ask("gateway", get(status_url, other))).toMatchObject({ status: 200 });
  expect(await ask("gateway", get(status_url, shopper()))).toMatchObject({ status: 404 });
});

test("a limit is respected", async () => {
  const { text } = await ask("inventory", get("/catalogue?limit=2"));
  expect(JSON.parse(text)).toMatchObject({
    items: [{ sku_id: "tea-1" }, { sku_id: "tea-2" }],
    next: "tea-2",
  });
});

/** Valid by RFC 3986, but unusual. */
const HOSTS = ["g", "gw", "GW:80", "db1.", "[::1]", "[::1]:8080", "127.0.0.1", "localhost"];
const ROUTES: readonly (readonly [Surface, string, number])[] = [
  ["gateway", `/api/v1/saga/${SAGA}/status`, 401],
  ["orchestrator", "/ready", 200],
  ["inventory", "/catalogue/tea-1", 200],
  ["payment", "/webhooks/stripe", 400],
  ["paysim", "/_sim/stats", 200],
  ["ops", "/healthz", 200],
];
test.each(ROUTES)("%s serves %s under any of its host names", async (surface, path, status) => {
  // The webhook endpoint takes POST; it rejects an unsigned body.
  const of = (headers: { host: string }) =>
    surface === "payment" ? post(path, {}, headers) : get(path, headers);
  const answers = await Promise.all(HOSTS.map((host) => ask(surface, of({ host }))));
  expect(answers.map((answer) => answer.status)).toEqual(HOSTS.map(() => status));
});

test.each(["gateway", "orchestrator", "inventory", "payment"] as const)(
  "%s rejects a foreign host name",
  async (surface) => {
    expect(await ask(surface, get("/", { host: "elsewhere.example" }))).toMatchObject({ status: 421 });
  },
);

const TAKEN: readonly (readonly [Role, "PORT" | "OPS_PORT", Surface])[] = [
  ["gateway", "PORT", "gateway"],
  ["orchestrator", "PORT", "orchestrator"],
  ["inventory", "PORT", "inventory"],
  ["payment", "PORT", "payment"],
  ["paysim", "PORT", "paysim"],
  ["relay", "OPS_PORT", "ops"],
];
test.each(TAKEN)("%s exits with a configuration error if its %s is taken", async (role, setting, by) => {
  const { port } = new URL(roles.urlOf(by));
  const other = role === "paysim" ? { LEDGER_FILE: `${roles.folder}/other.jsonl` } : {};
  const { code, output } = await roles.endOf(role, { [setting]: port, ...other });
  expect({ code, output }).toEqual({
    code: 78,
    output: expect.stringContaining(`cannot listen on 127.0.0.1:${port}: another process uses this port`),
  });
});

const WRONG: readonly (readonly [Role, string, string])[] = [
  ["gateway", "JWT_HS256_SECRET", " ".repeat(40)],
  ["gateway", "JWT_HS256_SECRET", "a".repeat(40)],
  ["gateway", "JWT_HS256_SECRET", `${"a1b2c3d4".repeat(5)}\n`],
  ["gateway", "JWT_HS256_SECRETT", "a1b2c3d4".repeat(5)],
  ["gateway", "JWT_AUD", "shop"],
  ["gateway", "JWT_DEVELOPMENT", "false"],
  ["gateway", "JWT_JWKS_URL", "http://id.example/jwks.json"],
  ["gateway", "RATE_LIMIT_USER", "-1"],
  ["gateway", "RATE_LIMIT_USERS", "100"],
  ["orchestrator", "INTAKE_MAX_OPEN_SAGA", "10"],
  ["orchestrator", "RESEND_FIRST_MS", "60001"],
  ["order", "KAFKA_BROKERS", "127.0.0.1:99999"],
  ["notification", "MAIL_FROM", "nonsense"],
  ["notification", "SMTP_URL", "smtp://"],
  ["payment", "PAYMENT_PRIVATE_JWK", "{}"],
  ["relay", "DATABASE_URLS", "saga=postgres://"],
  ["relay", "DATABASE_URLS", "stock=postgres://h/a"],
  ["relay", "DATABASE_URLS", "saga=postgres://h/a,saga=postgres://h/b"],
];
test.each(WRONG)("%s does not start with a wrong %s, and names the setting", async (role, setting, value) => {
  const { code, output } = await roles.endOf(role, { [setting]: value });
  expect({ code, output }).toEqual({ code: 78, output: expect.stringContaining(setting) });
  // No stack trace for a user error, and no value, because it may be a secret.
  expect(output).not.toMatch(/\n\s+at /);
  if (setting.includes("SECRET") && value.trim() !== "") expect(output).not.toContain(value);
});

test("roles do not start on a Redis Cluster, and say why", async () => {
  await using cluster = await startClusterNode();
  const ends = await Promise.all(
    (["orchestrator", "notification"] as const).map((role) => roles.endOf(role, { REDIS_URL: cluster.url })),
  );
  for (const { code, output } of ends)
    expect({ code, output }).toEqual({
      code: 78,
      output: expect.stringContaining("a node of a Redis Cluster"),
    });
});

test("no role has logged an error of its own", () => {
  const ours = roles.complaints().filter((line) => !line.includes("a signed webhook event cannot be read"));
  expect(ours).toEqual([]);
});
