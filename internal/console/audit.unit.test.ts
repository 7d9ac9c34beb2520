// The filter of the audit trail: its times, and the acts that it offers.
import { expect, test } from "bun:test";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { csvOf } from "./parts/table.tsx";
import { render } from "preact-render-to-string";
import { OPERATOR_ACTIONS } from "../messaging/operator-action-store.ts";
import { consoleOptions, NOW, OPERATOR, sagaId, signedInAs } from "../testkit/console.ts";
import { MAX_AUDIT_IDS } from "../operations/audit-ids.ts";
import type { AuditRow } from "../operations/audit-trail-store.ts";
import type { Missing } from "../operations/reach.ts";
import { Audit, auditColumns, auditMore } from "./pages/audit.tsx";
import { foldedLines, readFolded, rowCountOf } from "./parts/audit-fold.ts";
import { timesOf } from "./routes/audit.tsx";

test("times are whole days or instants, in UTC; a day includes its last moment", () => {
  const read = (text: string) => timesOf(new URLSearchParams(text));
  expect(read("")).toEqual({ since: null, until: null, faults: {} });
  expect(read("since=&until=")).toEqual({ since: null, until: null, faults: {} });
  expect(read("since=2026-11-28&until=2026-11-28")).toEqual({
    since: Date.parse("2026-11-28T00:00:00Z"),
    until: Date.parse("2026-11-29T00:00:00Z"),
    faults: {},
  });
  expect(read("since=2026-11-28T12:30:00Z").since).toBe(Date.parse("2026-11-28T12:30:00Z"));
  for (const wrong of [
    "yesterday",
    "2026-02-30",
    "2026-02-30 12:00",
    "2026-11-28 25:00",
    "2026-11-28 1:00",
  ]) {
    expect(read(`since=${wrong}`).faults.since).toStartWith("From (UTC) must be a time such as");
    expect(read(`until=${wrong}`).faults.until).toStartWith("Until (UTC) must be a time such as");
  }
});

test("a time is taken as the page prints it, and as an end it includes its last moment", () => {
  const at = (text: string) => {
    const { since, until } = timesOf(new URLSearchParams({ since: text, until: text }));
    return [since, until].map((time) => new Date(time ?? NaN).toISOString());
  };
  expect(at("2026-11-30 13:08")).toEqual(["2026-11-30T13:08:00.000Z", "2026-11-30T13:09:00.000Z"]);
  expect(at("2026-11-30 13:08:05")).toEqual(["2026-11-30T13:08:05.000Z", "2026-11-30T13:08:06.000Z"]);
  expect(at("2026-11-30 13:08:05.123 UTC")).toEqual(["2026-11-30T13:08:05.123Z", "2026-11-30T13:08:05.124Z"]);
});

test("every act can be chosen by itself and with its family, and the times are shown as they were given", async () => {
  const filter = { actor: null, action: "run.pause", ids: null, outcome: null, since: 0, until: null };
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams("since=2026-11-28");
  const html = render(Audit({ frame, lines: [], filter, given, older: null }));
  const options = [...html.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value);
  for (const action of OPERATOR_ACTIONS) expect(options).toContain(action);
  expect(options).toContain("run.");
  expect(html).toMatch(/<option value="run.pause" selected/);
  expect(html).toMatch(/name="since" value="2026-11-28"/);
  expect(html).toContain("From (UTC)");
  // All the ids that it takes have room in it: a browser cuts what is pasted.
  const room = Number(/name="subject"[^>]*maxlength="(\d+)"/i.exec(html)?.[1]);
  expect(room).toBeGreaterThan(MAX_AUDIT_IDS * (sagaId(1).length + 2));
});

const FILTER = { actor: null, action: null, ids: null, outcome: null, since: null, until: null };

function lineOf(number: number, run: number, outcome = "handled"): AuditRow {
  const ids = { action_id: sagaId(number), run_id: sagaId(run), subject: sagaId(number), saga_id: null };
  const who = { actor: "ada", reason: "the fix is out", address: null, parameters: null, detail: null };
  const ended = { order_id: null, is_cancellation: false, ended: null, ended_at: null };
  return { ...ids, ...who, ...ended, action: "dead-letter.replay", outcome, at: NOW - number };
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
  // Three before a pause and three after a resume, with a filter that hides what is between them.
  const resumed = [1, 2, 3].map((number) => ({ ...lineOf(number, 93), reason: "resumed by bob" }));
  const halves = foldedLines([...resumed, lineOf(4, 93), lineOf(5, 93), lineOf(6, 93)], null);
  expect(halves.map(({ reason, more }) => [reason, more])).toEqual([
    ["resumed by bob", 2],
    ["the fix is out", 2],
  ]);
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

test("a cancellation shows what became of it, with the number of its order", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams();
  const began = { ...lineOf(1, 90, "cancelling"), action: "order.cancel", saga_id: sagaId(2) };
  const rowOf = (ended: AuditRow["ended"]) => ({
    ...began,
    order_id: began.subject,
    is_cancellation: true,
    ended,
    ended_at: ended === null ? null : NOW,
  });
  const htmlOf = (row: AuditRow) =>
    render(Audit({ frame, lines: foldedLines([row], null), filter: FILTER, given, older: null }));
  expect(htmlOf(rowOf("cancelled"))).toMatch(/status is-good.*?<span>cancelled<.*?2026-11-29 12:04:05/);
  expect(htmlOf(rowOf("refused"))).toMatch(/status is-bad.*?<span>refused</);
  expect(htmlOf(rowOf(null))).toContain("<span>under way<");
  expect(htmlOf(rowOf(null))).not.toContain("status is-good");
  const number = orderNumberOf(began.subject);
  expect(htmlOf(rowOf(null))).toContain(`<span class="mono nowrap">${number}</span>`);
  const [head = "", line = ""] = csvOf([...auditColumns, ...auditMore], [rowOf("cancelled")]).split("\r\n");
  const cells = line.split(",");
  const cellOf = (name: string) => cells[head.split(",").indexOf(name)];
  expect(["outcome", "written_outcome", "ended_at", "order_number"].map(cellOf)).toEqual([
    "cancelled",
    "cancelling",
    "2026-11-29T12:04:05.000Z",
    number,
  ]);
});

