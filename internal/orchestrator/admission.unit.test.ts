// How many checkouts may be in progress, and why the next one is rejected.
import { describe, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START } from "../testkit/orchestrator.ts";
import { Admission, hearingWaits, type Pressure, rejectionOf } from "./admission.ts";
import type { Backlog } from "./intake-store.ts";
import { startSaga } from "./saga.ts";

const SAGA_ID = Bun.randomUUIDv7();

const LIMITS = { openSagas: 100, unpublished: 1_000, chargeWaitMs: 7_500 };
const backlog = (openSagas: number, unpublished: number, chargeWaitMs = 0): Pressure => ({
  openSagas,
  unpublished,
  chargeWaitMs,
});

describe("a checkout is rejected", () => {
  test("when too many are in progress or too many messages wait for Kafka, and not before", () => {
    expect(rejectionOf(backlog(99, 999), LIMITS, false)).toBeNull();
    expect(rejectionOf(backlog(100, 0), LIMITS, false)).toBe(
      "100 checkouts are in progress, the limit is 100",
    );
    expect(rejectionOf(backlog(0, 1_000), LIMITS, false)).toBe(
      "1,000 messages wait for Kafka, the limit is 1,000",
    );
  });

  test("when the charge would wait too long for the provider", () => {
    expect(rejectionOf(backlog(0, 0, 7_499), LIMITS, false)).toBeNull();
    expect(rejectionOf(backlog(0, 0, 7_500), LIMITS, false)).toBe(
      "the payment provider limits calls: a charge waits 7.5 s, the limit is 7.5 s",
    );
    expect(rejectionOf(backlog(0, 0, 6_000), LIMITS, true)).not.toBeNull();
    expect(rejectionOf(backlog(0, 0, 5_999), LIMITS, true)).toBeNull();
  });

  test("until there is room for more than one", () => {
    expect(rejectionOf(backlog(80, 0), LIMITS, true)).not.toBeNull();
    expect(rejectionOf(backlog(0, 800), LIMITS, true)).not.toBeNull();
    expect(rejectionOf(backlog(79, 799), LIMITS, true)).toBeNull();
  });
});

