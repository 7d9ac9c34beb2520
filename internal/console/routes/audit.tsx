// The audit trail.
import {
  auditTrail,
  type AuditCursor,
  type AuditFilter,
  type AuditRow,
} from "../../operations/audit-trail-store.ts";
import { INSTANT_FORM, readFrom, readUntil } from "../../operations/saga-query.ts";
import { Audit, AUDIT_TIMES, auditColumns, auditMore } from "../pages/audit.tsx";
import { badRequest } from "../problem.ts";
import { cutAt, exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const auditRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/audit", name: "audit", needs: "viewer", handle: audit },
];

const PAGE_ROWS = 100;
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
  const limit = isExport(visit) ? EXPORT_ROWS : PAGE_ROWS;
  const found = await auditTrail(options.databases.saga, filter, {
    limit: limit + 1,
    after: cursorOf(query.get("after")),
  });
  const { rows, cut } = cutAt(found, limit, (last) => olderThan(last, query));
  const file = exported(visit, "audit", [...auditColumns, ...auditMore], rows, cut);
  if (file !== null) return file;
  return page(
    visit,
    <Audit frame={visit} rows={rows} filter={filter} given={query} older={cut?.next ?? null} />,
  );
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
