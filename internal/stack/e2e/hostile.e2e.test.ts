// Clients that mean harm, against the compiled binaries: bad tokens, odd requests, forged and repeated webhooks, other people's data, other
// sites' forms, floods, hoarders, slow clients. At the end nothing exists that was not accepted, no answer was a 5xx, every role is ready
// and the audit is clean.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cartOf } from "../../../bench/shopper.ts";
import { signatureOf } from "../../paysim/webhooks.ts";
import { waitUntil } from "../wait.ts";
import { ADA, type Answer, HostileSystem } from "./hostile/hostile-system.ts";
import { ODD_BYTES, ODD_REQUESTS, SKU } from "./hostile/odd-requests.ts";
import { rawAnswer, slowClient, SLOWNESSES, statusesIn } from "./hostile/raw-clients.ts";
import { badAuthorizations } from "./hostile/tokens.ts";
import { ROUTE_CREDENTIALS, type RouteCredential } from "./route-credentials.ts";

const UP_TIMEOUT_MS = 120_000;
const END_TIMEOUT_MS = 30_000;
const SLOW_CLIENTS = 10;
const CARD = "pm_card_visa";
const DECLINED = "pm_card_visa_chargeDeclined";
const NOBODY = "01890000-0000-7000-8000-0000000000ff";

const held = new AsyncDisposableStack();
let hostile: HostileSystem;
/** Opened first and awaited last, because the server waits for them. */
let slow: readonly Promise<void>[];
/** A gateway with small limits, behind one proxy. */
let limited: string;