describe("between two measurements", () => {
  const lines: string[] = [];
  const line = (_: object, message: string) => void lines.push(message);
  const gauges: Record<string, number> = {};
  const gauge = (name: string) => ({ set: (_: object, value: number) => void (gauges[name] = value) });

  let now = 0;

  function admission(measured: Backlog[]) {
    lines.length = 0;
    now = 50_000;
    return new Admission({
      limits: LIMITS,
      measure: () => Promise.resolve(measured.shift() ?? backlog(0, 0)),
      log: { info: line, warn: line },
      metrics: { openSagas: gauge("open"), rejecting: gauge("rejecting"), chargeWait: gauge("wait") },
      monotonic: () => now,
    });
  }

  test("admitted checkouts count, so that a burst does not exceed the limit", async () => {
    const gate = admission([backlog(90, 0), backlog(95, 0), backlog(10, 0)]);
    await gate.runOnce();
    gate.taken(9);
    expect(gate.rejection()).toBeNull();
    gate.taken(1);
    expect(gate.rejection()).not.toBeNull();
    // The measurement includes them: they do not count twice.
    await gate.runOnce();
    expect(gate.rejection()).toBe("95 checkouts are in progress, the limit is 100");
    expect(gauges).toEqual({ open: 95, rejecting: 1, wait: 0 });
    await gate.runOnce();
    expect(gate.rejection()).toBeNull();
    expect(gauges).toEqual({ open: 10, rejecting: 0, wait: 0 });
  });

  test("each change of the decision is logged once", async () => {
    const gate = admission([backlog(100, 0), backlog(100, 0), backlog(0, 0), backlog(0, 0)]);
    for (let run = 0; run < 4; run++) await gate.runOnce();
    expect(lines).toEqual([
      "new checkouts are rejected for now: 100 checkouts are in progress, the limit is 100",
      "new checkouts are admitted again",
    ]);
  });

  test("a wait for the provider rejects checkouts until it is shorter, also without further reports", async () => {
    const gate = admission([]);
    gate.chargesWait(7_000, "stripe");
    expect(gate.rejection()).toBeNull();
    gate.chargesWait(9_000, "stripe");
    expect(gate.rejection()).toContain("a charge waits 9.0 s");
    now += 2_500;
    await gate.runOnce();
    expect(gate.rejection()).toContain("a charge waits 6.5 s");
    expect(gauges).toMatchObject({ rejecting: 1, wait: 6.5 });
    now += 600;
    await gate.runOnce();
    expect(gate.rejection()).toBeNull();
    // The newest report counts, and none counts for long: a provider that was down for a minute may be back.
    gate.chargesWait(1_000_000, "stripe");
    gate.chargesWait(100, "stripe");
    expect(gate.rejection()).toBeNull();
    gate.chargesWait(1_000_000, "stripe");
    now += 2 * LIMITS.chargeWaitMs;
    await gate.runOnce();
    expect(gate.rejection()).toBeNull();
  });

  test("a provider that limits calls stops only checkouts that pay with it", async () => {
    const gate = admission([backlog(100, 0), backlog(0, 0)]);
    const observer = hearingWaits({ unknown() {}, changed() {}, decided() {} }, gate, { now: () => 0 });
    const start = startSaga(SAGA_ID, checkout({ provider: "paypal" }), START, POLICY);
    const occurred_at = new Date(0).toISOString();
    const waits = (charge_wait_ms: number) =>
      Object.assign(eventOf("PaymentFailed", SAGA_ID), { charge_wait_ms, occurred_at });
    observer.decided(waits(9_000), start);
    expect([gate.rejection(), gate.rejection("stripe")]).toEqual([null, null]);
    expect(gate.rejection("paypal")).toContain("a charge waits 9.0 s");
    // Too many are in progress, whatever they pay with.
    await gate.runOnce();
    expect(gate.rejection()).toBe("100 checkouts are in progress, the limit is 100");
    expect(gauges).toMatchObject({ rejecting: 1, wait: 9 });
    await gate.runOnce();
    expect(gate.rejection()).toBeNull();
    expect(gauges).toMatchObject({ rejecting: 1, wait: 9 });
    // One provider's report says nothing of another's.
    gate.chargesWait(100, "stripe");
    expect(gate.rejection("paypal")).not.toBeNull();
    now += 9_000;
    await gate.runOnce();
    expect(gate.rejection("paypal")).toBeNull();
    expect(gauges).toMatchObject({ rejecting: 0, wait: 0 });
    expect(lines).toEqual([
      "new checkouts that pay with paypal are rejected for now: the payment provider limits calls: a charge waits 9.0 s, the limit is 7.5 s",
      "new checkouts are rejected for now: 100 checkouts are in progress, the limit is 100",
      "new checkouts are admitted again",
      "new checkouts that pay with paypal are admitted again",
    ]);
  });

  test("the wait comes from the replies of payment, and the wrapped observer still gets every input", () => {
    const gate = admission([]);
    const heard: string[] = [];
    const nobody = { unknown() {}, changed() {} };
    const failed = eventOf("PaymentFailed", SAGA_ID);
    let ageMs = 5_000;
    const clock = { now: () => Date.parse(failed.occurred_at) + ageMs };
    const observer = hearingWaits({ ...nobody, decided: ({ type }) => void heard.push(type) }, gate, clock);
    const decision = startSaga(SAGA_ID, checkout(), START, POLICY);
    observer.decided(eventOf("PaymentCancelled", SAGA_ID), decision);
    expect(gate.rejection()).toBeNull();
    // A reply that was sent long ago reports a wait that is over.
    observer.decided(Object.assign(failed, { charge_wait_ms: 8_000 }), decision);
    expect(gate.rejection()).toBeNull();
    ageMs = 0;
    observer.decided(failed, decision);
    expect(gate.rejection()).not.toBeNull();
    expect(heard).toEqual(["PaymentCancelled", "PaymentFailed", "PaymentFailed"]);
  });
});
