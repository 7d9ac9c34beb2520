// More time for a shopper at the bank, over the API of the orchestrator on a real Postgres: who gets it, and what happens when it meets
// the deadline, the payment, a second press and another host's clock.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ActionExtended, SagaApiFault } from "../../schemas/http.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { MAX_ACTION_MS } from "./action.ts";
import { orchestratorApi } from "./api.ts";
import { asGateway } from "../testkit/callers.ts";

const USER = "01890000-0000-7000-8000-000000000001";
const FIRST_END = START + POLICY.actionDeadlineMs;
const SECOND_END = FIRST_END + POLICY.actionDeadlineMs;

const bodyOf = TypeCompiler.Compile(ActionExtended);
const faultOf = TypeCompiler.Compile(SagaApiFault);

const held = new AsyncDisposableStack();
let orchestrator: TestOrchestrator;
let api: ReturnType<typeof orchestratorApi>;
const logged: unknown[] = [];
beforeAll(async () => {
  orchestrator = held.use(await TestOrchestrator.open());
  const intake = held.use(orchestrator.intake());
  const parts = orchestrator.apiParts();
  held.use(parts.watch);
  held.use(parts.history);
  api = orchestratorApi({ intake, ...parts, onError: (error) => void logged.push(error) });
});
beforeEach(async () => {
  orchestrator.now = START;
  orchestrator.verdicts.length = 0;
  logged.length = 0;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
});
afterAll(() => held.disposeAsync());

/** A saga that waits for its shopper since START. */
async function waiting(): Promise<string> {
  const id = await orchestrator.start({ user_id: USER, shopper_present: true });
  const wish = eventOf("PaymentActionRequired", id);
  const offered = { occurred_at: timestampOf(START), expires_at: timestampOf(START + MAX_ACTION_MS) };
  await orchestrator.handle(eventOf("InventoryReserved", id), { ...wish, ...offered });
  return id;
}

async function press(sagaId: string, body: unknown = { user_id: USER }) {
  const headers = { "content-type": "application/json", ...(await asGateway()) };
  const response = await api.handle(
    new Request(`http://localhost/sagas/${sagaId}/extend-action`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    }),
  );
  return { status: response.status, body: (await response.json()) as unknown };
}

const saidSince = async (sagaId: string) => (await orchestrator.messageTypes(sagaId)).slice(3);
const deadlineOf = async (sagaId: string) => (await orchestrator.saga(sagaId)).deadline_at;

test("the first press moves the deadline and holds the stock, and every later one has the same answer", async () => {
  const id = await waiting();
  orchestrator.now = START + 60_000;
  const first = await press(id);
  expect(first).toEqual({ status: 200, body: { expires_at: timestampOf(SECOND_END) } });
  expect(bodyOf.Check(first.body)).toBe(true);
  orchestrator.now = FIRST_END + 1;
  expect(await press(id)).toEqual(first);
  expect(await saidSince(id)).toEqual(["ExtendReservation"]);
  expect((await orchestrator.messages(id)).at(-1)).toMatchObject({
    idempotency_key: `${id}:reserve:extend:2`,
    hold_for_ms: SECOND_END - START - 60_000 + POLICY.forwardDeadlineMs,
  });
  expect((await orchestrator.history(id)).at(-1)).toEqual({
    from_status: "INVENTORY_RESERVED",
    to_status: "INVENTORY_RESERVED",
    step: "charge",
    message_type: "ShopperNeedsTime",
    note: "the shopper needs more time",
  });
  // The sweeper keeps to the new end, and the reply to the extension is no alert.
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  await orchestrator.handle(eventOf("ReservationExtended", id));
  orchestrator.now = SECOND_END;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
  expect((await orchestrator.saga(id)).position).toMatchObject({
    failure: { code: "PAYMENT_NOT_CONFIRMED" },
  });
  expect(orchestrator.verdicts.filter((verdict) => verdict.endsWith("alert"))).toEqual([]);
  expect(logged).toEqual([]);
});

