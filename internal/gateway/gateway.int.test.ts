// The gateway on a real port, with a real orchestrator API and a real Postgres.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { shopCurrencies } from "../kernel/shop-currencies.ts";
import { connect } from "node:net";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CheckoutAccepted, SagaStatusView } from "../../schemas/http.ts";
import { noTracer } from "../kernel/telemetry.ts";
import { orchestratorApi } from "../orchestrator/api.ts";
import { StatusWatch } from "../orchestrator/status-watch.ts";
import { createOpener, createSealer, generateSealingKeys } from "../platform/seal.ts";
import { type HttpServer, serveHttp } from "../platform/serve-http.ts";
import { eventOf } from "../testkit/events.ts";
import { authenticatorOf, cart, servicesAt, SHOPPER, STRANGER, tokenOf } from "../testkit/gateway.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { gatewayApp } from "./app.ts";
import { MAX_BODY_BYTES } from "./checkout-request.ts";
import { HeadSampling } from "./head-sampling.ts";
import { RequestTraces } from "./request-traces.ts";
import { site } from "./site.ts";

const acceptedBody = TypeCompiler.Compile(CheckoutAccepted);
const viewBody = TypeCompiler.Compile(SagaStatusView);
const HOSTNAME = "127.0.0.1";

let orchestrator: TestOrchestrator;
let inner: { readonly port: number; readonly watch: StatusWatch } & AsyncDisposable;
let gateway: Gateway;
let keys: Awaited<ReturnType<typeof generateSealingKeys>>;
const logged: unknown[] = [];

function serveOrchestrator(port: number) {
  const parts = orchestrator.apiParts();
  const { watch, history } = parts;
  const intake = orchestrator.intake();
  const api = orchestratorApi({
    intake,
    ...parts,
    onError: (error) => void logged.push(error),
  });
  const server = serveHttp(api, { hostname: HOSTNAME, port });
  return {
    port: server.port,
    watch,
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      history[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await intake[Symbol.asyncDispose]();
    },
  };
}

/** The gateway, wired like cmd/gateway. */
class Gateway implements AsyncDisposable {
  readonly #services: ReturnType<typeof servicesAt>;
  readonly #server: HttpServer;
  /** How many requests have arrived. */
  received = 0;

  constructor(orchestratorPort: number, seal: (token: string) => string) {
    this.#services = servicesAt({ orchestrator: `http://${HOSTNAME}:${orchestratorPort}` });
    const traces = new RequestTraces({
      tracer: noTracer,
      sampling: new HeadSampling({ ratio: 0, askedPerSecond: 1, random: () => 0, monotonic: () => 0 }),
      metrics: { answered: () => undefined },
    });
    const app = gatewayApp({
      currencies: shopCurrencies(""),
      authenticator: authenticatorOf(),
      ...this.#services,
      seal,
      traces,
      onError: (error) => void logged.push(error),
    });
    const served = site(app, null, traces);
    const counted = {
      config: served.config,
      fetch: (request: Request) => {
        this.received += 1;
        return served.fetch(request);
      },
    };
    this.#server = serveHttp(counted, { hostname: HOSTNAME, port: 0 });
  }

  async ask(path: string, { user = SHOPPER, ...init }: RequestInit & { readonly user?: string } = {}) {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${await tokenOf(user)}`);
    const response = await fetch(`http://${HOSTNAME}:${this.#server.port}${path}`, { ...init, headers });
    const text = await response.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    return { status: response.status, headers: response.headers, body };
  }

  checkout(
    key: string,
    body: unknown = cart(),
    init: { user?: string; headers?: Record<string, string> } = {},
  ) {
    const headers = { "content-type": "application/json", "idempotency-key": key, ...init.headers };
    return this.ask("/api/v1/checkout", { ...init, method: "POST", headers, body: JSON.stringify(body) });
  }