beforeAll(async () => {
  hostile = held.use(await HostileSystem.start());
  slow = (["gateway", "payment", "console"] as const).flatMap((surface) =>
    SLOWNESSES.flatMap((slowness) =>
      Array.from({ length: SLOW_CLIENTS }, () => slowClient(hostile.portOf(surface), slowness, hostile.eve)),
    ),
  );
  const more = await hostile.system.oneMore("gateway", {
    ...hostile.provider.gatewaySettings,
    TRUSTED_PROXIES: "1",
    RATE_LIMIT_FACTOR: "1",
    RATE_LIMIT_USER: "20",
    RATE_LIMIT_USER_CHECKOUTS: "3",
    RATE_LIMIT_ADDRESS: "30",
  });
  held.use(more);
  limited = more.address;
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

const cart = (card = CARD) => cartOf([SKU], card, "EUR");

/** Waits until the checkout has ended and returns its status. */
async function endOf(sagaId: string, authorization = hostile.ada): Promise<string> {
  let status = "";
  await waitUntil(
    `checkout ${sagaId} has ended`,
    async () => {
      const path = `/api/v1/saga/${sagaId}/status?wait=10`;
      const view = JSON.parse((await hostile.ask("gateway", path, { headers: { authorization } })).text);
      status = view.status;
      return view.completed_at !== null;
    },
    { timeoutMs: END_TIMEOUT_MS },
  );
  return status;
}

async function buy(authorization = hostile.ada, card = CARD): Promise<string> {
  const { status, text } = await hostile.checkout(authorization, cart(card));
  expect(status).toBe(202);
  return JSON.parse(text).saga_id;
}

test("a good token and a good cart are accepted, so that the rest can fail", async () => {
  expect(await endOf(await buy())).toBe("COMPLETED");
});

describe("without a credential", () => {
  const pathOf = ({ route }: RouteCredential) => route.split(" ")[1]?.replaceAll(/:\w+/g, NOBODY) ?? "";
  const ask = (each: RouteCredential, headers: Readonly<Record<string, string>>) => {
    const [method = ""] = each.route.split(" ");
    const isForm = ["gateway", "console"].includes(each.surface) && !each.route.includes("/api/");
    const body = method === "GET" ? {} : { body: isForm ? "" : "{}" };
    const type = isForm ? "application/x-www-form-urlencoded" : "application/json";
    return hostile.ask(each.surface, pathOf(each), {
      method,
      headers: { "content-type": type, ...headers },
      ...body,
    });
  };

  test("every route of every role answers as the list says", async () => {
    const answers = await Promise.all(
      ROUTE_CREDENTIALS.map(async (each) => {
        const origin = { origin: hostile.urlOf(each.surface), "sec-fetch-site": "same-origin" };
        const { status } = await ask(each, each.route.startsWith("POST") ? origin : {});
        return [`${each.surface} ${each.route}`, status] as const;
      }),
    );
    expect(answers).toEqual(
      ROUTE_CREDENTIALS.map(({ surface, route, without }) => [`${surface} ${route}`, without]),
    );
  });

  test("a form of another site is refused, also with the visitor's cookie", async () => {
    const forms = ROUTE_CREDENTIALS.filter(({ foreign }) => foreign !== undefined);
    expect(forms.length).toBeGreaterThan(20);
    const cookie = `__Host-session=${hostile.ada.slice("Bearer ".length)}`;
    for (const site of [
      { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example" },
      { origin: "null", "sec-fetch-site": "cross-site" },
      {},
    ])
      for (const each of forms)
        expect([each.route, (await ask(each, { cookie, ...site })).status]).toEqual([
          each.route,
          each.foreign ?? 0,
        ]);
  });
});

test("no bad token lets anybody in, at the API, at the shop's pages and at the internal interfaces", async () => {
  const bad = await badAuthorizations(hostile.provider, hostile.system.context.secrets.jwt_hs256_secret);
  expect(bad.size).toBeGreaterThan(30);
  for (const [what, authorization] of bad) {
    const answers = await Promise.all([
      hostile.ask("gateway", "/api/v1/orders", { headers: { authorization } }),
      hostile.checkout(authorization, cart()),
      hostile.ask("orchestrator", "/sagas?open=1", { headers: { authorization } }),
    ]);
    expect([what, ...answers.map(({ status }) => status)]).toEqual([what, 401, 401, 401]);
    const session = authorization.replace(/^Bearer /, "");
    const page = await hostile.ask("gateway", "/orders", {
      headers: { cookie: `__Host-session=${session}` },
    });
    // Without a scheme it is the good token, which is what the cookie holds.
    if (what !== "no scheme") expect([what, page.status]).toEqual([what, 303]);
  }
  // Good where they belong, and nowhere else.
  expect(
    (await hostile.ask("orchestrator", "/sagas", { headers: { authorization: hostile.ada } })).status,
  ).toBe(401);
  const token = `token=${hostile.ada.slice("Bearer ".length)}`;
  const origin = { origin: hostile.urlOf("console"), "sec-fetch-site": "same-origin" };
  const form = { ...origin, "content-type": "application/x-www-form-urlencoded" };
  expect(
    (await hostile.ask("console", "/sign-in", { method: "POST", headers: form, body: token })).status,
  ).toBe(422);
});

test.each(ODD_REQUESTS.map((each) => [each.what, each] as const))("odd: %s", async (_, each) => {
  const { path, method = "GET", headers = {}, key = crypto.randomUUID(), body, expected } = each;
  const answer = await hostile.ask("gateway", path, {
    method,
    headers: {
      authorization: hostile.eve,
      "content-type": "application/json",
      ...(key === null ? {} : { "idempotency-key": key }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  expect(expected).toContain(answer.status);
  expect(answer.text).not.toMatch(/root:|node_modules|\.ts:\d|postgres|<script>alert/);
});

test.each(Object.entries(ODD_BYTES))("odd bytes: %s", async (_, bytes) => {
  for (const surface of ["gateway", "payment"] as const) {
    const answer = await rawAnswer(hostile.portOf(surface), bytes);
    const statuses = statusesIn(answer);
    // Two answers to one request are how requests are smuggled past a proxy.
    expect(statuses.length).toBeLessThan(2);
    // 505: that version of HTTP is not spoken here.
    expect(statuses.filter((status) => (status < 400 || status >= 500) && status !== 505)).toEqual([]);
    expect(answer).not.toContain("X-Secret");
  }
});

describe("the webhook endpoint", () => {
  const eventFor = (sagaId: string, changes: object = {}) =>
    JSON.stringify({
      id: `evt_${crypto.randomUUID()}`,
      object: "event",
      type: "payment_intent.succeeded",
      data: {
        object: {
          id: `pi_${crypto.randomUUID()}`,
          status: "succeeded",
          amount: 1_250,
          amount_received: 1_250,
          currency: "eur",
          metadata: { shop: "checkout", saga_id: sagaId },
          ...changes,
        },
      },
    });
  const send = (body: string, signature: string | null) =>
    hostile.ask("payment", "/webhooks/stripe", {
      method: "POST",
      body,
      headers: signature === null ? {} : { "stripe-signature": signature },
    });
  const secret = () => hostile.system.context.secrets.stripe_webhook_secret;

  test("believes no event that the provider has not signed just now", async () => {
    const sagaId = await buy(hostile.ada, DECLINED);
    expect(await endOf(sagaId)).toBe("COMPENSATED");
    const body = eventFor(sagaId);
    const now = Date.now();
    const good = signatureOf(body, secret(), now);
    const forged: Readonly<Record<string, readonly [string, string | null]>> = {
      unsigned: [body, null],
      "signed with nothing": [body, ""],
      "signed by somebody else": [body, signatureOf(body, "whsec_somebody_elses", now)],
      "signed ten minutes ago": [body, signatureOf(body, secret(), now - 600_000)],
      "changed after it was signed": [`${body} `, good],
      "signed for another body": [eventFor(sagaId), good],
      "with the signature's time changed": [body, good.replace(/t=\d+/, `t=${Math.floor(now / 1_000) + 1}`)],
      "with half a signature": [body, good.slice(0, -8)],
      "without a time": [body, good.replace(/t=\d+,/, "")],
      "with the old scheme only": [body, good.replace("v1=", "v0=")],
      "300 KB long": ["x".repeat(300_000), good],
    };
    for (const [what, [text, signature]] of Object.entries(forged))
      expect([what, (await send(text, signature)).status]).toEqual([
        what,
        what === "300 KB long" ? 413 : 400,
      ]);
    expect(await endOf(sagaId)).toBe("COMPENSATED");
  });

  test("takes another shop's events, and events of charges that it never made, for nothing", async () => {
    const sagaId = await buy(hostile.ada, DECLINED);
    expect(await endOf(sagaId)).toBe("COMPENSATED");
    const body = eventFor(sagaId, { metadata: { shop: "another-shop", saga_id: NOBODY } });
    const answer = await send(body, signatureOf(body, secret(), Date.now()));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining("foreign")]);
    expect(await endOf(sagaId)).toBe("COMPENSATED");
  });

  test("takes an event as often as it comes, and it counts once", async () => {
    const sagaId = await buy();
    expect(await endOf(sagaId)).toBe("COMPLETED");
    const before = await hostile.system.ledgerOf(sagaId);
    const body = eventFor(sagaId, { metadata: {} });
    const answers: Answer[] = await Promise.all(
      Array.from({ length: 20 }, () => send(body, signatureOf(body, secret(), Date.now()))),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await endOf(sagaId)).toBe("COMPLETED");
    expect(await hostile.system.ledgerOf(sagaId)).toEqual(before);
  });
});

test("another shopper gets nothing of somebody's checkout and order, by any route of the API and the pages", async () => {
  const sagaId = await buy();
  await endOf(sagaId);
  const orders = await hostile.ask("gateway", "/api/v1/orders", { headers: { authorization: hostile.ada } });
  const orderId: string = JSON.parse(orders.text).orders[0].order_id;
  const document = JSON.parse((await hostile.ask("gateway", "/api/v1/openapi.json")).text);
  const own = ROUTE_CREDENTIALS.filter(
    ({ surface, route, needs }) => surface === "gateway" && needs === "shopper" && route.includes(":"),
  );
  expect(Object.keys(document.paths).length).toBeGreaterThan(8);
  const ask = async (route: string, id: string) => {
    const [method = "", template = ""] = route.split(" ");
    const path = template.replaceAll(/:\w+/g, id);
    const origin =
      method === "POST" ? { origin: hostile.urlOf("gateway"), "sec-fetch-site": "same-origin" } : {};
    const cookie = `__Host-session=${hostile.eve.slice("Bearer ".length)}`;
    const headers = path.startsWith("/api/") ? { authorization: hostile.eve } : { cookie, ...origin };
    const { status, headers: answered, text } = await hostile.ask("gateway", path, { method, headers });
    const where = answered.get("location")?.replaceAll(id, "ID") ?? null;
    return { answer: [route, status, where] as const, text: text.replaceAll(id, "ID") };
  };
  for (const { route } of own)
    for (const id of [sagaId, orderId]) {
      const [theirs, nobodys] = await Promise.all([ask(route, id), ask(route, NOBODY)]);
      expect(theirs.answer).toEqual(nobodys.answer);
      expect(theirs.answer[1]).not.toBe(200);
      expect(theirs.text).not.toMatch(new RegExp(`${sagaId}|${orderId}|${ADA}|Analytical`));
    }
  expect(await endOf(sagaId)).toBe("COMPLETED");
});

describe("a flood", () => {
  const from = (address: string) => ({ "x-forwarded-for": address });

  test("of one user is answered with 429 and Retry-After, and nobody else notices", async () => {
    const ask = (authorization: string, address: string) =>
      hostile.ask("gateway", "/api/v1/orders", { headers: { authorization, ...from(address) } }, limited);
    const [flooder, other] = await Promise.all([hostile.someone(), hostile.someone()]);
    const flood = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(flooder, `192.0.2.${n}`)));
    const refused = flood.filter(({ status }) => status === 429);
    expect(flood.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(20);
    expect(refused.length).toBeGreaterThanOrEqual(80);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await ask(other, "198.51.100.1")).status).toBe(200);
  });

  test("of one address without a token is refused as well, whatever addresses it makes up", async () => {
    const flood = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        // The proxy adds the real address behind what the client says.
        hostile.ask("gateway", "/api/v1/orders", { headers: from(`10.0.0.${n}, 203.0.113.7`) }, limited),
      ),
    );
    expect(flood.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(30);
    expect(flood.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(70);
  });

  test("of checkouts places as many as the limit allows", async () => {
    const authorization = await hostile.someone();
    const flood = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        hostile.checkout(authorization, cart(), from(`192.0.2.${100 + n}`), limited),
      ),
    );
    const statuses = flood.map(({ status }) => status);
    expect(statuses.filter((status) => status === 202).length).toBeLessThanOrEqual(3);
    expect(new Set(statuses)).toEqual(new Set([202, 429]));
  });
});

