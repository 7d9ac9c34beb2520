// Over every route of every internal API: nobody without a token, no viewer changes anything, the gateway does nothing of an operator,
// and no other token than a good one counts. The routes come from the apps, so a new one is tested without a change here.
import { describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { endOfUpgrade } from "./access.ts";
import type { ActorRole } from "../kernel/actor.ts";
import { type InternalApiName, PERMISSIONS } from "../kernel/permissions.ts";
import { OPERATOR_ADDRESS } from "../../schemas/http.ts";
import type { ActedBy } from "../messaging/operator-action-store.ts";
import { orchestratorApi } from "../orchestrator/api.ts";
import { catalogueApi } from "../services/inventory/catalogue-http.ts";
import { orderApi } from "../services/order/order-http.ts";
import { shopperApi } from "../services/payment/shopper/shopper-http.ts";
import { accessTo, AS_ADA, AS_VIEWER, asGateway, asNotification } from "../testkit/callers.ts";
import { checkedMeter, noLog } from "../testkit/noop-telemetry.ts";

const ID = "01890000-0000-7000-8000-00000000000a";
const away = (): Promise<never> => {
  const rejected = Promise.reject(new AppError("DATABASE_UNAVAILABLE", "there is no database here"));
  // A part of a statement is awaited by nobody.
  rejected.catch(() => undefined);
  return rejected;
};
/** A database that is away: whoever is let in gets a 503, or a 422 for a body that is missing. */
const database = {
  sql: Object.assign(away, { json: (value: unknown) => value, array: (value: unknown) => value }),
  transaction: away,
  faultOf: () => "unavailable",
};

const counted: string[] = [];
const warned: object[] = [];
const guard = (api: InternalApiName) => ({
  access: accessTo(api, {
    meter: checkedMeter((name, { reason }) => counted.push(`${name} ${reason}`)),
    log: { warn: (fields: object) => void warned.push(fields) },
  }),
});
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the parts that no refused request reaches
const parts: any = {
  database,
  log: noLog,
  clock: { now: () => 0 },
  currencies: new Set(),
  newId: () => ID,
  intake: { start: away },
  keys: { find: away },
  watch: { status: away, open: away },
  history: { history: away },
  cancel: away,
  cancelOrder: away,
  extendAction: away,
  faultOf: () => "unavailable",
  onError: () => undefined,
  wakeExecutor: () => undefined,
};
const APIS = {
  orchestrator: orchestratorApi({ ...parts, ...guard("orchestrator") }),
  inventory: catalogueApi({ ...parts, ...guard("inventory") }),
  order: orderApi({ ...parts, ...guard("order") }),
  payment: shopperApi({ ...parts, ...guard("payment") }),
} as const;

/** Anybody may ask; a test of its own. */
const OPEN = "/ready";

interface Route {
  readonly api: InternalApiName;
  readonly method: string;
  readonly path: string;
}
const NAMES = ["orchestrator", "inventory", "order", "payment"] as const satisfies readonly InternalApiName[];
const routes: readonly Route[] = NAMES.flatMap((api) =>
  APIS[api].routes.filter(({ path }) => path !== OPEN).map(({ method, path }) => ({ api, method, path })),
);

async function ask({ api, method, path }: Route, headers: Readonly<Record<string, string>>) {
  const query = api === "order" || api === "orchestrator" ? `?user_id=${ID}` : "";
  const open = path === "/sagas" && method === "GET" ? "&open=1" : "";
  const url = `http://localhost${path.replaceAll(/:\w+/g, ID)}${method === "GET" ? query + open : ""}`;
  const body = method === "GET" ? {} : { body: "{}" };
  const response = await APIS[api].handle(
    new Request(url, { method, headers: { "content-type": "application/json", ...headers }, ...body }),
  );
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const CALLERS: Readonly<Record<ActorRole, () => Promise<Readonly<Record<string, string>>>>> = {
  service: asGateway,
  reader: asNotification,
  viewer: async () => AS_VIEWER,
  operator: async () => AS_ADA,
};

test("the table of permissions has every route of the APIs, and no other", () => {
  const named = routes.map(({ api, method, path }) => `${api} ${method} ${path}`);
  const tabled = Object.entries(PERMISSIONS).flatMap(([api, table]) =>
    Object.keys(table)
      .filter((route) => route !== `GET ${OPEN}`)
      .map((route) => `${api} ${route}`),
  );
  expect(named.toSorted()).toEqual(tabled.toSorted());
});

describe.each(routes.map((route) => [`${route.api}: ${route.method} ${route.path}`, route] as const))(
  "%s",
  (_, route) => {
    const allowed = PERMISSIONS[route.api][`${route.method} ${route.path}`] ?? [];

    test("without a token: 401 in the API's own format, with the way out, counted and logged", async () => {
      counted.length = 0;
      const { status, text, headers } = await ask(route, {});
      expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(JSON.parse(text).detail).toContain("checkoutctl token --operator");
      expect(counted).toEqual(["internal_requests_refused_total no_token"]);
      expect(warned).toContainEqual(expect.objectContaining({ reason: "no_token" }));
    });

    test.each(["service", "reader", "viewer", "operator"] as const)("as %s", async (role) => {
      const { status, text } = await ask(route, await CALLERS[role]());
      if (allowed.includes(role)) expect([422, 503]).toContain(status);
      else expect([status, text]).toEqual([403, expect.stringContaining(`has the role ${role}`)]);
    });

    test("only an operator, or the gateway for its shoppers, changes anything", () => {
      if (route.method === "GET") return expect(allowed).toContain("service");
      expect(allowed).not.toContain("viewer");
    });
  },
);

test("the orchestrator says to anybody that it is ready, and to a gateway whether it lets it in", async () => {
  const route = { api: "orchestrator", method: "GET", path: OPEN } as const;
  const answers = await Promise.all([
    ask(route, {}),
    ask(route, await asGateway()),
    ask(route, { authorization: "Bearer x" }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 401]);
});

test("where an operator is comes from their own request only, and only as an address", async () => {
  const seen: unknown[] = [];
  const keep = async (_: string, { actor, address }: ActedBy) => {
    seen.push([actor, address]);
    return null;
  };
  const app = orchestratorApi({
    ...parts,
    ...guard("orchestrator"),
    cancel: keep,
    trace: keep,
    cancelOrder: keep,
  });
  const post = (path: string, headers: Readonly<Record<string, string>>, body: object) =>
    app.handle(
      new Request(`http://localhost/sagas/${ID}/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      }),
    );
  const told = { [OPERATOR_ADDRESS]: "192.0.2.7" };
  await post("cancel", { ...AS_ADA, ...told }, { reason: "x" });
  await post("cancel", { ...AS_ADA, [OPERATOR_ADDRESS]: "<script>" }, { reason: "x" });
  await post("cancel", AS_ADA, { reason: "x" });
  await post("trace", { ...AS_ADA, ...told }, { reason: "x" });
  await post("cancel-order", { ...AS_ADA, ...told }, { reason: "x", order_id: ID });
  await post("cancel-order", { ...(await asGateway()), ...told }, { reason: "x", order_id: ID, user_id: ID });
  expect(seen).toEqual([
    ["ada", "192.0.2.7"],
    ["ada", null],
    ["ada", null],
    ["ada", "192.0.2.7"],
    ["ada", "192.0.2.7"],
    ["shopper", undefined],
  ]);
});

test("the gateway cancels no order but that of the shopper whom it names, and no operator names a shopper", async () => {
  const cancel = async (headers: Readonly<Record<string, string>>, body: object) => {
    const request = new Request(`http://localhost/sagas/${ID}/cancel-order`, {
      method: "POST",
      headers,
      body: JSON.stringify({ order_id: ID, reason: "x", ...body }),
    });
    return (await APIS.orchestrator.handle(request)).status;
  };
  const gateway = await asGateway();
  expect([await cancel(gateway, {}), await cancel(gateway, { user_id: ID })]).toEqual([403, 503]);
  expect([await cancel(AS_ADA, { user_id: ID }), await cancel(AS_ADA, {})]).toEqual([422, 503]);
});

describe("during an upgrade from a version without tokens", () => {
  const statusOf = async (unsignedUntil: number, method: string, path: string, headers = {}) => {
    const api = orchestratorApi({ ...parts, access: accessTo("orchestrator", { unsignedUntil }) });
    const body = method === "GET" ? {} : { body: '{"reason":"x"}' };
    return (await api.handle(new Request(`http://localhost${path}`, { method, headers, ...body }))).status;
  };

  test("a request without a token is the gateway's until the end, and never an operator's", async () => {
    const later = Date.now() + 60_000;
    expect(await statusOf(later, "POST", "/sagas")).toBe(422);
    expect(await statusOf(later, "GET", `/sagas/${ID}?user_id=${ID}`)).toBe(503);
    expect(await statusOf(later, "POST", `/sagas/${ID}/cancel`)).toBe(403);
    expect(await statusOf(later, "POST", "/sagas", { authorization: "Bearer x" })).toBe(401);
    expect(await statusOf(Date.now(), "POST", "/sagas")).toBe(401);
  });

  test("lasts at most seven days, and is over by itself", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    expect(endOfUpgrade(undefined, now)).toBeUndefined();
    expect(endOfUpgrade("2026-11-23T11:59:59Z", now)).toBeUndefined();
    expect(endOfUpgrade("2026-11-30T12:00:00Z", now)).toBe(now + 7 * 86_400_000);
    for (const text of ["2026-11-30T12:00:01Z", "2026-13-01T00:00:00Z"])
      expect(() => endOfUpgrade(text, now)).toThrow("UNSIGNED_GATEWAY_UNTIL is not a time within");
  });
});

test("who only reads the catalogue reads nothing else", () => {
  const open = Object.entries(PERMISSIONS).flatMap(([api, table]) =>
    Object.entries(table).flatMap(([route, roles]) => (roles.includes("reader") ? [`${api} ${route}`] : [])),
  );
  expect(open).toEqual(["inventory GET /catalogue", "inventory GET /catalogue/:sku_id"]);
});

test("a request that is carried out is neither counted nor logged", async () => {
  counted.length = 0;
  warned.length = 0;
  const route = { api: "inventory", method: "GET", path: "/catalogue" } as const;
  expect((await ask(route, AS_VIEWER)).status).toBe(503);
  expect([counted, warned]).toEqual([[], []]);
});
