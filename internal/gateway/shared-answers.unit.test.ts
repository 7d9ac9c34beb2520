// The cache of public answers: one call per key, stale answers only while the service is away, and bounds.
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { SharedAnswers } from "./shared-answers.ts";

const away = new AppError("SERVICE_UNAVAILABLE", "away");

function cacheOf(load: (key: string, call: number) => Promise<string>) {
  const clock = { at: 1_000_000, now: () => clock.at };
  const calls: string[] = [];
  const answers = new SharedAnswers<string>({
    load: (key) => load(key, calls.push(key)),
    clock,
    freshMs: 5_000,
    staleMs: 60_000,
    restMs: 1_000,
    maxEntries: 3,
    maxCalls: 2,
  });
  return { answers, clock, calls };
}

test("many askers cost one call, until the answer is old", async () => {
  const { answers, clock, calls } = cacheOf((key, call) => Promise.resolve(`${key}${call}`));
  expect(await Promise.all(Array.from({ length: 100 }, () => answers.get("a")))).toEqual(
    Array(100).fill("a1"),
  );
  clock.at += 4_999;
  expect([await answers.get("a"), calls.length]).toEqual(["a1", 1]);
  clock.at += 1;
  expect([await answers.get("a"), calls.length]).toEqual(["a2", 2]);
});

test("while the service is away the last answer is used for a minute; the service is asked once a second", async () => {
  const { answers, clock, calls } = cacheOf((key, call) =>
    call === 1 ? Promise.resolve(key) : Promise.reject(away),
  );
  await answers.get("a");
  clock.at += 5_000;
  for (let i = 0; i < 10; i += 1) expect(await answers.get("a")).toBe("a");
  expect(calls.length).toBe(2);
  await expect(answers.get("b")).rejects.toBe(away);
  expect(calls.length).toBe(2);
  clock.at += 54_999;
  expect(await answers.get("a")).toBe("a");
  clock.at += 1_001;
  await expect(answers.get("a")).rejects.toBe(away);
});

test("a fault of one answer does not stop the others", async () => {
  const bug = new Error("bug");
  const { answers } = cacheOf((key) => (key === "bad" ? Promise.reject(bug) : Promise.resolve(key)));
  await expect(answers.get("bad")).rejects.toBe(bug);
  expect(await answers.get("a")).toBe("a");
});

test("the number of answers and of calls at once is limited", async () => {
  const { answers, calls } = cacheOf((key) => Bun.sleep(1).then(() => key));
  const all = await Promise.allSettled(["a", "b", "c", "a"].map((key) => answers.get(key)));
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  for (const key of ["c", "d", "a"]) await answers.get(key);
  // `b` was used last of all, so it had to go when the fourth came.
  const before = calls.length;
  await answers.get("b");
  expect(calls.length).toBe(before + 1);
});

test("an answer that is known to be wrong is asked for again, and still used while the service is away", async () => {
  let isAway = false;
  const { answers, clock, calls } = cacheOf((_, call) =>
    isAway ? Promise.reject(away) : Promise.resolve(`v${call}`),
  );
  await answers.get("a");
  clock.at += 1;
  expect(await answers.get("a", clock.at - 1)).toBe("v2");
  expect([await answers.get("a", clock.at - 1), calls.length]).toEqual(["v2", 2]);
  isAway = true;
  expect(await answers.get("a", clock.at)).toBe("v2");
});
