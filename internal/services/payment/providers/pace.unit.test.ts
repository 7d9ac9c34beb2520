// A provider with a limit of calls per second, and a client that calls as often as its pace allows: how many calls are taken, how many
// are refused. Time is simulated.
import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

const TICK_MS = 50;

/** A provider's token bucket, as providers limit calls. */
class Provider {
  perSecond: number;
  taken = 0;
  refused = 0;
  #tokens = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  tick(): void {
    this.#tokens = Math.min(this.perSecond, this.#tokens + (this.perSecond * TICK_MS) / 1_000);
  }

  takes(): boolean {
    const isTaken = this.#tokens >= 1;
    if (isTaken) this.#tokens -= 1;
    this[isTaken ? "taken" : "refused"] += 1;
    return isTaken;
  }
}

/** `seconds` of a client that always has more calls, at most 256 at once. Returns the end time. */
function drive(pace: Pace, provider: Provider, fromMs: number, seconds: number): number {
  const until = fromMs + seconds * 1_000;
  let now = fromMs;
  for (; now < until; now += TICK_MS) {
    provider.tick();
    for (let calls = Math.min(256, pace.room(now)); calls > 0; calls--) {
      pace.leaves(now);
      if (provider.takes()) pace.accepted(now + 10);
      else pace.refused(now, now + 10, null);
    }
  }
  return now;
}

test("there is no limit before the first refusal", () => {
  const pace = new Pace();
  expect([pace.room(0), pace.rate(0)]).toEqual([Infinity, null]);
});

test.each([2, 5, 25, 100])("%d calls per second: most are used, and few are refused", (perSecond) => {
  const [pace, provider] = [new Pace(), new Provider(perSecond)];
  const warmedUp = drive(pace, provider, 0, 20);
  provider.taken = 0;
  provider.refused = 0;
  drive(pace, provider, warmedUp, 60);
  expect(provider.taken / 60).toBeGreaterThan(perSecond * 0.7);
  expect(provider.refused / 60).toBeLessThan(1 + perSecond * 0.15);
});

test("a limit that is gone is forgotten within half a minute", () => {
  const [pace, provider] = [new Pace(), new Provider(5)];
  const limitedUntil = drive(pace, provider, 0, 20);
  provider.perSecond = 100_000;
  const end = drive(pace, provider, limitedUntil, 30);
  expect(pace.rate(end)).toBeNull();
});

test("calls in flight when the limit is hit count as one refusal", () => {
  const pace = new Pace();
  for (let call = 0; call < 10; call++) pace.accepted(900);
  for (let call = 0; call < 50; call++) pace.refused(900, 1_000, null);
  expect(pace.rate(1_000)).toBeCloseTo(7);
});

test("no call is sent before the time that the provider gives", () => {
  const pace = new Pace();
  for (let call = 0; call < 10; call++) pace.accepted(900);
  pace.refused(950, 1_000, 30_000);
  expect([pace.room(15_000), pace.room(30_999)]).toEqual([0, 0]);
  expect(pace.room(32_000)).toBeGreaterThan(0);
  expect(pace.room(32_000)).toBeLessThan(10);
});

test("the capacity is known after enough time at the limit", () => {
  const [pace, provider] = [new Pace(), new Provider(10)];
  const early = drive(pace, provider, 0, 2);
  expect(pace.capacity(early)).toBeNull();
  const end = drive(pace, provider, early, 10);
  expect(pace.capacity(end)).toBeGreaterThan(6);
  expect(pace.capacity(end)).toBeLessThan(16);
});

test("the wait of the next call follows from the calls before it and from the provider's retry time", () => {
  const [pace, provider] = [new Pace(), new Provider(10)];
  expect(pace.waitMs(50, 0)).toBeNull();
  const end = drive(pace, provider, 0, 12);
  const capacity = pace.capacity(end) ?? 0;
  expect(capacity).toBeGreaterThan(0);
  expect(pace.waitMs(50, end)).toBeCloseTo(50_000 / capacity);
  expect(pace.waitMs(0, end)).toBe(0);
  pace.refused(end, end, 30_000);
  expect(pace.waitMs(0, end)).toBe(30_000);
});
