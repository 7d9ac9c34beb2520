// How many checkouts may be under way, and what is told to the next one.
import { describe, expect, test } from "bun:test";
import { Admission, refusalOf } from "./admission.ts";
import type { Backlog } from "./intake-store.ts";

const LIMITS = { openSagas: 100, unpublished: 1_000 };
const backlog = (openSagas: number, unpublished: number): Backlog => ({ openSagas, unpublished });

describe("a checkout is kept out", () => {
  test("by too many under way, or too much waiting for Kafka, and by nothing less", () => {
    expect(refusalOf(backlog(99, 999), LIMITS, false)).toBeNull();
    expect(refusalOf(backlog(100, 0), LIMITS, false)).toBe("100 checkouts are under way, and 100 may be");
    expect(refusalOf(backlog(0, 1_000), LIMITS, false)).toBe("1000 messages wait for Kafka, and 1000 may");
  });

  test("until there is some room again, not just for one", () => {
    expect(refusalOf(backlog(80, 0), LIMITS, true)).not.toBeNull();
    expect(refusalOf(backlog(0, 800), LIMITS, true)).not.toBeNull();
    expect(refusalOf(backlog(79, 799), LIMITS, true)).toBeNull();
  });
});

describe("between two measurements", () => {
  const lines: string[] = [];
  const line = (_: object, message: string) => void lines.push(message);
  const gauges: Record<string, number> = {};
  const gauge = (name: string) => ({ set: (_: object, value: number) => void (gauges[name] = value) });

  function admission(measured: Backlog[]) {
    lines.length = 0;
    return new Admission({
      limits: LIMITS,
      measure: () => Promise.resolve(measured.shift() ?? backlog(0, 0)),
      log: { info: line, warn: line },
      metrics: { openSagas: gauge("open"), refusing: gauge("refusing") },
    });
  }

  test("those that come in are counted, so that a burst does not run past the limit", async () => {
    const gate = admission([backlog(90, 0), backlog(95, 0), backlog(10, 0)]);
    await gate.runOnce();
    gate.taken(9);
    expect(gate.refusal).toBeNull();
    gate.taken(1);
    expect(gate.refusal).not.toBeNull();
    // The measurement has seen them: they do not count twice.
    await gate.runOnce();
    expect(gate.refusal).toBe("95 checkouts are under way, and 100 may be");
    expect(gauges).toEqual({ open: 95, refusing: 1 });
    await gate.runOnce();
    expect(gate.refusal).toBeNull();
    expect(gauges).toEqual({ open: 10, refusing: 0 });
  });

  test("the change of mind is logged, once each way", async () => {
    const gate = admission([backlog(100, 0), backlog(100, 0), backlog(0, 0), backlog(0, 0)]);
    for (let run = 0; run < 4; run++) await gate.runOnce();
    expect(lines).toEqual([
      "no more checkouts are taken for now: 100 checkouts are under way, and 100 may be",
      "checkouts are taken again",
    ]);
  });
});