test("an act and the line that it is asked for in the console are one line; other neighbours are not", () => {
  const act = { ...lineOf(1, 90, "cancelling"), action: "order.cancel", saga_id: sagaId(2) };
  const asked = {
    ...lineOf(3, 91, "asked"),
    action: "console.act",
    saga_id: sagaId(2),
    parameters: { act: "order.cancel" },
  };
  const shown = (rows: readonly AuditRow[]) =>
    foldedLines(rows, null).map((line) => [line.action, line.asked?.action ?? null]);
  const folded = [["order.cancel", "console.act"]];
  expect(shown([act, asked])).toEqual(folded);
  const [line] = foldedLines([act, { ...asked, address: "192.0.2.7" }], null);
  expect(line?.address).toBe("192.0.2.7");
  // The clock of the orchestrator is behind.
  expect(shown([asked, act])).toEqual(folded);
  expect(rowCountOf(foldedLines([act, asked, lineOf(5, 92)], null))).toBe(3);
  for (const other of [
    { ...asked, actor: "eve" },
    { ...asked, saga_id: sagaId(8) },
    { ...asked, parameters: { act: "saga.cancel" } },
    { ...asked, parameters: null },
    { ...asked, at: NOW - 120_000 },
  ])
    expect(shown([act, other]).length).toBe(2);
  const paused = { ...lineOf(5, 93, "paused"), action: "run.pause" };
  const askedFor = (subject: string) => ({
    ...asked,
    saga_id: null,
    subject,
    parameters: { act: "run.pause" },
  });
  expect(shown([paused, askedFor(paused.subject)])).toEqual([["run.pause", "console.act"]]);
  expect(shown([paused, askedFor(sagaId(6))]).length).toBe(2);
  const planned = { ...lineOf(7, 94, "planned"), action: "plan.create" };
  const plan = { ...asked, saga_id: null, subject: "dead-letter.replay", parameters: { act: "plan.create" } };
  expect(shown([planned, plan])).toEqual([["plan.create", "console.act"]]);
});

test("what a run does comes from that run, and an act of the command line from nobody knows where", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams();
  const htmlOf = (row: AuditRow) =>
    render(Audit({ frame, lines: foldedLines([row], null), filter: FILTER, given, older: null }));
  expect(htmlOf(lineOf(1, 90))).toContain(`<a class="nowrap" href="/runs/${sagaId(90)}">its run</a>`);
  expect(htmlOf({ ...lineOf(1, 90), action: "saga.cancel" })).toContain("not known");
});

test("a wrong time is said beside the form, which keeps what was typed, and a file is refused", async () => {
  const browser = new ConsoleBrowser(consoleOptions());
  await browser.post("/sign-in", { token: "token-of-vic" });
  const path = "/audit?actor=sofia&since=soon&until=2026-11-30%2013:08";
  const answer = await browser.get(path, { accept: "text/html" });
  const html = await answer.text();
  expect(answer.status).toBe(422);
  expect(html).toMatch(/name="since" value="soon"[^>]*aria-invalid="true" aria-describedby="fault-since"/);
  expect(html).toMatch(/<li id="fault-since">From \(UTC\) must be a time such as/);
  expect(html).toMatch(/name="actor" value="sofia"/);
  expect(html).toMatch(/name="until" value="2026-11-30 13:08"/);
  expect(html).not.toContain("fault-until");
  expect((await browser.get(`${path}&as=csv`, {})).status).toBe(422);
  const many = Array.from({ length: 13 }, (_, index) => sagaId(index)).join(",");
  const tooMany = await browser.get(`/audit?subject=${many}`, { accept: "text/html" });
  expect([tooMany.status, (await tooMany.text()).includes('id="fault-subject"')]).toEqual([422, true]);
});

test("an id that no database knows is said, and not called unknown to a database that does not answer", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const given = new URLSearchParams({ subject: sagaId(1) });
  const textOf = (missing: readonly Missing[]) => {
    const ids = { unknown: [sagaId(1)], missing };
    const html = render(Audit({ frame, lines: [], filter: FILTER, given, ids, older: null }));
    return html.replaceAll(/<[^>]*>/g, "");
  };
  expect(textOf([])).toContain(`Nothing has the id ${sagaId(1)}, so`);
  const away = textOf([{ database: "order", reason: "connect ECONNREFUSED" }]);
  expect(away).toContain(`Nothing that was looked at has the id ${sagaId(1)}, so`);
  expect(away).toContain("Not everything was looked at: order (connect ECONNREFUSED).");
});
