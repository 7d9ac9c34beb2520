// How many holds in doubt a run looks up, and which ones.
import { expect, test } from "bun:test";
import { HoldsInDoubt, MAX_HOLDS_IN_DOUBT } from "./holds-in-doubt.ts";

const ids = (from: number, count: number) => Array.from({ length: count }, (_, at) => `hold ${from + at}`);

/** One run over these pages. Returns what it looks up. */
function run(holds: HoldsInDoubt, ...pages: readonly (readonly string[])[]): readonly string[] {
  holds.startRun(0);
  return pages.flatMap((page) => [...holds.ofPage(page)]);
}

test("a run looks up a limited number over all its pages, and the next runs go on with the rest", () => {
  const holds = new HoldsInDoubt();
  const pages = [ids(0, 400), ids(400, 400), ids(800, 400)];
  const all = pages.flat();
  expect(run(holds, ...pages)).toEqual(all.slice(0, MAX_HOLDS_IN_DOUBT));
  expect(holds.left).toBe(1_200 - MAX_HOLDS_IN_DOUBT);
  // Of half the span, with another one that the list shows late.
  expect(run(holds, ["late", ...ids(0, 400)], ids(400, 200))).toEqual([
    "late",
    ...ids(MAX_HOLDS_IN_DOUBT, 100),
  ]);
  expect(holds.left).toBe(0);
});

test("what two spans share is looked up once, and a hold that a page shows twice, too", () => {
  const holds = new HoldsInDoubt();
  expect(run(holds, ["a", "b", "a"], ["b", "c"])).toEqual(["a", "b", "c"]);
  expect(run(holds, ["c", "d"])).toEqual(["d"]);
});

test("a span that is read in parts, its younger holds first, is looked up once", () => {
  const holds = new HoldsInDoubt();
  const [older, younger] = [ids(0, 300), ids(300, MAX_HOLDS_IN_DOUBT)];
  expect(run(holds, younger, older)).toEqual(younger);
  expect(run(holds, older)).toEqual(older);
  expect(run(holds, younger)).toEqual([]);
});

test("it remembers a limited number", () => {
  const holds = new HoldsInDoubt();
  for (let from = 0; from < 10_500; from += MAX_HOLDS_IN_DOUBT) run(holds, ids(from, MAX_HOLDS_IN_DOUBT));
  expect(run(holds, ids(0, 1), ids(10_000, 1))).toEqual(ids(0, 1));
});

test("a look-up that fails is repeated by the next run, and those before it are not", () => {
  const holds = new HoldsInDoubt();
  holds.startRun(0);
  const failing = () => {
    for (const id of holds.ofPage(["a", "b", "c"])) if (id === "b") throw new Error("the provider is away");
  };
  expect(failing).toThrow("away");
  expect(run(holds, ["a", "b", "c"])).toEqual(["b", "c"]);
});

test("a run that was due earlier than the last run said: nothing counts as looked up, because the database may have lost it", () => {
  const holds = new HoldsInDoubt();
  const runDueAt = (dueAt: number) => {
    holds.startRun(dueAt);
    return [...holds.ofPage(["a"])];
  };
  expect(runDueAt(10)).toEqual(["a"]);
  holds.endRun(20);
  expect(runDueAt(20)).toEqual([]);
  // Another process had runs in between.
  expect(runDueAt(50)).toEqual([]);
  expect(runDueAt(10)).toEqual(["a"]);
});
