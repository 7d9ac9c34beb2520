// The limits of the gateway on a real port and a real Redis, also while Redis is away. Behind the gateway a small server answers like
// the orchestrator: what it does is not under test.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { createClient } from "redis";
import type { SagaStatusView } from "../../../schemas/http.ts";
import { TcpProxy } from "../../faults/tcp-proxy.ts";
import { shopCurrencies } from "../../kernel/shop-currencies.ts";
import { RedisLimitStore } from "../../platform/redis-limit-store.ts";
import { openRedis, type Redis } from "../../platform/redis.ts";
import { type HttpServer, peerOf, serveHttp } from "../../platform/serve-http.ts";
import {
  authenticatorOf,
  cart,
  realClock,
  servicesAt,
  SHOPPER,
  STRANGER,
  tokenOf,
} from "../../testkit/gateway.ts";
import { checkedMeter, noLog } from "../../testkit/noop-telemetry.ts";
import { OwnRedis } from "../../testkit/own-redis.ts";
import { redisUrl } from "../../testkit/servers.ts";
import { gatewayApp } from "../app.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import { GatewayLimits } from "./hooks.ts";
import type { LimitSettings } from "./policies.ts";
import { limitMetrics, RateLimits } from "./rate-limits.ts";
import { SecondCap } from "./second-cap.ts";
import { ShoppingLimits } from "./shopping-limits.ts";

const HOSTNAME = "127.0.0.1";
const OFF: LimitSettings = {
  address: 0,
  user: 0,
  addressCheckouts: 0,
  userCheckouts: 0,
  userCards: 0,
  networkCards: 0,
  userDeclines: 0,
  networkDeclines: 0,
  userOpen: 0,
};
const WAIT_MS = 10_000;
/** Of a call to Redis: on a busy machine a slow reply must not count as none, or a gateway would count by itself. */
const PATIENCE_MS = 30_000;

/** Answers like the orchestrator. `ends` says how the sagas ended. */
class Sagas implements AsyncDisposable {
  readonly ends = new Map<string, string | null>();
  /** How often it was asked for the saga of a key. */
  found = 0;
  readonly #ofKey = new Map<string, string>();
  readonly #server = Bun.serve({
    hostname: HOSTNAME,
    port: 0,
    routes: {
      "/sagas": { POST: async (request) => this.#start(await keyIn(request)) },
      "/sagas/find": { POST: async (request) => this.#find(await keyIn(request)) },
      "/sagas/:id": ({ params }) => Response.json(this.#view(params.id)),
    },
  });

  get url(): string {
    return `http://${HOSTNAME}:${this.#server.port}`;
  }

  #start(key: string): Response {
    const known = this.#ofKey.get(key);
    const saga_id = known ?? Bun.randomUUIDv7();
    this.#ofKey.set(key, saga_id);
    return Response.json({ saga_id, replayed: known !== undefined });
  }

  #find(key: string): Response {
    this.found += 1;
    const saga_id = this.#ofKey.get(key);
    if (saga_id === undefined) return Response.json({ error: "NO_SUCH_SAGA" }, { status: 404 });
    return Response.json({ saga_id, replayed: true });
  }

  #view(saga_id: string): SagaStatusView {
    const failure_code = this.ends.get(saga_id);
    const at = new Date().toISOString();
    return {
      saga_id,
      status: failure_code === undefined ? "STARTED" : failure_code === null ? "COMPLETED" : "COMPENSATED",
      current_step: null,
      compensation_step: null,
      failure_code: failure_code ?? null,
      order_id: null,
      total_cents: null,
      currency: "EUR",
      created_at: at,
      updated_at: at,
      completed_at: failure_code === undefined ? null : at,
    };
  }

  async [Symbol.asyncDispose]() {
    await this.#server.stop(true);
  }
}

const withKey = TypeCompiler.Compile(Type.Object({ user_id: Type.String(), client_key: Type.String() }));

async function keyIn(request: Request): Promise<string> {
  const body: unknown = await request.json();
  if (!withKey.Check(body)) throw new Error("no user or client key in the body");
  return `${body.user_id} ${body.client_key}`;
}

interface Ask {
  readonly user?: string | null;
  readonly from?: string;
  /** Idempotency-Key; a new one if absent. */
  readonly key?: string;
}

