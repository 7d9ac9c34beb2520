// The orchestrator's API over a real port, on a real Postgres: what the gateway may rely on.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import {
  SagaApiFault,
  SagaCancelled,
  OpenSagas,
  SagaStarted,
  SagaStatusView,
  type StartSaga,
} from "../../schemas/http.ts";
import type { Database } from "../messaging/database.ts";
import { openPostgres } from "../platform/postgres.ts";
import { type HttpServer, serveHttp } from "../platform/serve-http.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, TestOrchestrator } from "../testkit/orchestrator.ts";
import { orchestratorApi } from "./api.ts";
import { StatusWatch } from "./status-watch.ts";
import { AS_ADA, asGateway } from "../testkit/callers.ts";

const faultBody = TypeCompiler.Compile(SagaApiFault);
const cancelledBody = TypeCompiler.Compile(SagaCancelled);
const startedBody = TypeCompiler.Compile(SagaStarted);
const viewBody = TypeCompiler.Compile(SagaStatusView);

let orchestrator: TestOrchestrator;
let served: Served;
const logged: unknown[] = [];

type AskInit = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> };

/** The API in the setup of cmd/orchestrator. */
class Served implements AsyncDisposable {
  readonly watch: StatusWatch;
  readonly #intake: ReturnType<TestOrchestrator["intake"]>;
  readonly #server: HttpServer;
  /** How many requests have arrived. */
  received = 0;

  constructor(database: Database) {
    const parts = orchestrator.apiParts(database);
    this.watch = parts.watch;
    this.#intake = orchestrator.intake({ database });
    const onError = (error: unknown) => void logged.push(error);
    const api = orchestratorApi({
      intake: this.#intake,
      ...parts,
      onError,
    });
    const counted = {
      config: api.config,
      fetch: (request: Request) => {
        this.received += 1;
        return api.fetch(request);
      },
    };
    this.#server = serveHttp(counted, { hostname: "127.0.0.1", port: 0 });
  }

  async ask(path: string, init: AskInit = {}) {
    const headers = { ...(await asGateway()), ...init.headers };
    const response = await fetch(`http://127.0.0.1:${this.#server.port}${path}`, { ...init, headers });
    const text = await response.text();
    const body: unknown = text === "" || text === "ok" ? text : JSON.parse(text);
    return { status: response.status, body };
  }

  start(body: unknown, headers: Readonly<Record<string, string>> = { "content-type": "application/json" }) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.ask("/sagas", { method: "POST", body: text, headers });
  }

  cancel(sagaId: string, body: unknown) {
    const headers = { "content-type": "application/json", ...AS_ADA };
    return this.ask(`/sagas/${sagaId}/cancel`, { method: "POST", body: JSON.stringify(body), headers });
  }

  /** In the order of cmd/orchestrator. */
  async [Symbol.asyncDispose]() {
    this.watch[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.#intake[Symbol.asyncDispose]();
  }
}

beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
  served = new Served(orchestrator.database.postgres);
});
beforeEach(() => {
  logged.length = 0;
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
});

async function started(request: StartSaga): Promise<SagaStarted> {
  const { status, body } = await served.start(request);
  if (status !== 200 || !startedBody.Check(body)) throw new Error(`not started: ${status}`);
  return body;
}

test("starts a saga once per client key, and shows its status only to its owner", async () => {
  const request = checkout();
  const { saga_id, replayed } = await started(request);
  expect(replayed).toBe(false);
  expect(await started(request)).toEqual({ saga_id, replayed: true });
  expect(await served.start({ ...request, body_hash: "1".repeat(64) })).toEqual({
    status: 409,
    body: { error: "CLIENT_KEY_REUSED" },
  });
  const { status, body } = await served.ask(`/sagas/${saga_id}?user_id=${request.user_id}`);
  expect([status, viewBody.Check(body), body]).toMatchObject([200, true, { saga_id, status: "STARTED" }]);
  const missing = { status: 404, body: { error: "NO_SUCH_SAGA" } };
  expect(await served.ask(`/sagas/${saga_id}?user_id=${Bun.randomUUIDv7()}`)).toEqual(missing);
  expect(await served.ask(`/sagas/${Bun.randomUUIDv7()}?user_id=${request.user_id}`)).toEqual(missing);
  expect(logged).toEqual([]);
});

