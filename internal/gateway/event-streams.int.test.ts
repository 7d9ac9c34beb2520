// Event streams over real servers: they tell everything once, resume, end, and are limited.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import { eventOf } from "../testkit/events.ts";
import { SHOPPER, STRANGER } from "../testkit/gateway.ts";
import { PublicApi } from "../testkit/public-api.ts";
import { COMPLETING } from "../testkit/orchestrator.ts";

let api: PublicApi;
beforeAll(async () => {
  api = await PublicApi.open();
});
afterAll(() => api[Symbol.asyncDispose]());

const pathOf = (sagaId: string) => `/api/v1/saga/${sagaId}/events`;
const start = (userId: string) => api.orchestrator.start({ user_id: userId });

async function commit(event: Event): Promise<void> {
  api.orchestrator.changed.length = 0;
  await api.orchestrator.handle(event);
  api.history.changed(api.orchestrator.changed);
}

/** The frames of a stream that ends. */
async function framesOf(response: Response) {
  return (await response.text())
    .split("\n\n")
    .filter((frame) => frame.startsWith("event:"))
    .map((frame) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1];
      return { event: field("event"), id: field("id"), data: JSON.parse(field("data") ?? "null") };
    });
}

test("a stream tells each step as it is committed, and ends with the checkout", async () => {
  const sagaId = await start(SHOPPER);
  const response = await api.ask(pathOf(sagaId), SHOPPER);
  expect([
    response.status,
    response.headers.get("content-type"),
    response.headers.get("cache-control"),
  ]).toEqual([200, "text/event-stream", "no-store"]);
  const told = framesOf(response);
  for (const type of COMPLETING) await commit(eventOf(type, sagaId));
  const frames = await told;
  const steps = frames.filter(({ event }) => event === "progress");
  expect(steps.map(({ data }) => data.status)).toEqual([
    "STARTED",
    "INVENTORY_RESERVED",
    "PAYMENT_CHARGED",
    "PAYMENT_CHARGED",
    "ORDER_CREATED",
    "COMPLETED",
  ]);
  const ids = steps.map(({ id }) => Number(id));
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(frames.at(-1)).toMatchObject({
    event: "status",
    id: undefined,
    data: { status: "COMPLETED", saga_id: sagaId },
  });

  // Resumed in the middle: only the rest. At the end: 204, so that an EventSource does not connect again.
  const rest = await api.ask(pathOf(sagaId), SHOPPER, { headers: { "last-event-id": String(ids[2]) } });
  const resumed = (await framesOf(rest)).filter(({ event }) => event === "progress");
  expect(resumed.map(({ id }) => Number(id))).toEqual(ids.slice(3));
  const end = await api.ask(pathOf(sagaId), SHOPPER, { headers: { "last-event-id": String(ids.at(-1)) } });
  expect([end.status, await end.text()]).toEqual([204, ""]);
  expect(api.slots.size).toBe(0);
});

test("an undone checkout ends its stream, too", async () => {
  const sagaId = await start(SHOPPER);
  const told = framesOf(await api.ask(pathOf(sagaId), SHOPPER));
  await commit(eventOf("InsufficientStock", sagaId));
  expect((await told).at(-1)?.data).toMatchObject({
    status: "COMPENSATED",
    failure_code: "INSUFFICIENT_STOCK",
  });
});

test("another user's checkout, a missing one and an invalid id are 404; HEAD leaves nothing open", async () => {
  const sagaId = await start(SHOPPER);
  for (const [path, user] of [
    [pathOf(sagaId), STRANGER],
    [pathOf(Bun.randomUUIDv7()), SHOPPER],
    [pathOf("1"), SHOPPER],
  ] as const) {
    const answer = await api.ask(path, user);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ type: "urn:checkout:problem:not-found" });
  }
  expect((await api.ask(pathOf(sagaId), null)).status).toBe(401);
  const head = await api.ask(pathOf(sagaId), SHOPPER, { method: "HEAD" });
  expect([head.status, await head.text(), api.slots.size]).toEqual([200, "", 0]);
});

test("a user has at most four streams; one that is closed makes room", async () => {
  const sagaId = await start(SHOPPER);
  const open = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const gone = new AbortController();
      const response = await api.ask(pathOf(sagaId), SHOPPER, { signal: gone.signal });
      return { response, gone };
    }),
  );
  const fifth = await api.ask(pathOf(sagaId), SHOPPER);
  expect([fifth.status, fifth.headers.get("retry-after")]).toEqual([429, "10"]);
  expect(await fifth.json()).toMatchObject({ type: "urn:checkout:problem:too-many-streams" });
  const others = await start(STRANGER);
  const other = new AbortController();
  expect((await api.ask(pathOf(others), STRANGER, { signal: other.signal })).status).toBe(200);
  for (const { gone } of open) gone.abort();
  other.abort();
  while (api.slots.size > 0) await Bun.sleep(5);
  const again = new AbortController();
  expect((await api.ask(pathOf(sagaId), SHOPPER, { signal: again.signal })).status).toBe(200);
  again.abort();
  while (api.slots.size > 0) await Bun.sleep(5);
  expect(api.logged).toEqual([]);
});