  /** Sends the raw text and returns the status line of each answer: of the first, whenever it comes, and of what follows it at once. */
  raw(text: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#server.port, HOSTNAME);
      let answer = "";
      socket.on("data", (bytes) => {
        answer += bytes.toString();
        socket.setTimeout(150, () => socket.destroy());
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(answer.match(/^HTTP\/1\.1 \d+/gm) ?? []));
      socket.write(text);
    });
  }

  /** Sends the beginning of a request, and hangs up when it has arrived. */
  async hangUpAfter(text: string): Promise<void> {
    const arrived = this.next();
    const socket = connect(this.#server.port, HOSTNAME);
    socket.write(text);
    await arrived;
    socket.destroy();
  }

  /** Resolves when one more request has arrived. */
  async next(): Promise<void> {
    const before = this.received;
    while (this.received === before) await Bun.sleep(1);
  }

  async [Symbol.asyncDispose]() {
    this.#services.slots[Symbol.dispose]();
    this.#services.orchestrator[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
  keys = await generateSealingKeys();
  inner = serveOrchestrator(0);
  gateway = new Gateway(inner.port, await createSealer(keys.publicJwk));
});
test("the shopper's language goes with the checkout, and a retry in another one is the same checkout", async () => {
  const languageOf = async (key: string, header: string | null) => {
    const headers = header === null ? {} : { "accept-language": header };
    const { body } = await gateway.checkout(key, cart(), { headers });
    if (!acceptedBody.Check(body)) throw new Error("not accepted");
    return [body.saga_id, (await orchestrator.saga(body.saga_id)).language] as const;
  };
  const [id, language] = await languageOf("language-1", "fr, de-AT;q=0.8, en;q=0.5");
  expect(language).toBe("de");
  expect(await languageOf("language-1", "en")).toEqual([id, "de"]);
  expect((await languageOf("language-2", "fr"))[1]).toBeNull();
});

beforeEach(() => {
  logged.length = 0;
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await inner[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
});

function sagaOf({ status, body }: { readonly status: number; readonly body: unknown }): string {
  if (status !== 202 || !acceptedBody.Check(body)) throw new Error(`not accepted: ${JSON.stringify(body)}`);
  return body.saga_id;
}

test("after a 202 the saga exists with its cart, shopper and trace", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const answer = await gateway.checkout("first", cart({ expected_total_cents: 1_000 }), {
    headers: { traceparent },
  });
  const saga_id = sagaOf(answer);
  const status_url = `/api/v1/saga/${saga_id}/status`;
  expect([answer.body, answer.headers.get("location"), answer.headers.get("idempotent-replayed")]).toEqual([
    { saga_id, status_url },
    status_url,
    null,
  ]);
  const { items, email, shipping_address } = cart();
  expect(await orchestrator.saga(saga_id)).toMatchObject({
    user_id: SHOPPER,
    items,
    email,
    shipping_address,
    expected_total_cents: 1_000,
  });
  expect(await orchestrator.messages(saga_id)).toMatchObject([{ type: "ReserveInventory", traceparent }]);
  const { status, headers, body } = await gateway.ask(status_url);
  expect([status, headers.get("cache-control"), viewBody.Check(body), body]).toMatchObject([
    200,
    "no-store",
    true,
    { saga_id, status: "STARTED" },
  ]);
  const head = await gateway.ask(status_url, { method: "HEAD" });
  expect([head.status, head.body]).toEqual([200, null]);
});

test("the payment token is stored sealed: only the payment service's key opens it", async () => {
  const saga_id = sagaOf(await gateway.checkout("sealed", cart({ payment_method: "pm_very_secret" })));
  const [row] = await orchestrator.database.sql<{ text: string; payment_method: string }[]>`
    select s::text as text, payment_method from saga_state s where saga_id = ${saga_id}`;
  expect(row?.text.includes("pm_very_secret")).toBe(false);
  const open = await createOpener(keys.privateJwk);
  expect(await open(row?.payment_method ?? "")).toBe("pm_very_secret");
});

test("the same key with the same checkout returns the same saga as replayed; with another checkout it is rejected", async () => {
  const first = sagaOf(await gateway.checkout("replay"));
  const { shipping_address, ...rest } = cart();
  const again = await gateway.checkout("replay", { shipping_address, ...rest });
  expect([sagaOf(again), again.headers.get("idempotent-replayed")]).toEqual([first, "true"]);
  const other = await gateway.checkout("replay", cart({ email: "bob@example.com" }));
  expect([other.status, other.body]).toMatchObject([
    422,
    { type: "urn:checkout:problem:idempotency-key-reused" },
  ]);
  const stranger = await gateway.checkout("replay", cart(), { user: STRANGER });
  expect([sagaOf(stranger) === first, stranger.headers.get("idempotent-replayed")]).toEqual([false, null]);
});

