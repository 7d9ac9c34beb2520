// Random faults and latency: seeded, in bounds, and as frequent as configured.
import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { drawFault, FaultSettings, sumOfRates } from "./faults.ts";
import { parseLatency, sampleLatency } from "../kernel/latency.ts";
import { declineOf, faultOf, isKnownPaymentMethod } from "./payment-methods.ts";
import { randomStream } from "./random.ts";

const DRAWS = 20_000;

function settings(faults: Partial<FaultSettings>): FaultSettings {
  return Value.Parse(FaultSettings, { latency: "fixed:0", ...faults });
}

describe("random streams", () => {
  test("depend on seed and name only", () => {
    expect(three(1, "a")).toEqual(three(1, "a"));
    expect(three(1, "a")).not.toEqual(three(2, "a"));
    expect(three(1, "a")).not.toEqual(three(1, "b"));
  });

  test("the first numbers of many streams are uniform, which fault rates rely on", () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < DRAWS; i++) {
      const tenth = Math.floor(randomStream(1, `0198c0de-0000-7000-8000-${i}:charge/1`)() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count / DRAWS - 0.1)).toBeLessThan(0.01);
  });
});

describe("latency", () => {
  test("accepts only the three distributions", () => {
    expect(parseLatency("fixed:0")).toEqual({ kind: "fixed", ms: 0 });
    expect(parseLatency("uniform:200-500")).toEqual({ kind: "uniform", minMs: 200, maxMs: 500 });
    expect(parseLatency("lognormal:250-900")).toEqual({ kind: "lognormal", p50Ms: 250, p99Ms: 900 });
    for (const text of [
      "",
      "200",
      "uniform:500-200",
      "fixed:70000",
      "lognormal:0-9",
      "fixed:1-2",
      "normal:1-2",
    ]) {
      expect(parseLatency(text)).toBeNull();
    }
  });

  test("draws from the configured distribution", () => {
    const drawn = (text: string) => {
      const latency = parseLatency(text);
      if (latency === null) throw new Error(text);
      const random = randomStream(3, text);
      return Array.from({ length: DRAWS }, () => sampleLatency(latency, random)).toSorted((a, b) => a - b);
    };
    const uniform = drawn("uniform:200-500");
    expect(uniform[0]).toBeGreaterThanOrEqual(200);
    expect(uniform.at(-1)).toBeLessThan(500);
    const lognormal = drawn("lognormal:250-900");
    expect(lognormal[DRAWS / 2]).toBeWithin(240, 260);
    expect(lognormal[DRAWS * 0.99]).toBeWithin(840, 960);
  });
});

describe("faults", () => {
  test("occur as often as their rates say, and declines on charges only", () => {
    const mixed = settings({ decline_rate: 0.2, reply_lost_rate: 0.1 });
    expect(sumOfRates(mixed)).toBeCloseTo(0.3);
    const random = randomStream(5, "rates");
    const counts = new Map<string, number>();
    for (let i = 0; i < DRAWS; i++) {
      const fault = drawFault(mixed, random(), true) ?? "none";
      counts.set(fault, (counts.get(fault) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted()).toEqual(["decline", "none", "reply_lost"]);
    expect((counts.get("decline") ?? 0) / DRAWS).toBeWithin(0.19, 0.21);
    expect(drawFault(settings({ decline_rate: 1 }), 0.5, false)).toBeNull();
  });

  test("tokens cause faults only in their operation and for their number of attempts", () => {
    expect(faultOf("pm_sim_500_once", "charge", 1)).toBe("error_before");
    expect(faultOf("pm_sim_500_once", "charge", 2)).toBeNull();
    expect(faultOf("pm_sim_500", "charge", 9)).toBe("error_before");
    expect(faultOf("pm_sim_500", "refund", 1)).toBeNull();
    expect(faultOf("pm_sim_refund_500_once", "refund", 1)).toBe("error_before");
    expect(faultOf("pm_card_visa", "charge", 1)).toBeNull();
    expect(faultOf("constructor", "charge", 1)).toBeNull();
  });

  test("Stripe's declining tokens are accepted with the brand and without", () => {
    for (const token of ["pm_card_visa_chargeDeclinedLostCard", "pm_card_chargeDeclinedLostCard"]) {
      expect(declineOf(token)).toMatchObject({ status: 402, decline_code: "lost_card" });
      expect(isKnownPaymentMethod(token)).toBe(true);
    }
    expect(isKnownPaymentMethod("pm_card_chargeDeclinedByWhim")).toBe(false);
    expect(isKnownPaymentMethod("pm_1PqXyZ")).toBe(false);
  });
});

function three(seed: number, name: string): number[] {
  const random = randomStream(seed, name);
  return [random(), random(), random()];
}
