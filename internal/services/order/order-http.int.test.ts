// The orders' HTTP API on a real Postgres, over a real port: what a shopper may see, and what an operator changes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { OrderPage, OrderView } from "../../../schemas/http.ts";
import type { CreateOrder } from "../../../schemas/commands.ts";
import type { Message } from "../../../schemas/registry.ts";
import type { Database } from "../../messaging/database.ts";
import { applyOnce } from "../../messaging/inbox-transaction.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { type HttpServer, serveHttp } from "../../platform/serve-http.ts";
import { cancelOrder, createOrder } from "../../testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { orderHandler } from "./handler.ts";
import { orderApi } from "./order-http.ts";
import { accessTo, AS_ADA, AS_VIEWER, asGateway } from "../../testkit/callers.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const newId = () => Bun.randomUUIDv7();

let database: TestDatabase;
let server: HttpServer;
let now = T0;
const logged: string[] = [];
const log = { info: () => undefined, error: (_: object, message: string) => void logged.push(message) };
const serve = (of: Database) =>
  serveHttp(orderApi({ access: accessTo("order"), database: of, clock: { now: () => now }, newId, log }), {
    hostname: "127.0.0.1",
    port: 0,
  });
const urlOf = (path: string, { port } = server) => `http://127.0.0.1:${port}${path}`;

