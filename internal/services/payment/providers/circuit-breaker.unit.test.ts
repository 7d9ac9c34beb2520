// If the provider stops answering, calls no longer wait for it; one probe finds out when it answers again.
import { afterEach, beforeEach, expect, setSystemTime, test } from "bun:test";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { ChargeResult, PaymentProvider } from "./provider.ts";

/** Probes soon, for the tests that wait for a probe. */
const PROBE_AFTER_MS = 20;
/** No probe comes in between, however slow the machine is. */
const NO_PROBE_MS = 3_600_000;
const request = {
  idempotency_key: "k",
  saga_id: "s",
  amount_cents: 1,
  currency: "EUR",
  payment_method: "pm",
  shopper_present: false,
  capture: "automatic" as const,
};
const timeout = { kind: "unknown" as const, reason: "timeout" as const, replayed: false };
const charged: ChargeResult = { kind: "succeeded", provider_txn_id: "pi_1" };
const refusal = { kind: "no_effect", error_code: "PROVIDER_UNAVAILABLE" };

let next: () => Promise<ChargeResult>;
let calls: number;
let states: string[];
let resumedAt: number;
let breaker: CircuitBreaker;

beforeEach(() => {
  begin(PROBE_AFTER_MS);
});

function begin(probeAfterMs: number): void {
  calls = 0;
  states = [];
  resumedAt = -Infinity;
  const provider: PaymentProvider = {
    name: "test",
    charge: () => ((calls += 1), next()),
    capture: () => Promise.resolve({ kind: "unknown", reason: "timeout", replayed: false }),
    findCharge: () => Promise.resolve({ kind: "not_found" }),
    lookUpCharge: () => Promise.resolve({ kind: "not_found" }),
    cancelCharge: () => Promise.resolve({ kind: "not_found" }),
    actionOf: () => Promise.resolve({ kind: "none" }),
    refund: () => Promise.resolve({ kind: "not_yet", error_code: "TIMEOUT" }),
    findRefund: () => Promise.resolve({ kind: "not_found" }),
  };
  const onChange = (state: string) => states.push(state);
  breaker = new CircuitBreaker(provider, {
    consecutiveTimeouts: 3,
    probeAfterMs,
    onChange,
    resumedAt: () => resumedAt,
  });
}

afterEach(() => {
  setSystemTime();
});

async function timeouts(count: number): Promise<void> {
  next = () => Promise.resolve(timeout);
  for (let call = 0; call < count; call += 1) await breaker.charge(request);
}

test("timeouts in a row open it, and then no call is sent", async () => {
  begin(NO_PROBE_MS);
  await timeouts(3);
  expect(states).toEqual(["open"]);
  expect(await breaker.charge(request)).toMatchObject(refusal);
  expect(await breaker.findCharge({ ...request, asked: { firstMs: 0, lastMs: 0 } })).toMatchObject({
    kind: "unknown",
    reason: "breaker_open",
  });
  expect(await breaker.refund({ ...request, provider_txn_id: "pi" })).toMatchObject({
    error_code: "PROVIDER_UNAVAILABLE",
  });
  expect(await breaker.findRefund("pi")).toMatchObject({ kind: "not_yet" });
  expect(calls).toBe(3);
});

test("any other result between them, even a decline, keeps it closed", async () => {
  await timeouts(2);
  next = () => Promise.resolve({ kind: "declined", error_code: "CARD_DECLINED", error_message: "" });
  await breaker.charge(request);
  await timeouts(2);
  expect(states).toEqual([]);
});

test("timeouts during a stall of this process do not count", async () => {
  const replies = Array.from({ length: 5 }, () => Promise.withResolvers<ChargeResult>());
  next = () => replies[calls - 1]?.promise ?? Promise.reject(new Error("called too often"));
  const sent = replies.map(() => breaker.charge(request));
  resumedAt = performance.now();
  for (const { resolve } of replies) resolve(timeout);
  expect(await Promise.all(sent)).toEqual(replies.map(() => timeout));
  expect(states).toEqual([]);
});

test("slow calls that time out in a row do not open it if other calls got results since they were sent", async () => {
  const slow = Array.from({ length: 5 }, () => Promise.withResolvers<ChargeResult>());
  next = () => slow[calls - 1]?.promise ?? Promise.resolve(charged);
  const sent = slow.map(() => breaker.charge(request));
  // performance.now() may be this coarse.
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(await breaker.charge(request)).toEqual(charged);
  for (const { resolve } of slow) resolve(timeout);
  await Promise.all(sent);
  expect(states).toEqual([]);
  await timeouts(3);
  expect(states).toEqual(["open"]);
});

test("refunds that time out count too", async () => {
  for (let call = 0; call < 3; call += 1) await breaker.refund({ ...request, provider_txn_id: "pi" });
  expect(states).toEqual(["open"]);
});

test("one call probes, the others do not wait, and its result closes or reopens the breaker", async () => {
  for (const [result, after] of [
    [timeout, ["open", "open"]],
    [charged, ["open", "open", "closed"]],
  ] as const) {
    if (states.length === 0) await timeouts(3);
    const before = calls;
    const reply = Promise.withResolvers<ChargeResult>();
    next = () => reply.promise;
    const { probe } = await firstLetThrough();
    expect(await breaker.charge(request)).toMatchObject(refusal);
    expect(calls).toBe(before + 1);
    reply.resolve(result);
    expect(await probe).toEqual(result);
    expect<readonly string[]>(states).toEqual(after);
  }
});

test("a probe that throws proves nothing: the breaker stays open until the next probe", async () => {
  await timeouts(3);
  next = () => Promise.reject(new Error("a broken adapter"));
  const { probe } = await firstLetThrough();
  await expect(probe).rejects.toThrow("a broken adapter");
  expect(states).toEqual(["open", "open"]);
  next = () => Promise.resolve(charged);
  expect(await (await firstLetThrough()).probe).toEqual(charged);
  expect(states).toEqual(["open", "open", "closed"]);
});

test("it probes in time if the clock was an hour fast when it opened and is corrected since", async () => {
  setSystemTime(new Date(Date.now() + 60 * 60 * 1_000));
  await timeouts(3);
  setSystemTime();
  next = () => Promise.resolve(charged);
  const { probe } = await firstLetThrough();
  expect(await probe).toEqual(charged);
  expect(states).toEqual(["open", "closed"]);
});

/** Calls until one reaches the provider; `probe` is that call, still out. */
async function firstLetThrough(): Promise<{ readonly probe: Promise<ChargeResult> }> {
  const before = calls;
  const until = performance.now() + 2_000;
  for (;;) {
    const sent = breaker.charge(request);
    if (calls > before) return { probe: sent };
    await sent;
    if (performance.now() > until) throw new Error("no call got through in 2 s");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
