// Over every route of the API: what one user made, another never sees. The routes come from the OpenAPI document, so a new route is
// tested without a change here.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import * as fc from "fast-check";
import { cart } from "../testkit/gateway.ts";
import { PublicApi } from "../testkit/public-api.ts";

const Operation = Type.Object({ security: Type.Array(Type.Unknown()) });
const Document = Type.Object({ paths: Type.Record(Type.String(), Type.Record(Type.String(), Operation)) });

let api: PublicApi;
let document: Static<typeof Document>;
beforeAll(async () => {
  api = await PublicApi.open();
  document = Value.Parse(Document, await (await api.ask("/api/v1/openapi.json", null)).json());
});
afterAll(() => api[Symbol.asyncDispose]());

interface Request {
  readonly method: string;
  readonly path: string;
  readonly isOpen: boolean;
}

/** Every operation, with each of the ids in each part of its path. */
function requestsWith(ids: readonly string[]): readonly Request[] {
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).flatMap(([method, { security }]) =>
      (template.includes("{") ? ids : [""]).map((id) => ({
        method: method.toUpperCase(),
        path: template.replaceAll(/\{\w+\}/g, id),
        isOpen: security.length === 0,
      })),
    ),
  );
}

async function answerOf({ method, path }: Request, user: string, key: string) {
  const gone = new AbortController();
  const body = method === "POST" ? { body: JSON.stringify(cart()) } : {};
  const headers = { "content-type": "application/json", "idempotency-key": key };
  const response = await api.ask(path, user, { method, headers, ...body, signal: gone.signal });
  const isStream = response.headers.get("content-type") === "text/event-stream";
  const text = isStream ? await firstPart(response) : await response.text();
  gone.abort();
  return { status: response.status, text: text + JSON.stringify([...response.headers]) };
}

async function firstPart(response: Response): Promise<string> {
  const read = await response.body?.getReader().read();
  return new TextDecoder().decode(read?.value);
}

async function freshUser() {
  const user = Bun.randomUUIDv7();
  const key = crypto.randomUUID();
  const accepted = await api.ask("/api/v1/checkout", user, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(cart()),
  });
  const { saga_id } = Value.Parse(Type.Object({ saga_id: Type.String() }), await accepted.json());
  return { user, key, sagaId: saga_id, orderId: await api.placeOrder(user) };
}

test("the owner sees both, so the test below can fail", async () => {
  const owner = await freshUser();
  const seen = await Promise.all(
    requestsWith([owner.sagaId, owner.orderId]).map((request) => answerOf(request, owner.user, owner.key)),
  );
  expect(seen.filter(({ text }) => text.includes(owner.sagaId)).length).toBeGreaterThanOrEqual(3);
  expect(seen.filter(({ text }) => text.includes(owner.orderId)).length).toBeGreaterThanOrEqual(2);
});

test("a user never sees what is another's, and cannot tell it from what does not exist", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.boolean(), async (owners, isShopper) => {
      const all = await Promise.all(Array.from({ length: owners }, freshUser));
      const other = isShopper ? (await freshUser()).user : Bun.randomUUIDv7();
      const secrets = all.flatMap(({ user, sagaId, orderId }) => [user, sagaId, orderId]);
      for (const request of requestsWith([...secrets, "sku-3"])) {
        // The keys of the owner, too: a key belongs to its user.
        const { status, text } = await answerOf(request, other, all[0]?.key ?? "");
        const withoutPath = text.replaceAll(request.path, "");
        for (const secret of secrets)
          expect(withoutPath, `${request.method} ${request.path}`).not.toContain(secret);
        const names = secrets.some((secret) => request.path.includes(secret));
        if (!names) continue;
        const missing = { ...request, path: request.path.replaceAll(/[0-9a-f-]{36}/g, Bun.randomUUIDv7()) };
        const nobody = await answerOf(missing, other, crypto.randomUUID());
        expect([status, nobody.status]).toEqual([404, 404]);
        const blank = (answer: string, path: string) =>
          answer.replaceAll(path, "").replaceAll(/"date","[^"]*"/g, "");
        expect(blank(text, request.path)).toBe(blank(nobody.text, missing.path));
      }
    }),
    { numRuns: 8 },
  );
});