test("another user's saga looks exactly like a missing one", async () => {
  const saga_id = sagaOf(await gateway.checkout("mine"));
  const mine = `/api/v1/saga/${saga_id}/status`;
  const none = `/api/v1/saga/${Bun.randomUUIDv7()}/status`;
  const answers = await Promise.all([
    gateway.ask(mine, { user: STRANGER }),
    gateway.ask(none, { user: STRANGER }),
  ]);
  for (const { status } of answers) expect(status).toBe(404);
  const [theirs, nobodys] = answers.map(({ body }) => JSON.stringify(body));
  expect(theirs?.replace(mine, "")).toBe(nobodys?.replace(none, "") ?? "");
  // It takes no longer either: a stranger's wait is not held open, while the owner's, which began before, still is.
  let isOver = false;
  const owners = gateway.ask(`${mine}?wait=30`).finally(() => (isOver = true));
  await gateway.next();
  expect((await gateway.ask(`${mine}?wait=30`, { user: STRANGER })).status).toBe(404);
  expect(isOver).toBe(false);
  await orchestrator.handle(eventOf("InsufficientStock", saga_id));
  inner.watch.changed(orchestrator.changed);
  expect((await owners).status).toBe(200);
});

test("a waiting shopper gets the final status when the saga finishes", async () => {
  const saga_id = sagaOf(await gateway.checkout("wait"));
  const waiting = gateway.ask(`/api/v1/saga/${saga_id}/status?wait=30`);
  await Bun.sleep(30);
  await orchestrator.handle(eventOf("InsufficientStock", saga_id));
  inner.watch.changed(orchestrator.changed);
  expect((await waiting).body).toMatchObject({ status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK" });
});

test("a cart above the largest total is compensated, and the status shows the total", async () => {
  const saga_id = sagaOf(await gateway.checkout("dear"));
  const dearest = { sku_id: "tea", quantity: 999, unit_price_cents: 9_999_999_999 };
  const reserved_until = "2026-11-23T12:05:00.000Z";
  const items = Array.from({ length: 50 }, () => ({ ...dearest, reserved_until }));
  const reserved = { ...eventOf("InventoryReserved", saga_id), type: "InventoryReserved" as const };
  await orchestrator.handle({ ...reserved, reservation_id: reserved.message_id, items });
  await orchestrator.handle(eventOf("InventoryReleased", saga_id));
  inner.watch.changed(orchestrator.changed);
  const told = await gateway.ask(`/api/v1/saga/${saga_id}/status`);
  expect(told.status).toBe(200);
  expect(told.body).toMatchObject({
    status: "COMPENSATED",
    failure_code: "TOTAL_TOO_LARGE",
    total_cents: 50 * 999 * 9_999_999_999,
  });
});

test("an address without city and postal code is stored with both empty", async () => {
  const us = {
    name: "Ada",
    line1: "PO Box 12",
    city: "Austin",
    region: "TX",
    postal_code: "78701",
    country: "US",
  };
  const hk = { name: "Ada", line1: "8 Argyle St", district: "Mong Kok", region: "Kowloon", country: "HK" };
  const phone = "+1 (512) 555-0100";
  const [inUs, inHk] = await Promise.all([
    gateway.checkout("us", cart({ shipping_address: { ...us, phone } })),
    gateway.checkout("hk", cart({ shipping_address: hk })),
  ]);
  expect([inUs.status, inHk.status]).toEqual([202, 202]);
  expect((await orchestrator.saga(sagaOf(inUs))).shipping_address).toEqual({ ...us, phone });
  const kept = { ...hk, city: "", postal_code: "" };
  expect((await orchestrator.saga(sagaOf(inHk))).shipping_address).toEqual(kept);
});

test("a disconnecting shopper is not an error", async () => {
  const saga_id = sagaOf(await gateway.checkout("hang-up"));
  const gone = new AbortController();
  const waiting = gateway.ask(`/api/v1/saga/${saga_id}/status?wait=30`, { signal: gone.signal });
  await gateway.next();
  gone.abort();
  await expect(waiting).rejects.toThrow("abort");
  await gateway.hangUpAfter(
    `POST /api/v1/checkout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf`,
  );
  expect((await gateway.ask(`/api/v1/saga/${saga_id}/status`)).status).toBe(200);
  expect(logged).toEqual([]);
});

test("bodies above the limit are rejected with a problem, far larger ones with a bare 413", async () => {
  const { status, body } = await gateway.checkout("big", { coupon: "x".repeat(2 * MAX_BODY_BYTES) });
  expect([status, body]).toMatchObject([413, { type: "urn:checkout:problem:body-too-large" }]);
  const head = `POST /api/v1/checkout HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await tokenOf(SHOPPER)}\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n`;
  expect(await gateway.raw(`${head}Content-Length: 99999999\r\n\r\n`)).toEqual(["HTTP/1.1 413"]);
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  expect(await gateway.raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(2)}0\r\n\r\n`)).toEqual([
    "HTTP/1.1 413",
  ]);
  expect(await gateway.raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`)).toEqual([
    "HTTP/1.1 413",
  ]);
});

