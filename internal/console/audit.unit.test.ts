// The filter of the audit trail: its times, and the acts that it offers.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { OPERATOR_ACTIONS } from "../messaging/operator-action-store.ts";
import { consoleOptions, OPERATOR, signedInAs } from "../testkit/console.ts";
import { Audit } from "./pages/audit.tsx";
import { timesOf } from "./routes/audit.tsx";

test("times are whole days or instants, in UTC; a day includes its last moment", () => {
  const read = (text: string) => timesOf(new URLSearchParams(text));
  expect(read("")).toEqual({ since: null, until: null });
  expect(read("since=&until=")).toEqual({ since: null, until: null });
  expect(read("since=2026-11-28&until=2026-11-28")).toEqual({
    since: Date.parse("2026-11-28T00:00:00Z"),
    until: Date.parse("2026-11-29T00:00:00Z"),
  });
  expect(read("since=2026-11-28T12:30:00Z").since).toBe(Date.parse("2026-11-28T12:30:00Z"));
  for (const wrong of ["since=yesterday", "until=2026-02-30"]) expect(() => read(wrong)).toThrow("(UTC)");
});

test("every act can be chosen by itself and with its family, and the times are shown as they were given", async () => {
  const filter = { actor: null, action: "run.pause", subject: null, outcome: null, since: 0, until: null };
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams("since=2026-11-28");
  const html = render(Audit({ frame, rows: [], filter, given, older: null }));
  const options = [...html.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value);
  for (const action of OPERATOR_ACTIONS) expect(options).toContain(action);
  expect(options).toContain("run.");
  expect(html).toMatch(/<option value="run.pause" selected/);
  expect(html).toMatch(/name="since" value="2026-11-28"/);
  expect(html).toContain("From (UTC)");
});
