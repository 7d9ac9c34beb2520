// A saga whose charge waits for the shopper (3-D Secure), and what its status tells the shopper meanwhile and in the end.
import { describe, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import type { StartSaga } from "../../schemas/http.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { assert } from "../kernel/errors.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START } from "../testkit/orchestrator.ts";
import { MAX_ACTION_MS } from "./action.ts";
import { type Decision, decide, startSaga } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";
import { statusOfSaga } from "./status-store.ts";

const ID = "01890000-0000-7000-8000-000000000001";
const MINUTE_MS = 60_000;

const start = (request: Partial<StartSaga> = {}) =>
  startSaga(ID, checkout({ shopper_present: true, ...request }), START, POLICY).saga;
const on = (saga: Saga, input: SagaInput, now = START) => decide(saga, input, now, POLICY);
const event = (type: Event["type"]) => eventOf(type, ID);
const after = (saga: Saga, ...types: Event["type"][]) =>
  types.reduce((one, type) => on(one, event(type)).saga, saga);
const types = (out: readonly Outgoing[]) => out.map(({ type }) => type);
const viewOf = (saga: Saga) => statusOfSaga(saga).view;

/** The bank wants the shopper, one minute after the start. */
const ASKED = START + MINUTE_MS;
const WAIT_MS = POLICY.actionDeadlineMs;
const charging = after(start(), "InventoryReserved");
const asked = on(charging, event("PaymentActionRequired"), ASKED);
const waiting = asked.saga;

describe("when the bank wants the shopper", () => {
  test("the charge command says whether there is one", () => {
    const charge = (saga: Saga) => on(saga, event("InventoryReserved")).out;
    expect(charge(start())).toMatchObject([{ type: "ChargePayment", shopper_present: true }]);
    expect(charge(start({ shopper_present: false }))[0]).not.toHaveProperty("shopper_present");
  });

  test("the saga stays in its step, waits longer, and holds its stock for the rest of the way too", () => {
    expect(waiting.position).toEqual({ kind: "forward", at: "charge" });
    expect(waiting.deadline_at).toBe(ASKED + WAIT_MS);
    expect(asked.out).toEqual([
      {
        type: "ExtendReservation",
        saga_id: ID,
        idempotency_key: `${ID}:reserve:extend`,
        hold_for_ms: WAIT_MS + POLICY.forwardDeadlineMs,
      },
    ]);
    expect(asked.history).toHaveLength(1);
  });

  test("it waits no longer than it may, and no longer than offered; whose clock is wrong does not matter", () => {
    const offered = event("PaymentActionRequired");
    assert(offered.type === "PaymentActionRequired", "the fixture has the requested type");
    const until = (ms: number, policy = POLICY) => {
      const input = { ...offered, occurred_at: timestampOf(0), expires_at: timestampOf(ms) };
      return decide(charging, input, ASKED, policy).saga.deadline_at;
    };
    expect(until(3 * MINUTE_MS)).toBe(ASKED + 3 * MINUTE_MS);
    expect(until(60 * MINUTE_MS)).toBe(ASKED + WAIT_MS);
    const tooLong = { ...POLICY, actionDeadlineMs: 60 * MINUTE_MS };
    expect(until(60 * MINUTE_MS, tooLong)).toBe(ASKED + MAX_ACTION_MS);
    expect(until(3 * MINUTE_MS, { ...POLICY, actionDeadlineMs: 5_000 })).toBe(ASKED + 5_000);
  });

  test("a second wish of the bank changes nothing, nor does one that comes too late or the reply to the extension", () => {
    const late = on(waiting, event("PaymentActionRequired"), ASKED + MINUTE_MS);
    expect([late.saga, late.verdict.kind]).toEqual([waiting, "ignored"]);
    for (const saga of [waiting, after(waiting, "PaymentSucceeded")])
      expect(on(saga, event("ReservationExtended")).verdict.kind).toBe("ignored");
    const paid = after(waiting, "PaymentSucceeded");
    expect(on(paid, event("PaymentActionRequired")).verdict.kind).toBe("ignored");
    const without = after(start({ shopper_present: false }), "InventoryReserved");
    expect(on(without, event("ReservationExtended")).verdict.kind).toBe("alert");
    expect(on(start(), event("PaymentActionRequired")).verdict.kind).toBe("alert");
  });

  test("confirmed at the last moment, the rest of the way has its whole time", () => {
    const now = ASKED + WAIT_MS - 1;
    const { saga, out } = on(waiting, event("PaymentSucceeded"), now);
    expect([types(out), saga.action_expires_at, saga.deadline_at]).toEqual([
      ["ConfirmReservation"],
      null,
      now + POLICY.forwardDeadlineMs,
    ]);
  });

  test.each([
    ["its time is over", { type: "DeadlinePassed" } as const, ASKED + WAIT_MS, "PAYMENT_NOT_CONFIRMED"],
    ["the hold is gone", event("ReservationExpired"), ASKED, "RESERVATION_EXPIRED"],
    ["an operator cancels", { type: "OperatorCancel", reason: "no" } as const, ASKED, "OPERATOR_CANCELLED"],
  ])("%s: the payment is cancelled first, the stock released after", (_, input, now, failure_code) => {
    const turned = on(waiting, input, now);
    expect(types(turned.out)).toEqual(["CancelPayment"]);
    const released = on(turned.saga, event("PaymentCancelled"));
    expect(types(released.out)).toEqual(["ReleaseInventory"]);
    const ended = on(released.saga, event("InventoryReleased")).saga;
    expect(viewOf(ended)).toMatchObject({
      status: "COMPENSATED",
      failure_code,
      money: "none",
      retryable: true,
    });
    expect(viewOf(ended)).not.toHaveProperty("next_action");
  });

  test("the deadline of the whole way no longer counts while the shopper has time", () => {
    expect(
      on(waiting, { type: "DeadlinePassed" }, START + POLICY.forwardDeadlineMs + MINUTE_MS).verdict.kind,
    ).toBe("ignored");
  });
});