test("malformed HTTP requests are rejected without an error", async () => {
  const get = (head: string) => gateway.raw(`${head}\r\n\r\n`);
  const path = `/api/v1/saga/${SHOPPER}/status`;
  expect(await get(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Big: ${"x".repeat(20_000)}`)).toEqual([
    "HTTP/1.1 431",
  ]);
  expect(await get(`GET ${path} HTTP/1.1`)).toEqual(["HTTP/1.1 400"]);
  expect(await get("what is this")).toEqual(["HTTP/1.1 400"]);
  for (const head of [
    `GET ${path} HTTP/1.0`,
    `GET ${path} HTTP/1.1\r\nHost: a b`,
    `GET ${path} HTTP/1.1\r\nHost: [::`,
    `GET ${path} HTTP/1.1\r\nHost: x`,
    `GET http://[evil${path} HTTP/1.1\r\nHost: localhost`,
    `GET /%ff%zz HTTP/1.1\r\nHost: localhost`,
  ]) {
    const [status] = await get(head);
    expect(status).toBeOneOf(["HTTP/1.1 400", "HTTP/1.1 401", "HTTP/1.1 404", "HTTP/1.1 421"]);
  }
  expect(logged).toEqual([]);
});

test("while the orchestrator is down requests get a 503, and a later retry succeeds", async () => {
  const before = sagaOf(await gateway.checkout("outage"));
  const { port } = inner;
  await inner[Symbol.asyncDispose]();
  try {
    for (const answer of [
      await gateway.checkout("outage"),
      await gateway.checkout("outage-new"),
      await gateway.ask(`/api/v1/saga/${before}/status`),
    ])
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(logged.length).toBe(3);
  } finally {
    inner = serveOrchestrator(port);
  }
  const again = await gateway.checkout("outage");
  expect([sagaOf(again), again.headers.get("idempotent-replayed")]).toEqual([before, "true"]);
  expect(sagaOf(await gateway.checkout("outage-new"))).not.toBe(before);
});

test("a shutdown answers waiting shoppers with a 503 and finishes checkouts", async () => {
  await using leaving = new Gateway(inner.port, await createSealer(keys.publicJwk));
  const saga_id = sagaOf(await leaving.checkout("leaving"));
  const waiting = leaving.ask(`/api/v1/saga/${saga_id}/status?wait=30`);
  const writing = Array.from({ length: 20 }, (_, i) => leaving.checkout(`leaving-${i}`));
  while (leaving.received < 22) await Bun.sleep(1);
  const begun = performance.now();
  await leaving[Symbol.asyncDispose]();
  // Well below the 30 s that the shopper would wait.
  expect(performance.now() - begun).toBeLessThan(15_000);
  expect([(await waiting).status, (await waiting).headers.get("retry-after")]).toEqual([503, "2"]);
  expect(new Set((await Promise.all(writing)).map(sagaOf)).size).toBe(20);
});
