// A shopper who needs more time at the bank gets it once, never beyond the longest wait, and only while the saga waits for them.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { PaymentActionRequired } from "../../schemas/events.ts";
import { assert } from "../kernel/errors.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START } from "../testkit/orchestrator.ts";
import { DEFAULT_ACTION_MS, MAX_ACTION_MS, moreTime } from "./action.ts";
import { decide, type SagaPolicy, startSaga } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";
import { statusOfSaga } from "./status-store.ts";

const ID = "01890000-0000-7000-8000-000000000001";
const SECOND_MS = 1_000;
const WAIT_MS = POLICY.actionDeadlineMs;
const MORE = { type: "ShopperNeedsTime" } as const;

const on = (saga: Saga, input: SagaInput, now: number, policy: SagaPolicy = POLICY) =>
  decide(saga, input, now, policy);
const actionOf = (saga: Saga) => statusOfSaga(saga).view.next_action;

function wish(offeredMs: number): PaymentActionRequired {
  const event = eventOf("PaymentActionRequired", ID);
  assert(event.type === "PaymentActionRequired", "the fixture has the requested type");
  return { ...event, occurred_at: timestampOf(START), expires_at: timestampOf(START + offeredMs) };
}

/** A saga that waits for its shopper since START. */
function waiting({ offeredMs = MAX_ACTION_MS, policy = POLICY } = {}): Saga {
  const started = startSaga(ID, checkout({ shopper_present: true }), START, policy).saga;
  const charging = on(started, eventOf("InventoryReserved", ID), START, policy).saga;
  return on(charging, wish(offeredMs), START, policy).saga;
}

describe("more time", () => {
  test("is as much again, after the old end; the hold lasts for it and for the rest of the way", () => {
    const now = START + 3 * 60 * SECOND_MS;
    const { saga, out, history, verdict } = on(waiting(), MORE, now);
    expect([saga.action_expires_at, saga.deadline_at]).toEqual([START + 2 * WAIT_MS, START + 2 * WAIT_MS]);
    expect(out).toEqual([
      {
        type: "ExtendReservation",
        saga_id: ID,
        idempotency_key: `${ID}:reserve:extend:2`,
        hold_for_ms: START + 2 * WAIT_MS - now + POLICY.forwardDeadlineMs,
      },
    ]);
    expect([history.length, verdict.kind, saga.position]).toEqual([
      1,
      "transition",
      { kind: "forward", at: "charge" },
    ]);
    // The first deadline no longer counts, the second one does.
    expect(on(saga, { type: "DeadlinePassed" }, START + WAIT_MS).verdict.kind).toBe("ignored");
    const late = on(saga, { type: "DeadlinePassed" }, START + 2 * WAIT_MS);
    expect(late.saga.position).toMatchObject({ failure: { code: "PAYMENT_NOT_CONFIRMED" } });
  });

  test("comes once: a second press has the same answer and changes nothing", () => {
    const once = on(waiting(), MORE, START + SECOND_MS).saga;
    for (const now of [START + 2 * SECOND_MS, START + WAIT_MS + SECOND_MS, START + 2 * WAIT_MS]) {
      const again = on(once, MORE, now);
      expect([again.saga, again.out, again.verdict.kind]).toEqual([once, [], "ignored"]);
      expect(moreTime(once, now, POLICY)).toEqual({ kind: "had", until: START + 2 * WAIT_MS });
    }
  });

  test("comes once also where the longest wait is not reached by it", () => {
    const policy = { ...POLICY, actionDeadlineMs: 20 * SECOND_MS };
    const once = on(waiting({ policy }), MORE, START, policy).saga;
    expect(once.action_expires_at).toBe(START + 40 * SECOND_MS);
    expect(moreTime(once, START, policy).kind).toBe("had");
  });

  test.each([
    ["the longest wait", MAX_ACTION_MS, 8 * 60 * SECOND_MS, MAX_ACTION_MS],
    ["what the bank offers", 6 * 60 * SECOND_MS, WAIT_MS, 6 * 60 * SECOND_MS],
  ])("ends at %s, counted from the begin", (_, offeredMs, actionDeadlineMs, endMs) => {
    const policy = { ...POLICY, actionDeadlineMs };
    const saga = waiting({ offeredMs, policy });
    expect(on(saga, MORE, START + SECOND_MS, policy).saga.action_expires_at).toBe(START + endMs);
  });

  test("is neither offered nor given where the wait is the longest already", () => {
    for (const saga of [
      waiting({ policy: { ...POLICY, actionDeadlineMs: MAX_ACTION_MS } }),
      waiting({ offeredMs: 60 * SECOND_MS }),
    ]) {
      expect(actionOf(saga)).not.toHaveProperty("extendable");
      expect(moreTime(saga, START, POLICY)).toEqual({ kind: "refused", reason: "longest" });
      expect(on(saga, MORE, START).saga).toBe(saga);
    }
    expect(DEFAULT_ACTION_MS).toBeLessThan(MAX_ACTION_MS);
  });

  test("is offered until it is taken", () => {
    expect(actionOf(waiting())).toMatchObject({ extendable: true });
    const { saga } = on(waiting(), MORE, START);
    expect(actionOf(saga)).toEqual({ kind: "redirect", expires_at: timestampOf(START + 2 * WAIT_MS) });
  });

  test("does not come when the time is over, whether or not the saga has acted on that", () => {
    expect(moreTime(waiting(), START + WAIT_MS - 1, POLICY).kind).toBe("granted");
    expect(moreTime(waiting(), START + WAIT_MS, POLICY)).toEqual({ kind: "refused", reason: "over" });
    expect(on(waiting(), MORE, START + WAIT_MS).verdict.kind).toBe("ignored");
  });

  test("does not come before the saga waits for its shopper, nor after", () => {
    const started = startSaga(ID, checkout({ shopper_present: true }), START, POLICY).saga;
    const charging = on(started, eventOf("InventoryReserved", ID), START).saga;
    const paid = on(waiting(), eventOf("PaymentSucceeded", ID), START).saga;
    // An older binary leaves the time of the action behind.
    const left = { ...paid, action_expires_at: waiting().action_expires_at };
    const stopped = on(waiting(), { type: "OperatorCancel", reason: "no" }, START).saga;
    const ended = on(
      on(stopped, eventOf("PaymentCancelled", ID), START).saga,
      eventOf("InventoryReleased", ID),
      START,
    );
    for (const saga of [started, charging, paid, left, stopped, ended.saga]) {
      expect(moreTime(saga, START, POLICY)).toEqual({ kind: "refused", reason: "not waiting" });
      const { saga: after, out, verdict } = on(saga, MORE, START);
      expect([after, out, verdict.kind]).toEqual([saga, [], "ignored"]);
    }
  });

  test("takes nothing from the rest of the way, and a second wish of the bank does not start it anew", () => {
    const once = on(waiting(), MORE, START).saga;
    const now = START + 2 * WAIT_MS - 1;
    expect(on(once, wish(MAX_ACTION_MS), now).saga).toBe(once);
    const paid = on(once, eventOf("PaymentSucceeded", ID), now).saga;
    expect([paid.action_expires_at, paid.deadline_at]).toEqual([null, now + POLICY.forwardDeadlineMs]);
  });
});

