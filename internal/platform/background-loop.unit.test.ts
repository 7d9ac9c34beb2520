import { describe, expect, test } from "bun:test";
import { AssertionError } from "../kernel/errors.ts";
import type { RunResult } from "../kernel/ports.ts";
import { BackgroundLoop, type BackgroundLoopOptions, pauseAfter } from "./background-loop.ts";

const HOUR_MS = 3_600_000;
const FULL = { processed: 10, hasMore: true };
const SOME = { processed: 9, hasMore: false };
const NOTHING = { processed: 0, hasMore: false };

/** A loop whose runs the test resolves one by one, so that no test depends on the clock. */
function harness(overrides: Partial<BackgroundLoopOptions> = {}) {
  const logged: string[] = [];
  const runs: PromiseWithResolvers<RunResult>[] = [];
  let onRun: (() => void) | undefined;
  const loop = new BackgroundLoop({
    name: "test",
    intervalMs: HOUR_MS,
    backoffFirstMs: 1,
    backoffCapMs: 2,
    log: { error: (_, message) => logged.push(message), info: (_, message) => logged.push(message) },
    runOnce() {
      const run = Promise.withResolvers<RunResult>();
      runs.push(run);
      onRun?.();
      return run.promise;
    },
    ...overrides,
  });
  /** Waits until run number `count` has started. */
  const run = async (count: number) => {
    while (runs.length < count) await new Promise<void>((resolve) => (onRun = resolve));
    const found = runs[count - 1];
    if (found === undefined) throw new Error("no such run");
    return found;
  };
  return { loop, logged, runs, run };
}

describe("a background loop", () => {
  test("with restPerRun, pauses in proportion to the run, up to 5 s", () => {
    expect(pauseAfter(300, 0, { intervalMs: 1_000 })).toBe(1_000);
    expect(pauseAfter(200, 0, { intervalMs: 1_000, restPerRun: 4 })).toBe(1_000);
    expect(pauseAfter(300, 0, { intervalMs: 1_000, restPerRun: 4 })).toBe(1_200);
    expect(pauseAfter(30_000, 0, { intervalMs: 1_000, restPerRun: 4 })).toBe(5_000);
  });

  test("doubles the pause after each run that finds nothing, up to the idle interval", () => {
    const options = { intervalMs: 200, idleIntervalMs: 1_000 };
    expect([0, 1, 2, 3, 4, 2_000].map((idleRuns) => pauseAfter(1, idleRuns, options))).toEqual([
      200, 200, 400, 800, 1_000, 1_000,
    ]);
    expect(pauseAfter(1, 5, { intervalMs: 200 })).toBe(200);
  });

  test("returns to the normal interval when it is woken or a run finds something", async () => {
    const { loop, runs, run } = harness({ intervalMs: 1, idleIntervalMs: HOUR_MS });
    loop.start();
    let begun = 0;
    const findNothing = async (times: number) => {
      for (const last = begun + times; begun < last;) (await run((begun += 1))).resolve(NOTHING);
    };
    await findNothing(8);
    loop.wake();
    // If the pauses still grew, these runs would take the rest of an hour.
    await findNothing(8);
    (await run((begun += 1))).resolve(SOME);
    await findNothing(8);
    expect(runs).toHaveLength(begun);
    await loop.stop();
  });

  test("runs again at once after a full batch, and pauses after any other", async () => {
    const { loop, runs, run } = harness();
    loop.start();
    (await run(1)).resolve(FULL);
    (await run(2)).resolve(SOME);
    await Bun.sleep(5);
    expect(runs).toHaveLength(2);
    await loop.stop();
  });

  test("wake ends a pause", async () => {
    const { loop, run } = harness();
    loop.start();
    (await run(1)).resolve(NOTHING);
    await Bun.sleep(1);
    loop.wake();
    (await run(2)).resolve(NOTHING);
    await loop.stop();
  });

  test("lingers after a batch that was not full in spite of wake-ups, and still stops at once", async () => {
    const lingering = harness({ lingerMs: () => HOUR_MS });
    lingering.loop.start();
    (await lingering.run(1)).resolve(SOME);
    await Bun.sleep(1);
    lingering.loop.wake();
    await Bun.sleep(5);
    expect(lingering.runs).toHaveLength(1);
    await lingering.loop.stop();

    const { loop, run } = harness({ lingerMs: () => 2 });
    loop.start();
    (await run(1)).resolve(SOME);
    loop.wake();
    (await run(2)).resolve(FULL);
    (await run(3)).resolve(NOTHING);
    await loop.stop();
  });

  test("rests after a slow run however often it is woken", async () => {
    const { loop, runs, run } = harness({ restPerRun: 1_000 });
    loop.start();
    const first = await run(1);
    await Bun.sleep(5);
    first.resolve(SOME);
    await Bun.sleep(1);
    loop.wake();
    await Bun.sleep(5);
    expect(runs).toHaveLength(1);
    await loop.stop();
  });

  test("is not idle while its work waits for somebody else", async () => {
    const { loop, run } = harness({ intervalMs: 1, idleIntervalMs: HOUR_MS });
    loop.start();
    // Were the pauses growing, these would take the rest of an hour.
    for (let count = 1; count <= 20; count += 1) (await run(count)).resolve({ ...NOTHING, isBlocked: true });
    await loop.stop();
  });

  test("does not miss a wake-up during a run", async () => {
    const { loop, run } = harness();
    loop.start();
    const first = await run(1);
    loop.wake();
    first.resolve(NOTHING);
    (await run(2)).resolve(NOTHING);
    await loop.stop();
  });

  test("retries after failures, and logs the first of a streak and its end", async () => {
    const { loop, logged, run } = harness();
    loop.start();
    (await run(1)).reject(new Error("away"));
    (await run(2)).reject(new Error("still away"));
    (await run(3)).resolve(FULL);
    (await run(4)).reject(new Error("away again"));
    await run(5);
    expect(logged).toEqual([
      "test fails, retrying: away",
      "test works again",
      "test fails, retrying: away again",
    ]);
    const stopped = loop.stop();
    (await run(5)).resolve(NOTHING);
    await stopped;
  });

  test("ignores wake-ups while it fails", async () => {
    const { loop, runs, run } = harness({ backoffFirstMs: HOUR_MS, backoffCapMs: HOUR_MS });
    loop.start();
    (await run(1)).reject(new Error("away"));
    await Bun.sleep(1);
    loop.wake();
    await Bun.sleep(5);
    expect(runs).toHaveLength(1);
    await loop.stop();
  });

  test("stop waits for the run in flight, starts no new run, and may be called twice", async () => {
    const { loop, runs, run } = harness();
    loop.start();
    const first = await run(1);
    let isStopped = false;
    const stopped = Promise.all([loop.stop(), loop.stop()]).then(() => (isStopped = true));
    await Bun.sleep(1);
    expect(isStopped).toBe(false);
    first.resolve(FULL);
    await stopped;
    expect(runs).toHaveLength(1);
  });

  test("stop before start is allowed; a second start and invalid options are not", async () => {
    const { loop } = harness();
    await loop.stop();
    loop.start();
    expect(() => loop.start()).toThrow(AssertionError);
    expect(() => harness({ idleIntervalMs: 1 })).toThrow(AssertionError);
    expect(() => harness({ intervalMs: 0 })).toThrow(AssertionError);
    expect(() => harness({ backoffFirstMs: 10, backoffCapMs: 5 })).toThrow(AssertionError);
  });
});
