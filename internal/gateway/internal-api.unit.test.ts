// What the gateway's log says of an answer that it cannot use: never a word that could be a shopper's.
import { afterEach, expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Type } from "@sinclair/typebox";
import { describeError } from "../kernel/errors.ts";
import { trustedKeys } from "../platform/caller-keys.ts";
import { InternalTokens } from "../platform/internal-tokens.ts";
import { InternalApi } from "./internal-api.ts";
import { InventoryClient } from "./inventory-client.ts";
import { OrderClient } from "./order-client.ts";
import { gatewayCredential, TRUSTED_CALLERS, unsigned } from "../testkit/callers.ts";

const contract = {
  body: TypeCompiler.Compile(Type.Object({ done: Type.Boolean() })),
  fault: TypeCompiler.Compile(Type.Object({ error: Type.Literal("KNOWN") })),
};
const SECRET = "12 Hill St, Ada Lovelace";

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

function served(answer: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

const signal = new AbortController().signal;
const logOf = (call: Promise<unknown>) => call.then(() => "no error", describeError);

test.each<[string, () => Response, string]>([
  ["another body", () => Response.json({ shipping_address: SECRET }), "200 application/json"],
  [
    "a page",
    () => new Response(`<p>${SECRET}`, { status: 502, headers: { "content-type": "text/html;a=b" } }),
    "502 text/html",
  ],
  [
    "a problem",
    () => Response.json({ type: "urn:order:problem:gone", detail: SECRET }, { status: 410 }),
    "410 urn:order:problem:gone",
  ],
  [
    "a fault of another contract",
    () => Response.json({ error: "NO_ROOM", detail: SECRET }, { status: 507 }),
    "507 NO_ROOM",
  ],
  [
    "a text where a name should be",
    () => Response.json({ type: SECRET, error: SECRET }, { status: 500 }),
    "500 application/json",
  ],
  [
    "a media type that is none",
    () => new Response("", { status: 500, headers: { "content-type": SECRET } }),
    "500 no media type",
  ],
])("of %s only the status and what kind it is", async (_, answer, answered) => {
  const url = served(answer);
  const message = await logOf(
    new InternalApi("order service", { url, credential: unsigned }).call("/orders", contract, { signal }),
  );
  expect(message).toBe(`${url} does not answer like the order service: ${answered}`);
});

test("of a problem of order and inventory only its status and type", async () => {
  const url = served(() =>
    Response.json({ type: "urn:x:problem:bad", title: "Bad", status: 422, detail: SECRET }, { status: 422 }),
  );
  const at = { url, credential: unsigned };
  const page = { userId: "u", after: undefined, limit: 1 };
  for (const call of [new OrderClient(at).page(page), new InventoryClient(at).item("tea")]) {
    const message = await logOf(call);
    expect(message).toContain("422 urn:x:problem:bad");
    expect(message).not.toContain("Hill");
  }
});

test("each call carries the credential; a service that shuts the gateway out is unavailable, and the log says why", async () => {
  const seen: (string | null)[] = [];
  const url = served(({ headers }) => {
    seen.push(headers.get("authorization"));
    return Response.json({ error: "UNAUTHENTICATED", detail: SECRET }, { status: 401 });
  });
  const error: unknown = await new InternalApi("order service", { url, credential: unsigned })
    .call("/orders", contract, { signal })
    .catch((thrown: unknown) => thrown);
  expect(seen).toEqual(["Bearer nobody"]);
  expect(error).toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    message: expect.stringContaining("refuses this gateway (401): its TRUSTED_CALLERS_JWKS must have"),
  });
  expect(String(error)).not.toContain(SECRET);
});

test("a call that was refused because of the service's clock is sent once more, and no other", async () => {
  const at = new Date(Date.now() + 3_600_000).toUTCString();
  const asked: string[] = [];
  const url = served(({ headers }) => {
    const header = headers.get("authorization") ?? "";
    asked.push(header);
    if (header === "Bearer later") return Response.json({ done: true });
    return Response.json({ error: "UNAUTHENTICATED" }, { status: 401, headers: { date: at } });
  });
  let corrected: string | null = null;
  const credential = {
    header: async () => (corrected === null ? "Bearer now" : "Bearer later"),
    correctClock(date: string | null) {
      corrected = date;
    },
  };
  const api = new InternalApi("order service", { url, credential });
  expect(await api.call("/orders", contract, { signal })).toEqual({ body: { done: true } });
  expect(asked).toEqual(["Bearer now", "Bearer later"]);
  expect(corrected as unknown).toBe(at);
});

test("calls that are refused together because of the service's clock are all sent once more", async () => {
  const service = { now: () => Date.now() + 3_600_000 };
  const tokens = new InternalTokens({ keys: await trustedKeys(TRUSTED_CALLERS), clock: service });
  const together = Promise.withResolvers<void>();
  let refused = 0;
  const url = served(async ({ headers }) => {
    const token = headers.get("authorization")?.slice("Bearer ".length) ?? "";
    const isKnown = await tokens.verify(token).then(
      () => true,
      () => false,
    );
    if (isKnown) return Response.json({ done: true });
    refused += 1;
    if (refused === 3) together.resolve();
    await together.promise;
    const date = new Date(service.now()).toUTCString();
    return Response.json({ error: "UNAUTHENTICATED" }, { status: 401, headers: { date } });
  });
  const api = new InternalApi("order service", { url, credential: gatewayCredential() });
  const answers = await Promise.all([1, 2, 3].map(() => api.call("/orders", contract, { signal })));
  expect(answers).toEqual([1, 2, 3].map(() => ({ body: { done: true } })));
  expect(refused).toBe(3);
});

test("a gateway whom a service does not let in is not ready, one that it lets in is", async () => {
  const seen: (string | null)[] = [];
  let status = 200;
  const url = served(({ headers }) => {
    seen.push(headers.get("authorization"));
    return new Response("ok", { status });
  });
  const api = new InternalApi("orchestrator", { url, credential: unsigned });
  await api.ping("/ready", 1_000);
  status = 401;
  expect(await logOf(api.ping("/ready", 1_000))).toContain("refuses this gateway (401)");
  expect(seen).toEqual(["Bearer nobody", "Bearer nobody"]);
});
