// The audit trail.
import { type AuditIds, auditIds, MAX_AUDIT_IDS, splitIds } from "../../operations/audit-ids.ts";
import {
  auditTrail,
  type AuditCursor,
  type AuditFilter,
  type AuditRow,
} from "../../operations/audit-trail-store.ts";
import { alreadyOpen } from "../../operations/reach.ts";
import { INSTANT_FORM, readFrom, readUntil } from "../../operations/saga-query.ts";
import { Audit, AUDIT_FIELDS, auditColumns, type AuditFaults, auditMore } from "../pages/audit.tsx";
import { readFolded } from "../parts/audit-fold.ts";
import { badRequest, Problem } from "../problem.ts";
import { cutAt, exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const auditRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/audit", name: "audit", needs: "viewer", handle: audit },
];

/** On a page, after those of a run are folded. */
const PAGE_LINES = 100;
/** In one file. Who needs more asks with a filter. */
const EXPORT_ROWS = 10_000;

async function audit(visit: SignedIn): Promise<Response> {
  const { query, options } = visit;
  const text = (name: string) => query.get(name)?.trim() || null;
  const texts = splitIds(text("subject") ?? "");
  const { since, until, faults } = timesOf(query);
  const wrong: AuditFaults =
    texts.length > MAX_AUDIT_IDS
      ? { ...faults, subject: `${AUDIT_FIELDS.subject} must be at most ${MAX_AUDIT_IDS}.` }
      : faults;
  const given = { since, until, actor: text("actor"), action: text("action"), outcome: text("outcome") };
  const sentences = Object.values(wrong);
  if (sentences.length > 0) {
    if (isExport(visit)) throw badRequest(sentences.join(" "));
    const shown = { frame: visit, lines: [], filter: { ...given, ids: null }, given: query, faults: wrong };
    return page(visit, <Audit {...shown} older={null} />, { status: 422 });
  }
  const ids = await idsOf(visit, texts);
  const filter: AuditFilter = { ...given, ids };
  const begin = cursorOf(query.get("after"));
  const read = (limit: number, after: AuditCursor | null) =>
    auditTrail(options.databases.saga, filter, { limit, after: after ?? begin });
  if (isExport(visit)) {
    const found = await read(EXPORT_ROWS + 1, null);
    refuseUnknown(ids, found);
    const { rows, cut } = cutAt(found, EXPORT_ROWS, (last) => olderThan(last, query));
    const file = exported(visit, "audit", [...auditColumns, ...auditMore], rows, cut);
    if (file !== null) return file;
  }
  const { lines, rows, hasMore } = await readFolded(read, query.get("open"), PAGE_LINES);
  const last = rows.at(-1);
  const older = hasMore && last !== undefined ? olderThan(last, query) : null;
  return page(
    visit,
    <Audit frame={visit} lines={lines} filter={filter} given={query} ids={ids} older={older} />,
  );
}

/** Null without any. A file could not say that a database did not answer, so there is none. */
async function idsOf(visit: SignedIn, texts: readonly string[]): Promise<AuditIds | null> {
  if (texts.length === 0) return null;
  const { bulk, databases } = visit.options;
  const ids = await auditIds(alreadyOpen(databases), texts, bulk.readDeadLetters);
  if (isExport(visit) && ids.missing.length > 0)
    throw new Problem(
      503,
      "Nothing can be listed",
      ids.missing.map(({ database, reason }) => `${database} does not answer (${reason}).`).join(" "),
    );
  return ids;
}

/** Nor could it say that an id is a wrong one: whoever asked for three would take the lines of two for all. */
function refuseUnknown(ids: AuditIds | null, rows: readonly AuditRow[]): void {
  const unknown = ids?.unknown.filter((id) => rows.every(({ subject }) => subject !== id)) ?? [];
  if (unknown.length > 0) throw badRequest(`Nothing has the id ${unknown.join(", ")}.`);
}

/** A time that cannot be read is an error: a range without it would show other acts. */
export function timesOf(
  query: URLSearchParams,
): Pick<AuditFilter, "since" | "until"> & { readonly faults: AuditFaults } {
  const time = (name: "since" | "until", read: (text: string) => number | undefined) => {
    const text = query.get(name)?.trim() ?? "";
    return text === "" ? null : read(text);
  };
  const [since, until] = [time("since", readFrom), time("until", readUntil)];
  const errorOf = (name: "since" | "until") => ({ [name]: `${AUDIT_FIELDS[name]} must be ${INSTANT_FORM}.` });
  return {
    since: since ?? null,
    until: until ?? null,
    faults: {
      ...(since === undefined ? errorOf("since") : {}),
      ...(until === undefined ? errorOf("until") : {}),
    },
  };
}

function olderThan(last: AuditRow, query: URLSearchParams): string {
  const next = new URLSearchParams(query);
  next.set("after", `${last.at}_${last.action_id}`);
  return `/audit?${next}`;
}

function cursorOf(text: string | null): AuditCursor | null {
  const [, at, action_id] = /^(\d+(?:\.\d+)?)_([0-9a-f-]{36})$/.exec(text ?? "") ?? [];
  return at === undefined || action_id === undefined ? null : { at: Number(at), action_id };
}