/** Wired like cmd/gateway, behind one trusted proxy. */
class Gateway implements AsyncDisposable {
  readonly counted: string[] = [];
  readonly logged: unknown[] = [];
  readonly redis: Redis;
  readonly #client: OrchestratorClient;
  readonly #server: HttpServer;

  constructor(
    settings: Partial<LimitSettings>,
    totals: { total?: number; totalCheckouts?: number } = {},
    { redisPort = proxy.port, timeoutMs = PATIENCE_MS }: { redisPort?: number; timeoutMs?: number } = {},
  ) {
    this.redis = openRedis({ url: `redis://${HOSTNAME}:${redisPort}`, timeoutMs, log: noLog });
    const metrics = limitMetrics(
      checkedMeter((name, { policy }) =>
        this.counted.push(policy === undefined ? name : `${name} ${policy}`),
      ),
    );
    const store = new RedisLimitStore(this.redis);
    const shared = { store, settings: { ...OFF, ...settings }, metrics };
    const authenticator = authenticatorOf();
    const onError = (error: unknown) => void this.logged.push(error);
    const monotonic = () => 0;
    const limits = new GatewayLimits({
      rates: new RateLimits(shared),
      shopping: new ShoppingLimits({ ...shared, clock: realClock }),
      total: new SecondCap(totals.total ?? 0, monotonic),
      totalCheckouts: new SecondCap(totals.totalCheckouts ?? 0, monotonic),
      metrics,
      peerOf,
      trustedProxies: 1,
      userOf: ({ headers }) => authenticator.knownUserOf(headers.get("authorization")),
      onError,
    });
    const services = servicesAt({ orchestrator: sagas.url });
    this.#client = services.orchestrator;
    const app = gatewayApp({
      ...services,
      authenticator,
      currencies: shopCurrencies(""),
      seal: (text) => text,
      limits,
      onError,
    });
    this.#server = serveHttp(app, { hostname: HOSTNAME, port: 0 });
  }

  async up(): Promise<this> {
    await until("Redis answers", () => this.redis.isUp);
    return this;
  }

  async ask(path: string, { user = SHOPPER, from, ...init }: RequestInit & Ask = {}) {
    const headers = new Headers(init.headers);
    if (user !== null) headers.set("authorization", `Bearer ${await tokenOf(user)}`);
    if (from !== undefined) headers.set("x-forwarded-for", from);
    const response = await fetch(`http://${HOSTNAME}:${this.#server.port}${path}`, { ...init, headers });
    const body: unknown = await response.json();
    return { status: response.status, headers: response.headers, body };
  }

  async checkout(paymentMethod = "pm_card_visa", { key = crypto.randomUUID(), ...ask }: Ask = {}) {
    const answer = await this.ask("/api/v1/checkout", {
      ...ask,
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(cart({ payment_method: paymentMethod })),
    });
    const { body } = answer;
    const saga =
      typeof body === "object" && body !== null && "saga_id" in body ? String(body.saga_id) : "none";
    return { ...answer, saga };
  }

  look(saga: string = SHOPPER, ask: Ask = {}) {
    return this.ask(`/api/v1/saga/${saga}/status`, ask);
  }

  /** Checkouts one after the other; their HTTP statuses. */
  async checkouts(methods: readonly string[], ask: Ask = {}): Promise<readonly number[]> {
    const statuses = [];
    for (const method of methods) statuses.push((await this.checkout(method, ask)).status);
    return statuses;
  }

  async [Symbol.asyncDispose]() {
    this.#client[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
    expect(this.logged).toEqual([]);
  }
}

async function until(what: string, isReached: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isReached())) {
    if (performance.now() > deadline) throw new Error(`not reached within ${WAIT_MS} ms: ${what}`);
    await Bun.sleep(5);
  }
}

