// The filter of the audit trail: its times, and the acts that it offers.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { OPERATOR_ACTIONS } from "../messaging/operator-action-store.ts";
import { consoleOptions, NOW, OPERATOR, sagaId, signedInAs } from "../testkit/console.ts";
import type { AuditRow } from "../operations/audit-trail-store.ts";
import { Audit } from "./pages/audit.tsx";
import { foldedLines, readFolded } from "./parts/audit-fold.ts";
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
  const html = render(Audit({ frame, lines: [], filter, given, older: null }));
  const options = [...html.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value);
  for (const action of OPERATOR_ACTIONS) expect(options).toContain(action);
  expect(options).toContain("run.");
  expect(html).toMatch(/<option value="run.pause" selected/);
  expect(html).toMatch(/name="since" value="2026-11-28"/);
  expect(html).toContain("From (UTC)");
});

const FILTER = { actor: null, action: null, subject: null, outcome: null, since: null, until: null };

function lineOf(number: number, run: number, outcome = "handled"): AuditRow {
  const ids = { action_id: sagaId(number), run_id: sagaId(run), subject: sagaId(number), saga_id: null };
  const who = { actor: "ada", reason: "the fix is out", address: null, parameters: null, detail: null };
  return { ...ids, ...who, action: "dead-letter.replay", outcome, at: NOW - number };
}

test("lines of one run that say the same are folded, and others of it are not", () => {
  const rows = [
    lineOf(1, 90),
    lineOf(2, 91),
    lineOf(3, 91),
    lineOf(4, 91),
    lineOf(5, 91, "failed"),
    lineOf(6, 92),
    lineOf(7, 92),
  ];
  const shown = (open: string | null) =>
    foldedLines(rows, open).map(({ action_id, more }) => [action_id, more]);
  expect(shown(null)).toEqual([
    [sagaId(1), 0],
    [sagaId(2), 2],
    [sagaId(5), 0],
    [sagaId(6), 0],
    [sagaId(7), 0],
  ]);
  expect(shown(sagaId(91)).length).toBe(rows.length);
  expect(foldedLines([], null)).toEqual([]);
});

test("a folded run opens by a link that keeps the filter, and is folded again by one on its first line", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const rows = [lineOf(2, 91), lineOf(3, 91), lineOf(4, 91)];
  const htmlOf = (query: string) => {
    const given = new URLSearchParams(query);
    return render(
      Audit({ frame, lines: foldedLines(rows, given.get("open")), filter: FILTER, given, older: null }),
    );
  };
  const folded = htmlOf("actor=ada");
  expect(folded).toContain(
    `<a href="/audit?actor=ada&amp;open=${sagaId(91)}">and 2 more lines of this run</a>`,
  );
  expect(folded).not.toContain(sagaId(3));
  const open = htmlOf(`actor=ada&open=${sagaId(91)}`);
  expect(open).toContain(sagaId(4));
  expect(open.match(/<a href="\/audit\?actor=ada">fold this run<\/a>/g)?.length).toBe(1);
});

test("a page goes on behind the lines of a bulk run, and the next one follows without a gap", async () => {
  // One run of 3,000, then 120 acts by themselves, with a second run of 10 in the middle of them.
  const trail = Array.from({ length: 3_130 }, (_, index) => {
    const isSecond = index >= 3_030 && index < 3_040;
    return lineOf(index, index < 3_000 ? 9_000 : isSecond ? 9_001 : 10_000 + index);
  });
  const reads: number[] = [];
  const pageAfter = (from: AuditRow | null, open: string | null = null) =>
    readFolded(
      async (limit, after) => {
        reads.push(limit);
        const start = after ?? from;
        return trail.slice(start === null ? 0 : trail.indexOf(start) + 1).slice(0, limit);
      },
      open,
      50,
    );
  const first = await pageAfter(null);
  expect(reads.length).toBeLessThan(6);
  expect(first.lines.map(({ more }) => more)).toEqual([
    2_999,
    ...Array<number>(30).fill(0),
    9,
    ...Array<number>(18).fill(0),
  ]);
  const second = await pageAfter(first.rows.at(-1) ?? null);
  const third = await pageAfter(second.rows.at(-1) ?? null);
  expect([...first.rows, ...second.rows, ...third.rows]).toEqual(trail);
  expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
  expect((await pageAfter(null, sagaId(9_000))).rows.length).toBe(50);
});

test("a run that is longer than all that a page reads leaves the rest to the next page", async () => {
  const trail = Array.from({ length: 12_000 }, (_, index) => lineOf(index, 90_000));
  const read = async (limit: number, after: AuditRow | null) =>
    trail.slice(after === null ? 0 : trail.indexOf(after) + 1).slice(0, limit);
  const { lines, rows, hasMore } = await readFolded(read, null, 50);
  expect([rows.length, hasMore]).toEqual([9_200, true]);
  expect(lines.map(({ more }) => more)).toEqual([9_199]);
});

test("what only began has no tick: its end may be another one", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams();
  const htmlOf = (outcome: string) =>
    render(
      Audit({
        frame,
        lines: foldedLines([lineOf(1, 90, outcome)], null),
        filter: FILTER,
        given,
        older: null,
      }),
    );
  expect(htmlOf("cancelling")).not.toContain("status is-good");
  expect(htmlOf("handled")).toContain("status is-good");
  expect(htmlOf("refused")).toContain("status is-bad");
});
