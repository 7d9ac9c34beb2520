import { expect, test } from "bun:test";
import { HeadSampling } from "./head-sampling.ts";

const CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNRECORDED_CALLER = CALLER.replace(/01$/, "00");

function sampling(options: Partial<ConstructorParameters<typeof HeadSampling>[0]> = {}) {
  return new HeadSampling({ ratio: 0, askedPerSecond: 0, random: () => 0.5, monotonic: () => 0, ...options });
}

test("without a caller's trace, the share of the requests decides", () => {
  const draws = [0.009, 0.01, 0, 0.999];
  const sampler = sampling({ ratio: 0.01, random: () => draws.shift() ?? 1 });
  expect([null, null, null, null].map((caller) => sampler.decide(caller).kind)).toEqual([
    "root",
    "unrecorded",
    "root",
    "unrecorded",
  ]);
});

test("no request is chosen at 0, every request at 1", () => {
  expect(sampling({ ratio: 0, random: () => 0 }).decide(null).kind).toBe("unrecorded");
  expect(sampling({ ratio: 1, random: () => 0.999_999 }).decide(null).kind).toBe("root");
});

test("a caller that does not record its trace is followed in that, whatever the share", () => {
  expect(sampling({ ratio: 1, askedPerSecond: 10 }).decide(UNRECORDED_CALLER).kind).toBe("unrecorded");
});

test("an invalid header counts as none", () => {
  const sampler = sampling({ ratio: 1, askedPerSecond: 10 });
  const unsampling = sampling({ askedPerSecond: 10 });
  const invalid = [
    "",
    "nonsense",
    `${CALLER}-x`,
    CALLER.toUpperCase(),
    CALLER.replace("00-", "ff-"),
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
  ];
  for (const caller of invalid) {
    expect(sampler.decide(caller)).toEqual({ kind: "root" });
    expect(unsampling.decide(caller)).toEqual({ kind: "unrecorded" });
  }
});

test("callers may ask for so many traces per second; beyond that the share decides", () => {
  let now = 0;
  const sampler = sampling({ askedPerSecond: 2, monotonic: () => now });
  const asked = () => sampler.decide(CALLER);
  expect([asked(), asked(), asked()]).toEqual([
    { kind: "child", parent: CALLER },
    { kind: "child", parent: CALLER },
    { kind: "unrecorded" },
  ]);
  now = 500;
  expect([asked().kind, asked().kind]).toEqual(["child", "unrecorded"]);
  // A quiet hour does not allow thousands at once.
  now = 3_600_000;
  expect([asked().kind, asked().kind, asked().kind]).toEqual(["child", "child", "unrecorded"]);
  expect(sampling({ ratio: 1, askedPerSecond: 0 }).decide(CALLER)).toEqual({ kind: "child", parent: CALLER });
});