let proxy: TcpProxy;
let sagas: Sagas;
let admin: ReturnType<typeof createClient>;
beforeAll(async () => {
  const { hostname, port } = new URL(redisUrl());
  proxy = await TcpProxy.start({ host: hostname, port: Number(port || 6_379) }, 0);
  sagas = new Sagas();
  admin = createClient({ url: redisUrl() });
  await admin.connect();
});
beforeEach(async () => {
  const keys = await admin.keys("rl:*");
  if (keys.length > 0) await admin.del(keys);
});
afterEach(() => proxy.resume());
afterAll(async () => {
  await admin.close();
  await sagas[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

describe("rates", () => {
  test("a user's requests are counted by all gateways together; the fields say what is left", async () => {
    await using one = await new Gateway({ user: 3, address: 100 }).up();
    await using two = await new Gateway({ user: 3, address: 100 }).up();
    const first = await one.look();
    expect([first.status, first.headers.get("ratelimit"), first.headers.get("ratelimit-policy")]).toEqual([
      200,
      '"user";r=2;t=60',
      '"address";q=100;w=60, "user";q=3;w=60',
    ]);
    expect((await two.look()).headers.get("ratelimit")).toMatch(/^"user";r=1;t=\d+$/);
    expect((await one.look()).status).toBe(200);
    for (const gateway of [one, two, one]) {
      const { status, headers, body } = await gateway.look();
      expect([status, headers.get("content-type"), body]).toMatchObject([
        429,
        "application/problem+json",
        { type: "urn:checkout:problem:too-many-requests", status: 429, detail: "at most 3 in 60 s (user)" },
      ]);
      const wait = Number(headers.get("retry-after"));
      expect(wait).toBeWithin(1, 61);
      expect(headers.get("ratelimit")).toBe(`"user";r=0;t=${wait}`);
      expect(headers.get("ratelimit-policy")).toBe('"user";q=3;w=60');
    }
    expect((await one.look(SHOPPER, { user: STRANGER })).status).toBe(200);
    expect(one.counted).toEqual(["rate_limit_refusals_total user", "rate_limit_refusals_total user"]);
    const keys = await admin.keys("rl:user:*");
    expect(keys.toSorted()).toEqual([`rl:user:${SHOPPER}`, `rl:user:${STRANGER}`]);
    expect(await admin.ttl(`rl:user:${SHOPPER}`)).toBeWithin(1, 61);
  });

  test("an address is what the trusted proxy saw, and counts without a token too", async () => {
    await using gateway = await new Gateway({ address: 2 }).up();
    const statuses = async (count: number, ask: Ask) => {
      const seen = [];
      for (let index = 0; index < count; index++) seen.push((await gateway.look(SHOPPER, ask)).status);
      return seen;
    };
    expect(await statuses(3, { from: "9.9.9.9, 1.2.3.4", user: null })).toEqual([401, 401, 429]);
    expect(await statuses(1, { from: "8.8.8.8, 1.2.3.4", user: STRANGER })).toEqual([429]);
    expect(await statuses(1, { from: "1.2.3.5" })).toEqual([200]);
    expect(await statuses(2, { from: "2001:db8::1" })).toEqual([200, 200]);
    expect(await statuses(1, { from: "2001:db8:0:0:ffff::1" })).toEqual([429]);
    expect(await statuses(1, { from: "2001:db8:0:1::1" })).toEqual([200]);
  });

  test("checkouts have their own rates, also those with a body that is refused", async () => {
    await using gateway = await new Gateway({ userCheckouts: 2, addressCheckouts: 3 }).up();
    expect(await gateway.checkouts(["pm_a", "pm_a", "pm_a"])).toEqual([202, 202, 429]);
    expect((await gateway.look()).status).toBe(200);
    expect((await gateway.ask("/api/v1/checkout")).status).toBe(405);
    expect((await gateway.checkout("4242 4242 4242 4242", { user: STRANGER })).status).toBe(429);
    expect(gateway.counted).toEqual([
      "rate_limit_refusals_total user-checkouts",
      "rate_limit_refusals_total address-checkouts",
    ]);
  });

  test("the caps of one process answer 503, which clients repeat", async () => {
    {
      await using gateway = await new Gateway({}, { totalCheckouts: 1 }).up();
      expect((await gateway.checkout()).status).toBe(202);
      const refused = await gateway.checkout();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
      expect((await gateway.look()).status).toBe(200);
      expect(gateway.logged.splice(0)).toMatchObject([{ code: "SERVICE_UNAVAILABLE" }]);
    }
    await using gateway = await new Gateway({}, { total: 2 }).up();
    const statuses = [await gateway.look(), await gateway.ask("/nowhere"), await gateway.look()];
    expect(statuses.map(({ status }) => status)).toEqual([200, 404, 503]);
    expect(gateway.counted).toEqual(["rate_limit_refusals_total total"]);
    gateway.logged.length = 0;
  });
});

describe("shopping", () => {
  test("a user has a number of payment methods, and goes on with the known ones", async () => {
    await using gateway = await new Gateway({ userCards: 2 }).up();
    expect(await gateway.checkouts(["pm_a", "pm_b", "pm_a", "pm_c", "pm_b"])).toEqual([
      202, 202, 202, 429, 202,
    ]);
    const { headers, body } = await gateway.checkout("pm_c");
    expect(body).toMatchObject({ detail: "too many different payment methods within an hour" });
    expect(Number(headers.get("retry-after"))).toBeWithin(3_500, 3_601);
    expect(await gateway.checkouts(["pm_c"], { user: STRANGER })).toEqual([202]);
    // Nothing in Redis shows the token of a payment method.
    const members = await admin.zRange(`rl:user-cards:${SHOPPER}`, 0, -1);
    expect(members).toHaveLength(2);
    for (const member of members) expect(member).not.toContain("pm_");
  });

  test("a network has a number of payment methods, whoever uses it", async () => {
    await using gateway = await new Gateway({ networkCards: 2 }).up();
    expect(await gateway.checkouts(["pm_a"], { from: "1.2.3.4" })).toEqual([202]);
    expect(await gateway.checkouts(["pm_b", "pm_c"], { from: "1.2.3.99", user: STRANGER })).toEqual([
      202, 429,
    ]);
    expect(await gateway.checkouts(["pm_c"], { from: "1.2.4.4" })).toEqual([202]);
  });

  test("declined payments count once per saga, and refuse further checkouts", async () => {
    await using gateway = await new Gateway({ userDeclines: 2 }).up();
    const decline = async (code: string) => {
      const { saga } = await gateway.checkout();
      sagas.ends.set(saga, code);
      for (let look = 0; look < 3; look++) expect((await gateway.look(saga)).status).toBe(200);
    };
    await decline("CARD_DECLINED");
    await decline("INSUFFICIENT_STOCK");
    expect(await gateway.checkouts(["pm_a"])).toEqual([202]);
    await decline("INCORRECT_CVC");
    await until("two declines count", async () => (await admin.zCard(`rl:user-declines:${SHOPPER}`)) === 2);
    const { status, body } = await gateway.checkout();
    expect([status, body]).toMatchObject([429, { detail: "too many declined payments within an hour" }]);
    expect(await gateway.checkouts(["pm_a"], { user: STRANGER })).toEqual([202]);
  });

  test("checkouts in progress are limited, and finished ones make room", async () => {
    await using gateway = await new Gateway({ userOpen: 2 }).up();
    const open = (count: number) =>
      until(`${count} are open`, async () => (await admin.zCard(`rl:user-open:${SHOPPER}`)) === count);
    const { saga } = await gateway.checkout();
    await gateway.checkout();
    await open(2);
    const { status, headers, body } = await gateway.checkout();
    expect([status, body]).toMatchObject([429, { detail: expect.stringContaining("in progress") }]);
    const wait = Number(headers.get("retry-after"));
    expect(wait).toBeWithin(890, 901);
    expect([headers.get("ratelimit"), headers.get("ratelimit-policy")]).toEqual([
      `"user-open";r=0;t=${wait}`,
      '"user-open";q=2;w=900',
    ]);
    // A status of a saga in progress changes nothing.
    await gateway.look(saga);
    expect((await gateway.checkout()).status).toBe(429);
    sagas.ends.set(saga, null);
    await gateway.look(saga);
    await open(1);
    expect((await gateway.checkout()).status).toBe(202);
  });
});

describe("a retry of a checkout that exists", () => {
  /** Waits until so many are counted. */
  const counted = (set: string, count: number) =>
    until(`${count} in ${set}`, async () => (await admin.zCard(`rl:${set}:${SHOPPER}`)) === count);
  const isReplay = ({ status, headers, saga }: Awaited<ReturnType<Gateway["checkout"]>>) =>
    status === 202 && headers.get("idempotent-replayed") === "true" ? saga : `${status}`;

  test("gets its 202 while the user has too many in progress, and other checkouts do not", async () => {
    const key = crypto.randomUUID();
    await using gateway = await new Gateway({ userOpen: 1 }).up();
    const { saga } = await gateway.checkout("pm_a", { key });
    await counted("user-open", 1);
    expect((await gateway.checkout("pm_a")).status).toBe(429);
    expect(isReplay(await gateway.checkout("pm_a", { key }))).toBe(saga);
    expect((await gateway.checkout("pm_a", { key, user: STRANGER })).saga).not.toBe(saga);
    // Only what is really refused counts as refused.
    expect(gateway.counted).toEqual(["rate_limit_refusals_total user-open"]);
  });

  test("gets its 202 after too many declines and with too many payment methods", async () => {
    const key = crypto.randomUUID();
    await using gateway = await new Gateway({ userDeclines: 1, userCards: 1 }).up();
    const { saga } = await gateway.checkout("pm_a", { key });
    expect((await gateway.checkout("pm_b")).status).toBe(429);
    sagas.ends.set(saga, "CARD_DECLINED");
    await gateway.look(saga);
    await counted("user-declines", 1);
    expect((await gateway.checkout("pm_a")).status).toBe(429);
    expect(isReplay(await gateway.checkout("pm_a", { key }))).toBe(saga);
  });

  test("counts nothing anew, and asks the orchestrator nothing more while there is room", async () => {
    const key = crypto.randomUUID();
    await using gateway = await new Gateway({ userOpen: 9, userCards: 9, networkCards: 9 }).up();
    const { saga } = await gateway.checkout("pm_a", { key });
    await counted("user-open", 1);
    sagas.ends.set(saga, null);
    await gateway.look(saga);
    await counted("user-open", 0);
    const before = await admin.zScore(`rl:user-cards:${SHOPPER}`, await onlyCard());
    const { found } = sagas;
    expect(isReplay(await gateway.checkout("pm_a", { key }))).toBe(saga);
    const next = await gateway.checkout("pm_a");
    await counted("user-open", 1);
    // The finished one is not open again, and its card is the one that was counted, until when it was.
    expect(await admin.zRange(`rl:user-open:${SHOPPER}`, 0, -1)).toEqual([next.saga]);
    expect(await admin.zScore(`rl:user-cards:${SHOPPER}`, await onlyCard())).toBe(before);
    expect(sagas.found).toBe(found);
  });

  async function onlyCard(): Promise<string> {
    const [card = "none", ...more] = await admin.zRange(`rl:user-cards:${SHOPPER}`, 0, -1);
    expect(more).toEqual([]);
    return card;
  }
});

describe("while Redis is away", () => {
  const statuses = async (gateway: Gateway, count: number) => {
    const seen = [];
    for (let index = 0; index < count; index++) seen.push((await gateway.look()).status);
    return seen;
  };

  test("because it was killed, each gateway counts by itself; afterwards they count together again", async () => {
    await using redis = await OwnRedis.start();
    await using one = await new Gateway({ user: 3, userCards: 2 }, {}, { redisPort: redis.port }).up();
    await using two = await new Gateway({ user: 3 }, {}, { redisPort: redis.port }).up();
    await redis.kill();
    expect(await statuses(one, 4)).toEqual([200, 200, 200, 429]);
    expect(await statuses(two, 4)).toEqual([200, 200, 200, 429]);
    expect(await one.checkouts(["pm_a", "pm_b"], { user: STRANGER })).toEqual([202, 202]);
    // A third payment method is too many; the third request of the minute was still free.
    expect((await one.checkout("pm_c", { user: STRANGER })).body).toMatchObject({
      detail: "too many different payment methods within an hour",
    });
    // Three requests of the shopper, the same of the stranger, and three sets of payment methods.
    const local = one.counted.filter((name) => name === "rate_limit_local_total").length;
    expect(local).toBeGreaterThanOrEqual(9);
    await redis.start();
    await until("both see Redis again", () => one.redis.isUp && two.redis.isUp);
    expect([...(await statuses(one, 2)), ...(await statuses(two, 2))]).toEqual([200, 200, 200, 429]);
  });

  test("because it hangs, the first request waits for the timeout and no other does", async () => {
    await using gateway = await new Gateway({ user: 1_000 }, {}, { timeoutMs: 500 }).up();
    proxy.stall();
    expect(await statuses(gateway, 1)).toEqual([200]);
    expect(gateway.redis.isUp).toBe(false);
    // Answered from memory, or each would take the timeout of 500 ms: far longer than the test may last.
    expect(await statuses(gateway, 200)).toEqual(Array.from({ length: 200 }, () => 200));
    expect(gateway.counted).toEqual(Array.from({ length: 201 }, () => "rate_limit_local_total"));
  });
});
