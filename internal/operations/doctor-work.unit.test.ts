import { expect, test } from "bun:test";
import type { Overview } from "../../schemas/overview.ts";
import { examine, reportOf } from "./doctor.ts";
import { judgeWork, startCommandOf } from "./doctor-work.ts";

const NOW = 10_000_000;
const known = <T>(value: T) => ({ at: NOW, value });
const role = { is_ready: true, reasons: [], version: "1.0", started_at: 0, cpu_seconds: 1, memory_bytes: 1 };

const healthy: Overview = {
  at: NOW,
  sagas: known({
    in_progress: [{ status: "STARTED", step: "reserve", count: 3, oldest_at: NOW - 10 }],
    needing_operator: 0,
    cancellations_needing_operator: 0,
    window_seconds: 60,
    started: 1,
    ended: [],
    took_ms: null,
  }),
  outboxes: [{ database: "saga", depth: known({ unpublished: 2, oldest_at: NOW - 30_000, retries: 0 }) }],
  money: known({ payments: [], refunds_pending: [], alerts: [] }),
  mails: known({ waiting: 0, oldest_at: null }),
  topics: known([
    { topic: "t", partitions: 16, messages: 5, end: 9, groups: [{ group: "order", lag: 1_000 }] },
  ]),
  dead_letters: known([{ service: "order", count: 0, oldest_seconds: 60 }]),
  roles: [{ name: "order", address: "http://x", state: known(role) }],
};

const verdicts = (change: Partial<Overview>) =>
  judgeWork({ ...healthy, ...change }, "1.0")
    .filter(({ verdict }) => verdict !== "ok")
    .map(({ check, verdict, says }) => [check, verdict, says]);

test("nothing waits too long: all ok", () => {
  expect(verdicts({})).toEqual([]);
});

test.each<[string, Partial<Overview>, readonly [string, string, string]]>([
  [
    "an event that waits longer than 30 s",
    {
      outboxes: [{ database: "saga", depth: known({ unpublished: 2, oldest_at: NOW - 30_001, retries: 4 }) }],
    },
    ["outbox", "problem", "2 events wait for Kafka, the oldest for 30 s; 4 messages wait for another try"],
  ],
  [
    "lag",
    {
      topics: known([
        { topic: "t", partitions: 1, messages: 1, end: 1, groups: [{ group: "order", lag: 1_001 }] },
      ]),
    },
    ["lag", "warning", "order has not committed 1,001 messages"],
  ],
  [
    "dead letters",
    { dead_letters: known([{ service: "order", count: 2, oldest_seconds: 60 }]) },
    ["dead letters", "warning", "open: 2 of order"],
  ],
  [
    "a payment without a result",
    {
      money: known({
        payments: [
          { status: "UNKNOWN", currency: "EUR", count: 1, amount_cents: 5, oldest_at: NOW - 900_001 },
        ],
        refunds_pending: [],
        alerts: [],
      }),
    },
    ["payments", "warning", "1 payment in EUR has no definite result, the oldest for 15 min"],
  ],
  [
    "payment alerts",
    {
      money: known({
        payments: [],
        refunds_pending: [],
        alerts: [{ kind: "amount_differs", count: 1, oldest_at: NOW }],
      }),
    },
    ["payments", "warning", "open alerts: 1 amount_differs"],
  ],
  [
    "mails",
    { mails: known({ waiting: 7, oldest_at: NOW - 7_200_000 }) },
    ["mails", "warning", "7 mails wait for another try, the oldest for 2 h"],
  ],
  [
    "a role that does not answer",
    { roles: [{ name: "relay", address: "http://x", state: { unknown_since: 1, why: "nothing answers" } }] },
    ["roles", "problem", "nothing answers"],
  ],
  [
    "a role that is not ready",
    {
      roles: [
        {
          name: "relay",
          address: "http://x",
          state: known({ ...role, is_ready: false, reasons: ["kafka: away"] }),
        },
      ],
    },
    ["roles", "problem", "not ready: kafka: away"],
  ],
  [
    "a role that works without something",
    { roles: [{ name: "relay", address: "http://x", state: known({ ...role, reasons: ["redis: away"] }) }] },
    ["roles", "warning", "ready, but redis: away"],
  ],
  [
    "a role of another version",
    { roles: [{ name: "relay", address: "http://x", state: known({ ...role, version: "0.9" }) }] },
    ["versions", "warning", "this checkoutctl is 1.0, but: relay 0.9"],
  ],
  [
    "no addresses of roles",
    { roles: [] },
    ["roles", "not checked", "OPS_URLS (the operators' address of each role process) is not set"],
  ],
  ["an unknown part", { mails: { unknown_since: 1, why: "away" } }, ["mails", "not checked", "away"]],
])("%s", (_, change, expected) => {
  expect(verdicts(change)).toEqual([[...expected]]);
});

test("sagas and cancellations that need an operator are one problem, with the command", () => {
  const sagas = {
    ...healthy.sagas,
    value: {
      ...("value" in healthy.sagas ? healthy.sagas.value : never()),
      needing_operator: 1,
      cancellations_needing_operator: 2,
    },
  };
  const found = judgeWork({ ...healthy, sagas }, "1.0").find(({ check }) => check === "sagas");
  expect(found).toMatchObject({
    verdict: "problem",
    says: "1 saga and 2 cancellations of orders need an operator",
  });
  expect(found?.todo).toContain("saga ls --stuck");
});

function never(): never {
  throw new Error("the healthy overview knows its sagas");
}

test("a check that hangs or throws hides no other, and an ok report has no problem", async () => {
  const fine = { check: "a", subject: "x", verdict: "ok", says: "fine", todo: null } as const;
  const findings = await examine(
    [
      { check: "hangs", subject: "x", run: () => new Promise(() => undefined) },
      { check: "throws", subject: "x", run: () => Promise.reject(new Error("boom")) },
      { check: "a", subject: "x", run: async () => [fine] },
    ],
    20,
  );
  const report = reportOf(findings, { now: NOW, version: "1.0" });
  expect(report.findings).toEqual([
    { check: "hangs", subject: "x", verdict: "not checked", says: "no answer within 20 ms", todo: null },
    { check: "throws", subject: "x", verdict: "not checked", says: "boom", todo: null },
    fine,
  ]);
  expect(report).toMatchObject({ ok: true, counts: { ok: 1, warning: 0, problem: 0, not_checked: 2 } });
});

test.each(["order", "order-2", "order-b", "order-db2.example"])(
  "%s of OPS_URLS is started by the unit of its role",
  (name) => {
    expect(startCommandOf(name)).toBe("systemctl start checkout-order");
  },
);

test("who has another way to start a role is told that way", () => {
  const roles = [{ name: "order-2", address: "", state: { unknown_since: 1, why: "away" } }];
  const found = judgeWork({ ...healthy, roles }, "1.0", (name) => `restart ${name}`);
  expect(found.find(({ subject }) => subject === "order-2")?.todo).toStartWith(
    "start it (restart order-2), or",
  );
});
