import { expect, test } from "bun:test";
import { Groups } from "./groups.ts";

test("items that arrive together form one group, items that arrive meanwhile form the next, and no group exceeds the maximum", async () => {
  const groups: number[][] = [];
  const first = Promise.withResolvers<void>();
  await using lingering = new Groups<number>({
    maxGroup: 3,
    maxInFlight: 1,
    lingerMs: () => 0,
    serve: async (group) => {
      groups.push([...group]);
      if (groups.length === 1) await first.promise;
    },
  });
  lingering.add(1);
  lingering.add(2);
  while (lingering.waiting > 0) await Bun.sleep(1);
  for (const item of [3, 4, 5, 6]) lingering.add(item);
  expect(groups).toEqual([[1, 2]]);
  first.resolve();
  await lingering[Symbol.asyncDispose]();
  expect(groups).toEqual([[1, 2], [3, 4, 5], [6]]);
});

test("an item that has waited its linger time while others were served goes as soon as there is room", async () => {
  const lingerMs = 200;
  const served: string[] = [];
  const first = Promise.withResolvers<void>();
  await using lingering = new Groups<string>({
    maxGroup: 10,
    maxInFlight: 1,
    lingerMs: () => lingerMs,
    async serve(group) {
      served.push(...group);
      if (served.length === 1) await first.promise;
    },
  });
  lingering.add("a");
  while (served.length === 0) await Bun.sleep(1);
  lingering.add("b");
  await Bun.sleep(lingerMs);
  first.resolve();
  await Bun.sleep(lingerMs / 4);
  expect(served).toEqual(["a", "b"]);
});

test("closing serves the waiting items at once", async () => {
  const served: string[] = [];
  const lingering = new Groups<string>({
    maxGroup: 10,
    maxInFlight: 2,
    lingerMs: () => 60_000,
    serve: async (group) => void served.push(...group),
  });
  lingering.add("a");
  await Promise.all([lingering[Symbol.asyncDispose](), lingering[Symbol.asyncDispose]()]);
  expect([served, lingering.isClosed]).toEqual([["a"], true]);
});