test("whatever is offered, configured and pressed: the wait moves at most once, later, and not past its limits", () => {
  const pressed = fc.array(fc.integer({ min: -MAX_ACTION_MS, max: 2 * MAX_ACTION_MS }), {
    minLength: 1,
    maxLength: 6,
  });
  const span = fc.integer({ min: 0, max: 2 * MAX_ACTION_MS });
  fc.assert(
    fc.property(
      span,
      fc.integer({ min: 1, max: 2 * MAX_ACTION_MS }),
      pressed,
      (offeredMs, actionDeadlineMs, times) => {
        const policy = { ...POLICY, actionDeadlineMs };
        const first = waiting({ offeredMs, policy });
        const offered = actionOf(first)?.extendable === true;
        let saga = first;
        const ends = new Set([first.action_expires_at ?? 0]);
        for (const time of times) {
          // The clocks of hosts differ, so a press may seem to be earlier than the one before.
          const { saga: after, out } = on(saga, MORE, START + time, policy);
          expect(out.length).toBe(after === saga ? 0 : 1);
          expect(after.deadline_at).toBe(after.action_expires_at);
          for (const command of out)
            expect(command).toMatchObject({
              hold_for_ms: expect.any(Number),
              idempotency_key: expect.stringContaining("extend:2"),
            });
          saga = after;
          ends.add(saga.action_expires_at ?? 0);
        }
        const [begin = 0, end = begin] = ends;
        expect(ends.size).toBeLessThanOrEqual(2);
        expect(end).toBeGreaterThanOrEqual(begin);
        expect(end).toBeLessThanOrEqual(START + Math.min(offeredMs, MAX_ACTION_MS, 2 * actionDeadlineMs));
        expect(end > begin).toBe(offered && times.some((time) => START + time < begin));
      },
    ),
    { numRuns: 300 },
  );
});
