// The gateway's client against misbehaving servers: only answers in the orchestrator's format count.
import { afterEach, expect, test } from "bun:test";
import type { SagaStatusView } from "../../schemas/http.ts";
import { checkout } from "../testkit/orchestrator.ts";
import { OrchestratorClient } from "./orchestrator-client.ts";
import { startedView } from "../testkit/status-view.ts";
import { unsigned } from "../testkit/callers.ts";

const SAGA = "01890000-0000-7000-8000-000000000001";
const ANYWHERE = { waitMs: 0, signal: new AbortController().signal };
const started = { saga_id: SAGA, replayed: false };

const IMPATIENT_MS = 200;

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** A client of a server with this answer. The client's timeout is `patienceMs`. */
function clientOf(
  answer: (request: Request) => Response | Promise<Response>,
  patienceMs = 20_000,
): OrchestratorClient {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
  servers.push(server);
  const timeouts = { startMs: patienceMs, statusMs: patienceMs };
  return new OrchestratorClient({ url: server.url.href, credential: unsigned, timeouts });
}

const fault = (error: string, status: number) => () => Response.json({ error }, { status });
const unavailable = { code: "SERVICE_UNAVAILABLE" };

test("maps the orchestrator's answers", async () => {
  expect(await clientOf(() => Response.json(started)).startSaga(checkout())).toEqual(started);
  await expect(clientOf(fault("CLIENT_KEY_REUSED", 409)).startSaga(checkout())).rejects.toMatchObject({
    type: "idempotency-key-reused",
  });
  expect(await clientOf(fault("NO_SUCH_SAGA", 404)).status(SAGA, SAGA, ANYWHERE)).toBeNull();
  await expect(clientOf(fault("UNAVAILABLE", 503)).startSaga(checkout())).rejects.toMatchObject(unavailable);
});

test("a saga that is not found is none, also for an orchestrator that cannot look yet", async () => {
  const { user_id, client_key, body_hash } = checkout();
  const key = { user_id, client_key, body_hash };
  const found = { ...started, replayed: true };
  expect(await clientOf(() => Response.json(found)).findSaga(key)).toEqual(found);
  for (const answer of [fault("NO_SUCH_SAGA", 404), fault("INVALID_REQUEST", 422)])
    expect(await clientOf(answer).findSaga(key)).toBeNull();
  await expect(clientOf(fault("CLIENT_KEY_REUSED", 409)).findSaga(key)).rejects.toMatchObject({
    type: "idempotency-key-reused",
  });
  await expect(clientOf(fault("UNAVAILABLE", 503)).findSaga(key)).rejects.toMatchObject(unavailable);
});