beforeAll(async () => {
  database = await cloneDatabase("order");
  server = serve(database.postgres);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

async function handle(...messages: Parameters<typeof deliveriesOf>[0]): Promise<void> {
  const context = {
    handler: orderHandler({ policy: { blockedCountries: new Set() }, alert: () => undefined }),
    database: database.postgres,
    clock: { now: () => now },
    newId,
    random: Math.random,
  };
  await applyOnce(context, deliveriesOf(messages));
}

function deliveriesOf(
  messages: readonly (ReturnType<typeof createOrder> | ReturnType<typeof cancelOrder>)[],
) {
  const raw = () => {
    throw new Error("a test message has no Kafka record");
  };
  return messages.map((message) => ({ message, value: message, raw }));
}

/** A confirmed order of `user_id`, made at `at`. */
async function confirmed(user_id = newId(), at = T0, parts: Partial<CreateOrder> = {}) {
  now = at;
  const command = createOrder(newId(), { user_id, ...parts });
  await handle(command);
  return { order_id: command.message_id, saga_id: command.saga_id, user_id };
}

/** What the tests read of an answer, whichever it is. */
interface Answered extends Partial<Omit<OrderView, "status">> {
  readonly status?: unknown;
  readonly orders?: readonly OrderView[];
  readonly next?: string | null;
  readonly changed?: boolean;
  readonly detail?: string;
}

type AskInit = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> };

/** The gateway reads for its shoppers, Ada does everything else. */
async function ask(path: string, init: AskInit = {}) {
  const who = init.method === undefined ? await asGateway() : AS_ADA;
  const response = await fetch(urlOf(path), { ...init, headers: { ...who, ...init.headers } });
  const body: Answered = JSON.parse(await response.text());
  return { status: response.status, type: response.headers.get("content-type"), body };
}

const post = (path: string, body: unknown) =>
  ask(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
/** Ada ships. Whoever the body names is ignored. */
const who = { actor: "bob", reason: "packed" };
const dhl = { carrier: "DHL", number: "JD014600003", url: "https://dhl.example/JD014600003" };
const ups = { carrier: "UPS", number: "1Z999AA10123456784" };

async function events(saga_id: string): Promise<readonly Message[]> {
  const rows = await database.sql<{ payload: Message }[]>`
    select payload from outbox where partition_key = ${saga_id} order by event_id`;
  return rows.map(({ payload }) => payload);
}

describe("a shopper's orders", () => {
  test("newest first, page by page, each order once and no stranger's", async () => {
    const user = newId();
    const mine: string[] = [];
    for (let minute = 0; minute < 5; minute += 1) {
      mine.unshift((await confirmed(user, T0 + minute * 60_000)).order_id);
      await confirmed(newId(), T0 + minute * 60_000);
    }
    const pages: string[][] = [];
    for (let after: string | null = ""; after !== null;) {
      const { body } = await ask(`/orders?user_id=${user}&limit=2${after === "" ? "" : `&after=${after}`}`);
      if (!TypeCompiler.Compile(OrderPage).Check(body)) throw new Error(JSON.stringify(body));
      pages.push(body.orders.map(({ order_id }) => order_id));
      after = body.next;
    }
    expect(pages).toEqual([mine.slice(0, 2), mine.slice(2, 4), mine.slice(4)]);
    expect((await ask(`/orders?user_id=${newId()}`)).body).toEqual({ orders: [], next: null });
  });

  test("with the address only for the gateway: operators look where it is masked and audited", async () => {
    const { order_id, user_id } = await confirmed();
    for (const path of [`/orders?user_id=${user_id}`, `/orders/${order_id}?user_id=${user_id}`])
      for (const headers of [AS_VIEWER, AS_ADA]) {
        const { status, body } = await ask(path, { headers });
        expect([status, JSON.stringify(body)]).toEqual([403, expect.not.stringContaining("line1")]);
      }
  });

  test("orders of the same millisecond are listed once each", async () => {
    const user = newId();
    const commands = Array.from({ length: 7 }, () => createOrder(newId(), { user_id: user }));
    now = T0;
    await handle(...commands);
    const seen: string[] = [];
    for (let after: string | null = ""; after !== null;) {
      const { body } = await ask(`/orders?user_id=${user}&limit=3${after === "" ? "" : `&after=${after}`}`);
      seen.push(...(body.orders ?? []).map(({ order_id }) => order_id));
      after = body.next ?? null;
    }
    expect(seen).toEqual(
      commands
        .map(({ message_id }) => message_id)
        .toSorted()
        .toReversed(),
    );
  });

  test("another shopper's order is as missing as none, in the list's cursor too", async () => {
    const theirs = await confirmed();
    const user = newId();
    const [stranger, none] = [
      await ask(`/orders/${theirs.order_id}?user_id=${user}`),
      await ask(`/orders/${user}?user_id=${user}`),
    ];
    expect([stranger.status, none.status]).toEqual([404, 404]);
    const { order_id } = theirs;
    const plain = (body: object, id: string) => JSON.stringify(body).replaceAll(id, "ID");
    expect(plain(stranger.body, order_id)).toBe(plain(none.body, user));
    await confirmed(user);
    expect((await ask(`/orders?user_id=${user}&after=${order_id}`)).body).toEqual({ orders: [], next: null });
  });

  test("with the card that was charged, if it is known", async () => {
    const card = { brand: "amex", last4: "0005" };
    const paid = await confirmed(newId(), T0, { card });
    const { body } = await ask(`/orders/${paid.order_id}?user_id=${paid.user_id}`);
    expect([TypeCompiler.Compile(OrderView).Check(body), body.card]).toEqual([true, card]);
    expect((await ask(`/orders?user_id=${paid.user_id}`)).body.orders?.[0]?.card).toEqual(card);
    const unknown = await confirmed();
    const answer = await ask(`/orders/${unknown.order_id}?user_id=${unknown.user_id}`);
    expect("card" in answer.body).toBe(false);
  });

  test("an order's whole life", async () => {
    const { order_id, saga_id, user_id } = await confirmed();
    const view = async () => {
      const { status, body } = await ask(`/orders/${order_id}?user_id=${user_id}`);
      expect([status, TypeCompiler.Compile(OrderView).Check(body)]).toEqual([200, true]);
      return body;
    };
    const { items, total_cents, currency, shipping_address } = createOrder(saga_id);
    const none = { shipped_at: null, delivered_at: null, cancelled_at: null, tracking: null };
    const made = { order_id, saga_id, items, total_cents, currency, shipping_address };
    expect(await view()).toEqual({
      ...made,
      ...none,
      status: "CONFIRMED",
      created_at: "2026-11-23T12:00:00.000Z",
    });
    now = T0 + 1_000;
    await post(`/orders/${order_id}/ship`, { ...who, tracking: dhl });
    const shipped = { status: "SHIPPED", shipped_at: "2026-11-23T12:00:01.000Z", tracking: dhl };
    expect(await view()).toMatchObject({ ...none, ...shipped });
    now = T0 + 2_000;
    await post(`/orders/${order_id}/deliver`, who);
    const delivered_at = "2026-11-23T12:00:02.000Z";
    expect(await view()).toMatchObject({ ...none, ...shipped, status: "DELIVERED", delivered_at });
  });

  test("a cancelled order says when; one cancelled before it was created is nobody's", async () => {
    const { order_id, saga_id, user_id } = await confirmed();
    now = T0 + 1_000;
    await handle(cancelOrder(saga_id), cancelOrder(newId()));
    expect((await ask(`/orders?user_id=${user_id}`)).body).toMatchObject({
      orders: [{ order_id, status: "CANCELLED", cancelled_at: "2026-11-23T12:00:01.000Z" }],
    });
  });
});

describe("shipping", () => {
  test("is recorded once with its event, however often it is asked for", async () => {
    const { order_id, saga_id } = await confirmed();
    const ship = () => post(`/orders/${order_id}/ship`, { ...who, tracking: dhl });
    const answers = await Promise.all([ship(), ship(), ship(), ship()]);
    const body = { order_id, saga_id, status: "SHIPPED", tracking: dhl };
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.filter((answer) => answer.body.changed === true)).toHaveLength(1);
    for (const answer of answers) expect(answer.body).toMatchObject(body);
    expect(await events(saga_id)).toMatchObject([
      { type: "OrderCreated" },
      { type: "OrderShipped", order_id, saga_id, tracking: dhl, actor: "ada", reason: "packed" },
    ]);
  });

  test("with other tracking is refused, and corrected on request; the time of shipping stays", async () => {
    const { order_id, saga_id, user_id } = await confirmed();
    now = T0 + 1_000;
    await post(`/orders/${order_id}/ship`, { ...who, tracking: dhl });
    now = T0 + 2_000;
    const refused = await post(`/orders/${order_id}/ship`, { ...who, tracking: ups });
    expect([refused.status, refused.type]).toEqual([409, "application/problem+json"]);
    expect(refused.body.detail).toContain("SHIPPED with tracking JD014600003 of DHL");
    const corrected = await post(`/orders/${order_id}/ship`, { ...who, tracking: ups, correct: true });
    expect(corrected.body).toMatchObject({ changed: true, tracking: ups });
    expect((await ask(`/orders/${order_id}?user_id=${user_id}`)).body).toMatchObject({
      shipped_at: "2026-11-23T12:00:01.000Z",
      tracking: ups,
    });
    expect((await events(saga_id)).slice(1)).toMatchObject([
      { type: "OrderShipped", tracking: dhl },
      { type: "OrderShipped", tracking: ups, corrected: true },
    ]);
  });

  test("and a cancel cross: the order is shipped or cancelled, never both", async () => {
    const orders = [];
    for (let count = 0; count < 10; count += 1) orders.push(await confirmed());
    const results = await Promise.all(
      orders.flatMap(({ order_id, saga_id }) => [
        post(`/orders/${order_id}/ship`, { ...who, tracking: dhl }),
        handle(cancelOrder(saga_id)),
      ]),
    );
    expect(results.length).toBe(20);
    for (const { saga_id, order_id, user_id } of orders) {
      const { status } = (await ask(`/orders/${order_id}?user_id=${user_id}`)).body;
      const types = (await events(saga_id)).map(({ type }) => type);
      expect(types).toEqual(["OrderCreated", status === "SHIPPED" ? "OrderShipped" : "OrderCancelled"]);
    }
  });

  test("a cancel after the goods came back works: the operator has set the order to CONFIRMED", async () => {
    const { order_id, saga_id, user_id } = await confirmed();
    await post(`/orders/${order_id}/ship`, { ...who, tracking: dhl });
    await database.sql`update orders set status = 'CONFIRMED' where order_id = ${order_id}`;
    await handle(cancelOrder(saga_id));
    expect((await ask(`/orders/${order_id}?user_id=${user_id}`)).body).toMatchObject({
      status: "CANCELLED",
      shipped_at: null,
      tracking: null,
    });
  });
});

test.each([
  ["ship with a reason of two lines", "ship", { reason: "a\nb" }, 422],
  ["ship with an unknown field", "ship", { ...who, trackin: dhl }, 422],
  ["ship with a number with a space", "ship", { ...who, tracking: { ...ups, number: "1 2" } }, 422],
  [
    "ship with a page that is no https",
    "ship",
    { ...who, tracking: { ...ups, url: "javascript:alert(1)" } },
    422,
  ],
  ["ship with a page with markup", "ship", { ...who, tracking: { ...ups, url: 'https://x/"><b>' } }, 422],
  ["ship with a body that is not JSON", "ship", "{", 400],
  ["deliver before it is shipped", "deliver", who, 409],
  ["deliver with tracking", "deliver", { ...who, tracking: ups }, 422],
])("rejected with a problem, and nothing changes: %s", async (_, what, body, status) => {
  const { order_id, saga_id, user_id } = await confirmed();
  const answer = await post(`/orders/${order_id}/${what}`, body);
  expect(answer).toMatchObject({ status, type: "application/problem+json", body: { status } });
  expect((await ask(`/orders/${order_id}?user_id=${user_id}`)).body).toMatchObject({ status: "CONFIRMED" });
  expect(await events(saga_id)).toHaveLength(1);
});

test("other invalid requests get a problem, too", async () => {
  const id = newId();
  const answers = await Promise.all([
    post(`/orders/${id}/ship`, { ...who, tracking: dhl }),
    ask("/nothing/here"),
    ask("/orders"),
    ask("/orders?user_id=ada"),
    ask(`/orders?user_id=${id}&limit=0`),
    ask(`/orders?user_id=${id}&limit=101`),
    ask(`/orders?user_id=${id}&after=%00`),
    ask(`/orders?user_id=${id}&user_id=${id}`),
    ask(`/orders/${id}`),
    ask(`/orders/x?user_id=${id}`),
    post("/orders/x/ship", { ...who, tracking: dhl }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([404, 404, ...Array<number>(9).fill(422)]);
  expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(["application/problem+json"]));
  expect(logged).toEqual([]);
});

test("without its database the API answers 503 with Retry-After", async () => {
  const url = "postgres://nobody@127.0.0.1:9/nothing";
  await using away = openPostgres({
    url,
    poolSize: 2,
    applicationName: "away",
    timeouts: { connectMs: 500 },
  });
  await using without = serve(away);
  const headers = await asGateway();
  const response = await fetch(urlOf(`/orders?user_id=${newId()}`, without), { headers });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(logged.length).toBe(1);
});
