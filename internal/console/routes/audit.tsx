// The audit trail.
import {
  auditTrail,
  type AuditCursor,
  type AuditFilter,
  type AuditRow,
} from "../../operations/audit-trail-store.ts";
import { INSTANT_FORM, readFrom, readUntil } from "../../operations/saga-query.ts";
import { Audit, AUDIT_TIMES, auditColumns, auditMore } from "../pages/audit.tsx";
import { readFolded } from "../parts/audit-fold.ts";
import { badRequest } from "../problem.ts";
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
  const filter: AuditFilter = {
    ...timesOf(query),
    actor: text("actor"),
    action: text("action"),
    subject: text("subject"),
    outcome: text("outcome"),
  };
  const begin = cursorOf(query.get("after"));
  const read = (limit: number, after: AuditCursor | null) =>
    auditTrail(options.databases.saga, filter, { limit, after: after ?? begin });
  if (isExport(visit)) {
    const { rows, cut } = cutAt(await read(EXPORT_ROWS + 1, null), EXPORT_ROWS, (last) =>
      olderThan(last, query),
    );
    const file = exported(visit, "audit", [...auditColumns, ...auditMore], rows, cut);
    if (file !== null) return file;
  }
  const { lines, rows, hasMore } = await readFolded(read, query.get("open"), PAGE_LINES);
  const last = rows.at(-1);
  const older = hasMore && last !== undefined ? olderThan(last, query) : null;
  return page(visit, <Audit frame={visit} lines={lines} filter={filter} given={query} older={older} />);
}

/** A time that cannot be read is said: a range without it would show other acts. */
export function timesOf(query: URLSearchParams): Pick<AuditFilter, "since" | "until"> {
  const time = (name: "since" | "until", read: (text: string) => number | undefined) => {
    const text = query.get(name)?.trim() ?? "";
    if (text === "") return null;
    const at = read(text);
    if (at === undefined) throw badRequest(`${AUDIT_TIMES[name]} must be ${INSTANT_FORM}.`);
    return at;
  };
  return { since: time("since", readFrom), until: time("until", readUntil) };
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
