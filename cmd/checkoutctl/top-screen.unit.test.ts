import { expect, test } from "bun:test";
import type { Overview } from "../../schemas/overview.ts";
import { screenOf, unknownText } from "./top-screen.ts";

const NOW = Date.parse("2026-11-29T12:04:07Z");
const known = <T>(value: T, at = NOW) => ({ at, value });
const unknown = { unknown_since: NOW - 67_000, why: "connect ECONNREFUSED" };
const role = (cpu_seconds: number) => ({
  is_ready: true,
  reasons: [],
  version: "1.0",
  started_at: NOW - 600_000,
  cpu_seconds,
  memory_bytes: 64 * 2 ** 20,
});

const overview: Overview = {
  at: NOW,
  sagas: known({
    in_progress: [{ status: "COMPENSATING", step: "charge", count: 2, oldest_at: NOW - 5_000 }],
    needing_operator: 1,
    cancellations_needing_operator: 0,
    window_seconds: 30,
    started: 50,
    ended: [{ status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK", count: 40 }],
    took_ms: { p50: 700, p99: 2_800 },
  }),
  outboxes: [
    { database: "saga", depth: known({ unpublished: 7, oldest_at: NOW - 2_000, retries: 3 }) },
    { database: "order", depth: unknown },
  ],
  money: known({
    payments: [{ status: "UNKNOWN", currency: "EUR", count: 2, amount_cents: 2_500, oldest_at: NOW }],
    refunds_pending: [],
    alerts: [],
  }),
  mails: unknown,
  topics: known([
    {
      topic: "order-events",
      partitions: 16,
      messages: 5,
      end: 130,
      groups: [{ group: "orchestrator", lag: 4 }],
    },
  ]),
  dead_letters: known([{ service: "payment", count: 3, oldest_seconds: 60 }]),
  roles: [
    { name: "relay", address: "http://a", state: known(role(10)) },
    { name: "gateway", address: "http://b", state: unknown },
  ],
};

const lines = (before: Overview | null) => screenOf(overview, before).split("\n");
const lineOf = (start: string, before: Overview | null = null) =>
  lines(before)
    .find((line) => line.trimStart().startsWith(start))
    ?.replaceAll(/ +/g, " ")
    .trim();

test("rates are per minute over the window that was read", () => {
  expect(lineOf("started")).toBe(
    "started 100 per minute, ended 80 per minute: 40 COMPENSATED INSUFFICIENT_STOCK",
  );
  expect(lineOf("took")).toBe("took p50 700 ms, p99 2.8 s, without waits for shoppers at their bank");
  expect(lineOf("in progress")).toBe("in progress: 2 COMPENSATING at charge, the oldest for 5 s");
  expect(lineOf("1 NEED")).toContain("saga ls --stuck");
  expect(lineOf("2 payments")).toBe("2 payments UNKNOWN: 25.00 EUR");
});

test("what does not answer is unknown since a time, and never 0", () => {
  expect(unknownText(unknown)).toBe("unknown since 12:03:00 (connect ECONNREFUSED)");
  expect(lineOf("order ")).toBe(
    "order unknown since 12:03:00 (connect ECONNREFUSED) - - -".replace(" - - -", " - -"),
  );
  expect(lineOf("gateway")).toStartWith("gateway unknown since 12:03:00");
  const afterMails = lines(null)[lines(null).indexOf("MAILS") + 1];
  expect(afterMails).toBe("  unknown since 12:03:00 (connect ECONNREFUSED)");
});

test("the rate of a topic and the CPU of a role come from two readings", () => {
  const before: Overview = {
    ...overview,
    at: NOW - 2_000,
    topics: known(
      [{ topic: "order-events", partitions: 16, messages: 5, end: 100, groups: [] }],
      NOW - 2_000,
    ),
    roles: [{ name: "relay", address: "http://a", state: known(role(9), NOW - 2_000) }],
  };
  expect(lineOf("order-events")).toBe("order-events - orchestrator 4");
  expect(lineOf("order-events", before)).toBe("order-events 15.0 orchestrator 4");
  expect(lineOf("relay")).toBe("relay ready 10 min - 64 MiB 1.0");
  expect(lineOf("relay", before)).toBe("relay ready 10 min 50 % 64 MiB 1.0");
  const restarted = {
    ...before,
    roles: [{ name: "relay", address: "http://a", state: known(role(99), NOW - 2_000) }],
  };
  expect(lineOf("relay", restarted)).toBe("relay ready 10 min - 64 MiB 1.0");
});

test("without addresses of roles it says so", () => {
  expect(screenOf({ ...overview, roles: [] }, null)).toEndWith("ROLES\n  not known: OPS_URLS is not set");
});

test("money that was charged and whose undo is stuck is named", () => {
  if (!("value" in overview.sagas)) throw new Error("this overview knows its sagas");
  const charged_undo_stuck = [
    { currency: "EUR", count: 3, needing_operator: 3, amount_cents: 13_800, oldest_at: NOW },
  ];
  const stuck = { ...overview, sagas: known({ ...overview.sagas.value, charged_undo_stuck }) };
  expect(screenOf(stuck, null)).toContain("3 CHARGED, THE UNDO IS STUCK: 138.00 EUR");
});