describe("the status", () => {
  test("names the action and the deadline only while they matter", () => {
    const expires_at = timestampOf(ASKED + WAIT_MS);
    expect(viewOf(waiting)).toMatchObject({
      money: "unknown",
      next_action: { kind: "redirect", expires_at, extendable: true },
      deadline_at: expires_at,
    });
    expect(viewOf(charging)).not.toHaveProperty("next_action");
    expect(viewOf(on(waiting, event("PaymentSucceeded")).saga)).not.toHaveProperty("next_action");
  });

  const order = ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed", "OrderCreated"] as const;
  test("says where the money is on the way forward", () => {
    const seen = order.map((_, count) => viewOf(after(start(), ...order.slice(0, count))).money);
    expect([...seen, viewOf(after(start(), ...order)).money]).toEqual([
      "none",
      "unknown",
      "taken",
      "taken",
      "taken",
    ]);
  });

  test("says where the money is on the way back, also if only the refund shows that there was any", () => {
    const back = (begin: Decision, ...replies: Event["type"][]) => {
      const sagas = [begin.saga];
      for (const type of replies) sagas.push(on(sagas.at(-1) ?? begin.saga, event(type)).saga);
      return sagas.map((saga) => viewOf(saga).money);
    };
    const refused = on(after(start(), ...order.slice(0, 3)), event("OrderFailed"));
    expect(back(refused, "RefundCompleted", "InventoryReleased")).toEqual([
      "returning",
      "returned",
      "returned",
    ]);
    const late = on(charging, { type: "DeadlinePassed" }, START + POLICY.forwardDeadlineMs);
    expect(back(late, "RefundCompleted", "InventoryReleased")).toEqual(["unknown", "returned", "returned"]);
    expect(back(late, "PaymentCancelled", "InventoryReleased")).toEqual(["unknown", "none", "none"]);
    expect(back(on(start(), { type: "OperatorCancel", reason: "no" }))).toEqual(["none"]);
  });

  test("names the lines that were short, each with its reason, and that the same cart has no chance", () => {
    const short: Event = {
      ...event("InsufficientStock"),
      type: "InsufficientStock",
      sku_ids: ["cup", "tea", "tee"],
      unknown_sku_ids: ["tee"],
      other_currency_sku_ids: ["cup"],
    };
    const view = viewOf(on(start(), short).saga);
    expect(view).toMatchObject({
      retryable: false,
      lines_short: [
        { sku_id: "cup", reason: "other_currency" },
        { sku_id: "tea", reason: "short" },
        { sku_id: "tee", reason: "unknown" },
      ],
    });
    expect(viewOf(start())).not.toHaveProperty("lines_short");
  });

  test("has the new total of a cart whose price has changed, and offers another try once all is undone", () => {
    const changed = on(start({ expected_total_cents: 1 }), event("InventoryReserved")).saga;
    expect(viewOf(changed)).toMatchObject({ new_total_cents: 1_000, retryable: false, money: "none" });
    expect(viewOf(after(changed, "InventoryReleased"))).toMatchObject({
      new_total_cents: 1_000,
      retryable: true,
    });
    expect(viewOf(waiting)).not.toHaveProperty("retryable");
  });
});