test("who hoards event streams has four of them, and others still get theirs", async () => {
  const [mine, others] = await Promise.all([buy(hostile.eve), buy()]);
  const path = (sagaId: string) => `${hostile.urlOf("gateway")}/api/v1/saga/${sagaId}/events`;
  const gone = new AbortController();
  const open = (sagaId: string, authorization: string) =>
    fetch(path(sagaId), { headers: { authorization }, signal: gone.signal });
  // An ended checkout has a stream that ends at once, so a slow one would hold nothing: each of these is kept open by its reader.
  const streams = await Promise.all(Array.from({ length: 40 }, () => open(mine, hostile.eve)));
  const statuses = streams.map(({ status }) => status);
  expect(statuses.filter((status) => ![200, 429].includes(status))).toEqual([]);
  expect(statuses).toContain(429);
  expect((await open(others, hostile.ada)).status).toBe(200);
  gone.abort();
  await endOf(mine, hostile.eve);
  await endOf(others);
});

test("slow clients are cut off, and everybody else was served meanwhile", async () => {
  expect(slow.length).toBe(180);
  await Promise.all(slow);
  expect(await endOf(await buy())).toBe("COMPLETED");
}, 60_000);

test(
  "nothing exists but what was accepted, every role is ready, nothing was a 5xx, and the audit is clean",
  async () => {
    expect(hostile.failures).toEqual([]);
    const sagas = await hostile.sagas();
    expect(sagas.toSorted()).toEqual([...hostile.accepted].toSorted());
    await waitUntil("every checkout has ended", async () => (await hostile.system.audit()).code === 0, {
      timeoutMs: END_TIMEOUT_MS,
    });
    expect(await hostile.system.audit()).toEqual({ code: 0, violations: [] });
    expect(await hostile.unready()).toEqual([]);
    expect(hostile.complaints()).toEqual([]);
  },
  UP_TIMEOUT_MS,
);
