// What the overview says while something is wrong that nobody has told it: an intake that died, work that waits too long.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { known, NOW, quietSnapshot } from "../testkit/console.ts";
import type { Snapshot } from "./collector.ts";
import { OVERVIEW_PARTS } from "./pages/overview.tsx";

const MINUTE_MS = 60_000;

const part = (id: string, snapshot: Snapshot) => {
  const Part = OVERVIEW_PARTS[id];
  if (Part === undefined) throw new Error(`there is no part ${id}`);
  return render(Part({ snapshot, now: NOW }));
};

describe("the last hour", () => {
  const startedAMinute = (minutesAgo: number) => {
    const at = Math.floor(NOW / MINUTE_MS) * MINUTE_MS - minutesAgo * MINUTE_MS;
    const minutes = [{ at, started: 9_000, completed: 8_990, compensated: 10 }];
    const hour = known({ minutes, p50_ms: 1_900, p99_ms: 2_800, completed: 8_990, compensated: 10 });
    const html = part("o-hour", { ...quietSnapshot(), hour });
    return /<dt>Started a minute<\/dt><dd>([^<]*)<\/dd>/.exec(html)?.[1];
  };

  test("an intake that takes nothing any more shows 0, and not its last good minute", () => {
    expect([1, 2, 40].map(startedAMinute)).toEqual(["9,000", "0", "0"]);
    // The minute in progress is not whole yet.
    expect(startedAMinute(0)).toBe("0");
  });
});
