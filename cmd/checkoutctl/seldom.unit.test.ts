// How often an expensive answer is asked for.
import { expect, test } from "bun:test";
import { errorOf } from "../../internal/testkit/kafka.ts";
import { seldom } from "./seldom.ts";

test("a question that is not answered yet is not asked again, whatever time has passed", async () => {
  let now = 0;
  const waiting: PromiseWithResolvers<number>[] = [];
  const ask = seldom(
    () => {
      const one = Promise.withResolvers<number>();
      waiting.push(one);
      return one.promise;
    },
    { everyMs: 10, clock: { now: () => now } },
  );
  const first = ask();
  now = 100;
  const second = ask();
  expect(waiting).toHaveLength(1);
  waiting[0]?.resolve(7);
  expect(await Promise.all([first, second])).toEqual([7, 7]);
  // It is as old as its question.
  now = 105;
  void ask();
  expect(waiting).toHaveLength(2);
  waiting[1]?.resolve(8);
  expect(await ask()).toBe(8);
  now = 114;
  expect(await ask()).toBe(8);
  expect(waiting).toHaveLength(2);
});

test("after a failure it is asked again", async () => {
  let asked = 0;
  const ask = seldom(() => Promise.reject(new Error(`no ${(asked += 1)}`)), {
    everyMs: 10,
    clock: { now: () => 0 },
  });
  expect(await errorOf(ask())).toMatchObject({ message: "no 1" });
  expect(await errorOf(ask())).toMatchObject({ message: "no 2" });
});

test("after a failure before anything was asked it is asked again", async () => {
  let asked = 0;
  const ask = seldom(
    (): Promise<number> => {
      asked += 1;
      if (asked === 1) throw new Error("not open");
      return Promise.resolve(asked);
    },
    { everyMs: 10, clock: { now: () => 0 } },
  );
  expect(await errorOf(ask())).toMatchObject({ message: "not open" });
  expect(await ask()).toBe(2);
});
