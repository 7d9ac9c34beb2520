// The routes of a shopper whose bank wants the payment confirmed. The payment service and the orchestrator's answers are played here.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ExtendAction, Problem, type SagaStatusView } from "../../../schemas/http.ts";
import { authenticatorOf, servicesAt, SHOPPER, STRANGER, tokenOf } from "../../testkit/gateway.ts";
import { gatewayApp } from "../app.ts";
import { PaymentClient } from "../payment-client.ts";
import { unsigned } from "../../testkit/callers.ts";

const SAGA = "01890000-0000-7000-8000-000000000001";
const ACTION = {
  kind: "redirect",
  url: "https://bank.example/x?secret=1",
  expires_at: "2026-11-23T12:10:00.000Z",
};
const VIEW: SagaStatusView = {
  saga_id: SAGA,
  status: "INVENTORY_RESERVED",
  current_step: "charge",
  compensation_step: null,
  failure_code: null,
  order_id: null,
  total_cents: 1,
  currency: "EUR",
  created_at: "2026-11-23T12:00:00.000Z",
  updated_at: "2026-11-23T12:00:00.000Z",
  completed_at: null,
};

let answer: () => Response;
let extended: () => Response;
let asked: string[] = [];
const logged: unknown[] = [];
const servers = [
  Bun.serve({
    port: 0,
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const isExtension = request.method === "POST";
      if (isExtension) asked.push(`POST ${pathname}`);
      const body = isExtension ? Value.Parse(ExtendAction, await request.json()) : null;
      const user = body?.user_id ?? searchParams.get("user_id");
      if (user !== SHOPPER) return Response.json({ error: "NO_SUCH_SAGA" }, { status: 404 });
      return isExtension ? extended() : Response.json(VIEW);
    },
  }),
  Bun.serve({
    port: 0,
    fetch({ method, url }) {
      asked.push(`${method} ${new URL(url).pathname}`);
      return answer();
    },
  }),
] as const;
afterAll(async () => {
  for (const server of servers) await server.stop(true);
});
beforeEach(() => {
  asked = [];
  logged.length = 0;
});

const [orchestrator, payment] = servers.map(({ port }) => `http://127.0.0.1:${port}`);
const appWith = (client: PaymentClient | undefined) =>
  gatewayApp({
    ...servicesAt({ orchestrator: orchestrator ?? "" }),
    authenticator: authenticatorOf(),
    currencies: new Set(),
    payment: client,
    seal: (token) => token,
    onError: (error) => void logged.push(error),
  });
const app = appWith(new PaymentClient({ url: `${payment}/`, credential: unsigned }));

async function send(what: "action" | "check" | "extend", { user = SHOPPER, method = "", to = app } = {}) {
  const used = method === "" ? (what === "action" ? "GET" : "POST") : method;
  const headers = { authorization: `Bearer ${await tokenOf(user)}` };
  return to.handle(new Request(`http://localhost/api/v1/saga/${SAGA}/${what}`, { method: used, headers }));
}

test("the owner gets the bank's page, which no cache and no referrer keeps", async () => {
  answer = () => Response.json(ACTION);
  const response = await send("action");
  expect([response.status, await response.json()]).toEqual([200, ACTION]);
  expect([response.headers.get("cache-control"), response.headers.get("referrer-policy")]).toEqual([
    "no-store",
    "no-referrer",
  ]);
  expect(asked).toEqual([`GET /payments/${SAGA}/action`]);
});

test("a stranger gets a 404, and the payment service is not asked", async () => {
  answer = () => Response.json(ACTION);
  for (const what of ["action", "check"] as const)
    expect((await send(what, { user: STRANGER })).status).toBe(404);
  expect(asked).toEqual([]);
  // The orchestrator itself tells whose checkout it is.
  expect((await send("extend", { user: STRANGER })).status).toBe(404);
  expect(asked).toEqual([`POST /sagas/${SAGA}/extend-action`]);
});

test("nothing to confirm is a 404, with or without a payment service", async () => {
  answer = () => Response.json({ error: "NO_OPEN_ACTION" }, { status: 404 });
  expect((await send("action")).status).toBe(404);
  const without = appWith(undefined);
  expect((await send("action", { to: without })).status).toBe(404);
  const response = await send("check", { to: without });
  expect([response.status, await response.json()]).toEqual([200, { checking: false }]);
});

test("a shopper who is back has the payment looked up", async () => {
  answer = () => Response.json({ checking: true });
  const response = await send("check");
  expect([response.status, await response.json()]).toEqual([200, { checking: true }]);
  expect(asked).toEqual([`POST /payments/${SAGA}/check`]);
});

test("a shopper who needs more time gets it from the orchestrator, and the payment service is not asked", async () => {
  extended = () => Response.json({ expires_at: ACTION.expires_at });
  const response = await send("extend");
  expect([response.status, response.headers.get("cache-control"), await response.json()]).toEqual([
    200,
    "no-store",
    { expires_at: ACTION.expires_at },
  ]);
  expect(asked).toEqual([`POST /sagas/${SAGA}/extend-action`]);
});

test("no more time is a problem of its own, with the reason; an orchestrator that is away is a 503", async () => {
  const detail = "the checkout waits as long as it can already";
  extended = () => Response.json({ error: "NOT_EXTENDABLE", detail }, { status: 409 });
  const refused = await send("extend");
  expect([refused.status, Value.Parse(Problem, await refused.json())]).toMatchObject([
    409,
    { type: "urn:checkout:problem:not-extendable", detail },
  ]);
  expect(logged).toEqual([]);
  extended = () => Response.json({ error: "UNAVAILABLE" }, { status: 503 });
  expect((await send("extend")).status).toBe(503);
  expect(logged).toHaveLength(1);
});

test("any other answer is a 503, and no error repeats it: it could hold the secret", async () => {
  for (const strange of [
    () => Response.json({ ...ACTION, kind: "iframe" }),
    () => new Response("<html>secret=1</html>", { status: 502 }),
    () => Response.json({ error: "UNAVAILABLE" }, { status: 503 }),
  ]) {
    answer = strange;
    expect((await send("action")).status).toBe(503);
  }
  expect(logged).toHaveLength(3);
  expect(Bun.inspect(logged)).not.toContain("secret=1");
});

test("other methods are refused by name", async () => {
  expect((await send("action", { method: "POST" })).headers.get("allow")).toBe("GET, HEAD");
  for (const what of ["check", "extend"] as const)
    expect((await send(what, { method: "GET" })).headers.get("allow")).toBe("POST");
});
