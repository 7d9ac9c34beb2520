// What the drill concludes from the notifications.
import { expect, test } from "bun:test";
import type { CaughtAlert } from "../servers/alert-catcher.ts";
import type { Outcome } from "./drill.ts";
import { Heard } from "./heard.ts";
import { reportOf } from "./report.ts";

const caught = (
  alertname: string,
  status: CaughtAlert["status"],
  received_at: number,
  labels = {},
): CaughtAlert => ({
  status,
  received_at,
  labels: { alertname, ...labels },
  annotations: {},
  startsAt: "",
  endsAt: "",
  receiver: "pages",
});

test("an alert fires from its first notification, and stops when it has stopped for all labels", () => {
  const one = { database: "saga" };
  const other = { database: "order" };
  const before = [caught("OutboxStale", "firing", 10, one), caught("OutboxStale", "firing", 20, other)];
  const during = new Heard([...before, caught("OutboxStale", "resolved", 30, one)]);
  expect(during.isFiring("OutboxStale")).toBe(true);
  expect(during.firedAt("OutboxStale", 0)).toBe(10);
  expect(during.firedAt("OutboxStale", 15)).toBe(20);
  expect(during.firedAt("OutboxStale", 25)).toBeUndefined();
  expect(during.stoppedAt("OutboxStale")).toBeUndefined();
  const after = new Heard([
    ...before,
    caught("OutboxStale", "resolved", 30, one),
    caught("OutboxStale", "resolved", 40, other),
  ]);
  expect(after.isFiring("OutboxStale")).toBe(false);
  expect(after.stoppedAt("OutboxStale")).toBe(40);
});

test("roles are told apart, and what was never told neither fires nor has stopped", () => {
  const heard = new Heard([caught("RoleAbsent", "firing", 10, { role: "relay" })]);
  expect(heard.isFiring("RoleAbsent relay")).toBe(true);
  expect(heard.isFiring("RoleAbsent order")).toBe(false);
  expect(heard.stoppedAt("RoleAbsent order")).toBeUndefined();
});

const outcome = (alert: string, firedAfter?: number, stoppedAfter?: number): Outcome => ({
  alert,
  cause: "it breaks",
  end: "it is mended",
  firedAfter,
  stoppedAfter,
});

test("a drill passes if each alert fired and stopped; the Watchdog never stops", () => {
  const { text, passed } = reportOf([outcome("OutboxStale", 12.3, 4), outcome("Watchdog", 0)], {});
  expect(passed).toBe(true);
  expect(text).toContain("2 of 2 alerts fired and stopped; 0 not drilled");
  expect(text).toContain("| OutboxStale | it breaks | 12.3 s      | it is mended     | 4 s           |");
});

test.each([
  ["did not fire", outcome("OutboxStale")],
  ["did not stop", outcome("OutboxStale", 3)],
])("a drill fails if one %s", (_, bad) => {
  const { text, passed } = reportOf([outcome("ConsumerLag", 1, 1), bad], {});
  expect(passed).toBe(false);
  expect(text).toContain("1 of 2 alerts fired and stopped");
  expect(text).toContain("FAILED OutboxStale");
});

test("alerts without a scene are listed with the reason and counted", () => {
  const { text } = reportOf([outcome("ConsumerLag", 1, 1)], {
    CertificateExpires: "there are no certificates",
  });
  expect(text).toContain("1 of 1 alerts fired and stopped; 1 not drilled");
  expect(text).toContain("- CertificateExpires: there are no certificates");
});
