// What doctor makes of the Sentinels' words.
import { expect, test } from "bun:test";
import { type AwaySentinel, judgeSentinels, type SentinelFacts } from "./doctor-sentinels.ts";

const GOOD: SentinelFacts = {
  place: "s1:26379",
  master: "r1:6379",
  isMasterDown: false,
  sentinels: 3,
  quorum: 2,
  replicas: 2,
  goodReplicas: 1,
  disagreement: undefined,
};
const other = (place: string, facts: Partial<SentinelFacts> = {}) => ({ ...GOOD, place, ...facts });
const away = (place: string): AwaySentinel => ({ place, why: "connect ECONNREFUSED" });
const verdicts = (all: readonly (SentinelFacts | AwaySentinel)[]) =>
  judgeSentinels(all).map(({ verdict }) => verdict);

test("three that agree are ok", () => {
  const findings = judgeSentinels([GOOD, other("s2:26379"), other("s3:26379")]);
  expect(findings.map(({ verdict }) => verdict)).toEqual(["ok", "ok", "ok"]);
  expect(findings[0]).toEqual({
    check: "sentinels",
    subject: "s1:26379",
    verdict: "ok",
    says: "knows the master r1:6379, 1 of 2 replicas, 3 Sentinels (quorum 2)",
    todo: null,
  });
});

test("one that is away is a warning, two of three are a problem", () => {
  expect(verdicts([GOOD, other("s2:26379"), away("s3:26379")])).toEqual(["ok", "ok", "warning"]);
  expect(verdicts([GOOD, away("s2:26379"), away("s3:26379")])).toEqual(["ok", "problem", "problem"]);
});

test.each([
  [{ isMasterDown: true }, "problem", "it cannot reach the master r1:6379"],
  [
    { disagreement: "NOQUORUM 1 usable Sentinels" },
    "problem",
    "the Sentinels could not agree on a failover: NOQUORUM 1 usable Sentinels",
  ],
  [
    { goodReplicas: 0, replicas: 0 },
    "warning",
    "the master r1:6379 has no replica: nothing could take its place",
  ],
  [
    { goodReplicas: 0 },
    "warning",
    "the master r1:6379 has 2 replicas, and none follows it: nothing could take its place",
  ],
  [{ sentinels: 2 }, "warning", "knows 2 Sentinels: with fewer than 3 none may fail"],
] as const)("%j is a %s", (facts, verdict, says) => {
  expect(judgeSentinels([other("s1:26379", facts)])[0]).toMatchObject({
    verdict,
    says,
    todo: expect.any(String),
  });
});

test("the one that names another master than most is found", () => {
  const all = [other("s1:26379", { master: "r2:6379" }), other("s2:26379"), other("s3:26379")];
  expect(verdicts(all)).toEqual(["warning", "ok", "ok"]);
  expect(judgeSentinels(all)[0]?.says).toBe("says that the master is r2:6379, most say r1:6379");
});