test("a contract violation is our fault and not retryable", async () => {
  for (const answer of [fault("INVALID_REQUEST", 422), fault("INTERNAL", 500)]) {
    await expect(clientOf(answer).startSaga(checkout())).rejects.toMatchObject({
      code: "MESSAGE_INVALID",
      canRetry: false,
    });
    await expect(clientOf(answer).status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject({ canRetry: false });
  }
});

const garbage: readonly [string, (request: Request) => Response][] = [
  [
    "a page",
    () => new Response("<html>Welcome to nginx!</html>", { headers: { "content-type": "text/html" } }),
  ],
  ["nothing", () => new Response("")],
  ["unrelated JSON", () => Response.json({ hello: "world" })],
  ["half an answer", () => new Response('{"saga_id":')],
  ["an invalid id", () => Response.json({ ...started, saga_id: "1; drop table" })],
  ["200 with an error body", () => Response.json({ error: "NO_SUCH_SAGA" })],
  ["a proxy's 404", () => new Response("not found", { status: 404 })],
  ["a proxy's 404 in JSON", () => Response.json({ message: "no route" }, { status: 404 })],
  ["a proxy's 409", () => new Response("conflict", { status: 409 })],
  ["a bad gateway", () => new Response("bad gateway", { status: 502 })],
  [
    "a redirect, even to a valid answer",
    ({ url }) => (url.endsWith("/there") ? Response.json(started) : Response.redirect("/there", 303)),
  ],
];
test.each(garbage)("reports the service as unavailable, not the saga as missing: %s", async (_, answer) => {
  const client = clientOf(answer);
  await expect(client.startSaga(checkout())).rejects.toMatchObject(unavailable);
  await expect(client.status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject(unavailable);
});

test("a call to a server that is silent or stops in the middle times out", async () => {
  const silent = clientOf(() => new Promise(() => undefined), IMPATIENT_MS);
  await expect(silent.startSaga(checkout())).rejects.toMatchObject(unavailable);
  await expect(silent.status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject(unavailable);
  const halting = clientOf(
    () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{"saga')) })),
    IMPATIENT_MS,
  );
  await expect(halting.startSaga(checkout())).rejects.toMatchObject(unavailable);
  await expect(halting.status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject(unavailable);
});

test("the shopper's waiting time is added to the timeout", async () => {
  const view: SagaStatusView = startedView(SAGA, "2026-11-23T12:00:00.000Z");
  const client = clientOf(async () => {
    await Bun.sleep(2 * IMPATIENT_MS);
    return Response.json(view);
  }, IMPATIENT_MS);
  const waiting = { ...ANYWHERE, waitMs: 20_000 };
  expect(await client.status(SAGA, SAGA, waiting)).toEqual(view);
  await expect(client.status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject(unavailable);
});

test("no server and a broken connection are unavailable", async () => {
  const nowhere = new OrchestratorClient({ url: "http://127.0.0.1:9/", credential: unsigned });
  await expect(nowhere.startSaga(checkout())).rejects.toMatchObject(unavailable);
  await expect(nowhere.ready()).rejects.toMatchObject(unavailable);
  const breaking = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end() },
  });
  const client = new OrchestratorClient({
    url: `http://127.0.0.1:${breaking.port}`,
    credential: unsigned,
  });
  await expect(client.startSaga(checkout())).rejects.toMatchObject(unavailable);
  await expect(client.status(SAGA, SAGA, ANYWHERE)).rejects.toMatchObject(unavailable);
  breaking.stop(true);
});

test("ready() accepts a success and rejects a 503", async () => {
  await clientOf(() => new Response("ok")).ready();
  await expect(clientOf(() => new Response("", { status: 503 })).ready()).rejects.toMatchObject(unavailable);
});

test("status calls end when the shopper disconnects or the gateway stops; checkouts continue", async () => {
  const asked: string[] = [];
  const client = clientOf(async ({ url }) => {
    asked.push(url);
    await Bun.sleep(150);
    return Response.json(started);
  });
  const gone = new AbortController();
  const statuses = [
    client.status(SAGA, SAGA, { waitMs: 30_000, signal: gone.signal }),
    client.status(SAGA, SAGA, { ...ANYWHERE, waitMs: 30_000 }),
  ].map((status) =>
    status.then(
      () => "answered",
      (error: unknown) => error,
    ),
  );
  const start = client.startSaga(checkout());
  while (asked.length < 3) await Bun.sleep(1);
  gone.abort();
  expect(await statuses[0]).toMatchObject(unavailable);
  client[Symbol.dispose]();
  expect(await statuses[1]).toMatchObject(unavailable);
  expect(await start).toEqual(started);
});

test("a call that would wait and begins after the stop ends at once; one that does not wait is answered", async () => {
  const asked: string[] = [];
  const client = clientOf(({ url }) => {
    asked.push(new URL(url).searchParams.get("wait_ms") ?? "");
    return Response.json(startedView(SAGA, "2026-11-29T12:04:00.000Z"));
  });
  client[Symbol.dispose]();
  const waiting = { ...ANYWHERE, waitMs: 30_000 };
  await expect(client.status(SAGA, SAGA, waiting)).rejects.toMatchObject(unavailable);
  await expect(client.history(SAGA, SAGA, { after: 0, ...waiting })).rejects.toMatchObject(unavailable);
  expect(await client.status(SAGA, SAGA, ANYWHERE)).toMatchObject({ saga_id: SAGA });
  expect(asked).toEqual(["0"]);
});