test("nobody else gets it, and nobody for nothing", async () => {
  const id = await waiting();
  const missing = { status: 404, body: { error: "NO_SUCH_SAGA" } };
  expect(await press(id, { user_id: Bun.randomUUIDv7() })).toEqual(missing);
  expect(await press(Bun.randomUUIDv7())).toEqual(missing);
  for (const wrong of [{}, { user_id: "1" }, { user_id: USER, extra: 1 }])
    expect(await press(id, wrong)).toMatchObject({ status: 422, body: { error: "INVALID_REQUEST" } });
  expect(await press("1")).toMatchObject({ status: 422 });
  expect(await deadlineOf(id)).toBe(FIRST_END);
  const notYet = await press(await orchestrator.start({ user_id: USER, shopper_present: true }));
  orchestrator.now = FIRST_END;
  const over = await press(id);
  await orchestrator.sweep();
  const after = await press(id);
  for (const [refused, why] of [
    [notYet, "does not wait"],
    [over, "is over"],
    [after, "does not wait"],
  ] as const) {
    expect(refused).toMatchObject({ status: 409, body: { error: "NOT_EXTENDABLE" } });
    expect(faultOf.Check(refused.body) && refused.body.detail).toContain(why);
  }
  expect(await saidSince(id)).toEqual(["CancelPayment"]);
  expect(logged).toEqual([]);
});

test("a wait that an older version has started is as long as it was", async () => {
  const id = await waiting();
  await orchestrator.database.sql`update saga_state set action_latest_at = null where saga_id = ${id}`;
  expect(await press(id)).toMatchObject({ status: 409, body: { error: "NOT_EXTENDABLE" } });
  expect(await deadlineOf(id)).toBe(FIRST_END);
});

test("presses at several hosts at once extend once", async () => {
  const ids = await Promise.all(Array.from({ length: 10 }, waiting));
  const answers = await Promise.all([...ids, ...ids, ...ids].map((id) => press(id)));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  for (const id of ids) expect(await saidSince(id)).toEqual(["ExtendReservation"]);
});

test("a race with the deadline has one of the two outcomes, never a mixture", async () => {
  const ids = await Promise.all(Array.from({ length: 40 }, waiting));
  // The sweeper's host is ahead: for it the time is over, for the one that is asked it is not.
  orchestrator.now = FIRST_END;
  const behind = { now: () => FIRST_END - 1 };
  const sweeps = Array.from({ length: 8 }, () => orchestrator.sweep(5));
  const presses = ids.map((id) => orchestrator.extendAction(id, { user_id: USER }, behind));
  const [answers] = await Promise.all([Promise.all(presses), ...sweeps]);
  for (const [index, id] of ids.entries()) {
    const { position, deadline_at } = await orchestrator.saga(id);
    const kind = answers[index]?.kind;
    const ends = kind === "extended" ? SECOND_END : FIRST_END + POLICY.resendFirstMs;
    expect([kind, position.kind, deadline_at, await saidSince(id)]).toBeOneOf([
      ["extended", "forward", ends, ["ExtendReservation"]],
      ["refused", "compensating", ends, ["CancelPayment"]],
    ]);
  }
});

test("a race with the confirmed payment loses nothing: the checkout goes on in any case", async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, waiting));
  const answers = await Promise.all(
    ids.map(async (id) => {
      const [extension] = await Promise.all([
        orchestrator.extendAction(id, { user_id: USER }),
        orchestrator.handle(eventOf("PaymentSucceeded", id)),
      ]);
      return extension?.kind;
    }),
  );
  for (const [index, id] of ids.entries()) {
    const { position, deadline_at } = await orchestrator.saga(id);
    expect([position, deadline_at]).toEqual([
      { kind: "forward", at: "confirm" },
      START + POLICY.forwardDeadlineMs,
    ]);
    expect([answers[index], await saidSince(id)]).toBeOneOf([
      ["extended", ["ExtendReservation", "ConfirmReservation"]],
      ["refused", ["ConfirmReservation"]],
    ]);
  }
});

test("a host whose clock is behind leaves the longest wait alone", async () => {
  const id = await waiting();
  const end = timestampOf(START + MAX_ACTION_MS);
  await orchestrator.database.sql`
    update saga_state set deadline_at = ${end}, action_expires_at = ${end} where saga_id = ${id}`;
  orchestrator.now = START - 30_000;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  expect(await deadlineOf(id)).toBe(START + MAX_ACTION_MS);
});
