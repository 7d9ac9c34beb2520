import { describe, expect, test } from "bun:test";
import { lingerMs, IDLE, type Load, LoadMeter, MAX_LINGER_MS, observeLoad } from "./linger.ts";

/** Polls that each bring `messages` after `elapsedMs`, until the rate is stable. */
function steady(messages: number, elapsedMs: number, from: Load = IDLE, workMs = 0): Load {
  let load = from;
  for (let time = 0; time < 5_000; time += elapsedMs) load = observeLoad(load, messages, elapsedMs, workMs);
  return load;
}

describe("the linger follows the load", () => {
  test("an idle consumer does not wait, and neither does a lone order", () => {
    expect(lingerMs(IDLE)).toBe(0);
    expect(lingerMs(observeLoad(steady(0, 500), 1, 800))).toBe(0);
  });

  test("a few ms at 10,000 orders a minute, which are a few hundred messages a second", () => {
    expect(lingerMs(steady(4, 12))).toBe(4);
  });

  test("tens of ms at a thousand a second, and never more than the limit", () => {
    expect(lingerMs(steady(40, 40))).toBe(31);
    expect(lingerMs(steady(2_000, 20))).toBe(MAX_LINGER_MS);
  });

  test("on a machine short of CPU it is twice as long as the slow batches take", () => {
    expect(lingerMs(steady(10, 60, IDLE, 20))).toBeWithin(38, 41);
    expect(lingerMs(steady(40, 240, IDLE, 80))).toBe(MAX_LINGER_MS);
  });

  test("a few messages do not wait for each other, however long their own work took", () => {
    expect(lingerMs(steady(1, 500, IDLE, 40))).toBeLessThan(5);
  });

  test("it grows within two batches of a flash sale", () => {
    const load = observeLoad(observeLoad(IDLE, 2_000, 100), 2_000, 100);
    expect(lingerMs(load)).toBeGreaterThan(50);
  });

  test("it is short again after two seconds without messages", () => {
    expect(lingerMs(observeLoad(steady(2_000, 100), 0, 2_000))).toBeLessThan(10);
  });

  test("it is a number even when the clock stands still", () => {
    expect(lingerMs(observeLoad(IDLE, 10, 0))).toBeGreaterThanOrEqual(0);
  });

  test("a batch delayed for minutes by a failure is forgotten as soon as one of the longest wait", () => {
    const heldUp = observeLoad(IDLE, 10, 300_000, 299_900);
    const after = (load: Load) => steady(10, 60, observeLoad(load, 10, 1_000, 2), 2);
    expect(lingerMs(observeLoad(heldUp, 10, 1_000, 2))).toBeLessThan(35);
    expect(lingerMs(after(heldUp))).toBeLessThan(7);
  });
});

test("a meter measures from one call to the next", () => {
  let now = 0;
  const meter = new LoadMeter(() => now);
  const twice = [1_000, 1_400].map((time) => {
    now = time;
    meter.saw(40, 10);
    return meter.load;
  });
  expect(twice).toEqual([
    observeLoad(IDLE, 40, 1_000, 10),
    observeLoad(observeLoad(IDLE, 40, 1_000, 10), 40, 400, 10),
  ]);
});