test("shows several sagas together, and of those only the user's own", async () => {
  const user_id = Bun.randomUUIDv7();
  const own = [await started(checkout({ user_id })), await started(checkout({ user_id }))];
  const stranger = await started(checkout({ user_id: Bun.randomUUIDv7() }));
  const ids = [...own, stranger].map(({ saga_id }) => saga_id);
  const asked = await served.ask(
    `/sagas?user_id=${user_id}&saga_ids=${[...ids, Bun.randomUUIDv7()].join(",")}`,
  );
  const { sagas } = Value.Parse(OpenSagas, asked.body);
  expect(sagas.map(({ saga_id }) => saga_id).toSorted()).toEqual(ids.slice(0, 2).toSorted());
});

test("finds the saga of a client key and starts none", async () => {
  const request = checkout();
  const { user_id, client_key, body_hash } = request;
  const find = (body: object) =>
    served.ask("/sagas/find", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const key = { user_id, client_key, body_hash };
  const missing = { status: 404, body: { error: "NO_SUCH_SAGA" } };
  const before = await orchestrator.count();
  expect(await find(key)).toEqual(missing);
  expect(await orchestrator.count()).toBe(before);
  const { saga_id } = await started(request);
  const others = Array.from({ length: 20 }, () => find({ ...key, client_key: crypto.randomUUID() }));
  expect(await find(key)).toEqual({ status: 200, body: { saga_id, replayed: true } });
  for (const other of others) expect(await other).toEqual(missing);
  expect(await find({ ...key, user_id: Bun.randomUUIDv7() })).toEqual(missing);
  expect(await find({ ...key, body_hash: "1".repeat(64) })).toEqual({
    status: 409,
    body: { error: "CLIENT_KEY_REUSED" },
  });
  expect(await find(request)).toMatchObject({ status: 422 });
  expect(logged).toEqual([]);
});

test("a status call waits for the end of its saga", async () => {
  const request = checkout();
  const { saga_id } = await started(request);
  const waiting = served.ask(`/sagas/${saga_id}?user_id=${request.user_id}&wait_ms=20000`);
  await Bun.sleep(30);
  await orchestrator.handle(eventOf("InsufficientStock", saga_id));
  expect((await waiting).body).toMatchObject({ status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK" });
});

test("an operator cancels with a reason: 202 once, then 200 with the status, and 409 when it is too late", async () => {
  const request = { reason: "fraud" };
  const { saga_id } = await started(checkout());
  const failure = { failure_code: "OPERATOR_CANCELLED", failure_message: "fraud" };
  const compensating = { saga_id, status: "COMPENSATING", compensation_step: "reserve", ...failure };
  expect(await served.cancel(saga_id, request)).toEqual({ status: 202, body: compensating });
  expect(cancelledBody.Check(compensating)).toBe(true);
  const again = { reason: "to be sure" };
  expect(await served.cancel(saga_id, again)).toEqual({ status: 200, body: compensating });
  await orchestrator.handle(eventOf("InventoryReleased", saga_id));
  const settled = { ...compensating, status: "COMPENSATED", compensation_step: null };
  expect(await served.cancel(saga_id, again)).toEqual({ status: 200, body: settled });

  const completed = await orchestrator.start();
  await orchestrator.complete(completed);
  const { status, body } = await served.cancel(completed, request);
  expect([status, faultBody.Check(body), body]).toMatchObject([409, true, { error: "TOO_LATE" }]);
  expect(body).toMatchObject({ detail: expect.stringContaining("COMPLETED") });
  expect(await served.cancel(Bun.randomUUIDv7(), request)).toEqual({
    status: 404,
    body: { error: "NO_SUCH_SAGA" },
  });
});

test("reports readiness", async () => {
  expect(await served.ask("/ready")).toEqual({ status: 200, body: "ok" });
});

const id = Bun.randomUUIDv7();
const asked: readonly [string, () => Promise<{ readonly status: number; readonly body: unknown }>][] = [
  ["a body that is not JSON", () => served.start("{")],
  ["no body", () => served.start("")],
  ["an unknown field", () => served.start({ ...checkout(), note: "x" })],
  [
    "an unknown field of an item",
    () => served.start({ ...checkout(), items: [{ sku_id: "tea", quantity: 1, x: 1 }] }),
  ],
  ["a missing field", () => served.start({ ...checkout(), user_id: undefined })],
  ["half a character", () => served.start(checkout({ email: "\ud800@example.com" }))],
  ["an invalid saga id", () => served.ask(`/sagas/1?user_id=${id}`)],
  ["a status without a user", () => served.ask(`/sagas/${id}`)],
  ["an invalid user id", () => served.ask(`/sagas/${id}?user_id=1`)],
  ["an invalid wait", () => served.ask(`/sagas/${id}?user_id=${id}&wait_ms=soon`)],
  ["a wait below zero", () => served.ask(`/sagas/${id}?user_id=${id}&wait_ms=-1`)],
  ["a wait that is too long", () => served.ask(`/sagas/${id}?user_id=${id}&wait_ms=60001`)],
  ["a list of an invalid saga id", () => served.ask(`/sagas?user_id=${id}&saga_ids=${id},1`)],
  [
    "a list that is too long",
    () => served.ask(`/sagas?user_id=${id}&saga_ids=${Array(101).fill(id).join(",")}`),
  ],
  ["a list of all sagas", () => served.ask(`/sagas?user_id=${id}`)],
  ["a cancel of an invalid saga id", () => served.cancel("1", { reason: "fraud" })],
  ["a cancel without a reason", () => served.cancel(id, { reason: "" })],
  ["a cancel with half a character", () => served.cancel(id, { reason: "\ud800" })],
  ["a path that does not exist", () => served.ask("/saga")],
  ["a method that does not exist", () => served.ask("/sagas", { method: "DELETE" })],
];
test.each(asked)("rejected as an invalid request: %s", async (_, ask) => {
  const { status, body } = await ask();
  expect([status, faultBody.Check(body), body]).toMatchObject([422, true, { error: "INVALID_REQUEST" }]);
  expect(logged).toEqual([]);
});

test("a body that is too large for a checkout is rejected", async () => {
  const { status } = await served.start("x".repeat(200 * 1_024));
  expect(status).toBe(413);
});

test("without its database it answers UNAVAILABLE, which clients retry", async () => {
  await using away = openPostgres({
    url: "postgres://nobody@127.0.0.1:9/nothing",
    poolSize: 2,
    applicationName: "away",
    timeouts: { connectMs: 500 },
  });
  await using without = new Served(away);
  const unavailable = { status: 503, body: { error: "UNAVAILABLE" } };
  expect(await without.start(checkout())).toEqual(unavailable);
  const { user_id, client_key, body_hash } = checkout();
  const find = { method: "POST", body: JSON.stringify({ user_id, client_key, body_hash }) };
  const headers = { "content-type": "application/json" };
  expect(await without.ask("/sagas/find", { ...find, headers })).toEqual(unavailable);
  expect(await without.ask(`/sagas/${id}?user_id=${id}&wait_ms=1000`)).toEqual(unavailable);
  expect(logged.length).toBe(3);
});

test("an error of its own is INTERNAL, which clients do not retry", async () => {
  const { sql } = orchestrator.database;
  await sql`alter table saga_state add constraint no_tea check (currency <> 'XXX')`;
  expect(await served.start(checkout({ currency: "XXX" }))).toEqual({
    status: 500,
    body: { error: "INTERNAL" },
  });
  await sql`alter table saga_state drop constraint no_tea`;
  expect(logged).toMatchObject([{ code: "DATABASE_REFUSED" }]);
});

test("a shutdown answers the calls that are held open and the checkouts that are being written", async () => {
  await using leaving = new Served(orchestrator.database.postgres);
  const request = checkout();
  const { body } = await leaving.start(request);
  const saga_id = startedBody.Check(body) ? body.saga_id : "";
  const waiting = leaving.ask(`/sagas/${saga_id}?user_id=${request.user_id}&wait_ms=30000`);
  const writing = Array.from({ length: 20 }, () => leaving.start(checkout()));
  while (leaving.received < 22) await Bun.sleep(1);
  const begun = performance.now();
  await leaving[Symbol.asyncDispose]();
  // Far less than the thirty seconds that the call is held open.
  expect(performance.now() - begun).toBeLessThan(15_000);
  expect(await waiting).toMatchObject({ status: 200, body: { status: "STARTED" } });
  expect((await Promise.all(writing)).every(({ status }) => status === 200)).toBe(true);
});
