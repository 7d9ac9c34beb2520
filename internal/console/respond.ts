// Turns a page into a response with its headers, and tables and problems.
import type { VNode } from "preact";
import { render } from "preact-render-to-string";
import { encodedPage } from "../web/compression.ts";
import { DATA_HEADERS } from "../web/respond.ts";
import { securityHeaders } from "../web/security-headers.ts";
import { type Column, csvOf, type Cut, jsonOf } from "./parts/table.tsx";
import type { Problem } from "./problem.ts";
import { SESSION } from "./session.ts";
import type { Visit } from "./visit.ts";

interface PageOptions {
  readonly status?: number;
  readonly cookies?: readonly string[];
}

/** Pages are made for one person at one moment: no cache keeps them, also not the one behind the back button. */
export function page(
  visit: Visit,
  content: VNode,
  { status = 200, cookies = [] }: PageOptions = {},
): Response {
  const { request, nonce, options } = visit;
  const isHttps =
    options.publicUrl?.startsWith("https:") === true || request.headers.get("x-forwarded-proto") === "https";
  const headers = new Headers({
    ...securityHeaders({ nonce, isHttps, referrer: "same-origin" }),
    "content-type": "text/html; charset=utf-8",
    "content-language": "en",
    "cache-control": "no-store",
  });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  const body =
    request.method === "HEAD"
      ? null
      : encodedPage(`<!doctype html>${render(content)}`, request, headers, [SESSION]);
  return new Response(body, { status, headers });
}

/** Whether a table is wanted as a file and not as a page: with other limits, then. */
export function isExport({ query }: Visit): boolean {
  const as = query.get("as");
  return as === "csv" || as === "json";
}

/**
 * The table as the file that the address asks for with `as`; null if it asks for the page. `name` is the file's. `cut` says that there is more;
 * null if these are all rows.
 */
export function exported<Row>(
  { query }: Visit,
  name: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cut: Cut | null = null,
): Response | null {
  const as = query.get("as");
  if (as === "csv") return file(`${name}.csv`, "text/csv; charset=utf-8", csvOf(columns, rows, cut));
  if (as !== "json") return null;
  return file(`${name}.json`, "application/json", JSON.stringify(jsonOf(columns, rows, cut)));
}

/** Of a list whose first `limit` rows are in the file, after one row more was asked for: who gets it knows that there is one. */
export function cutAt<Row>(
  rows: readonly Row[],
  limit: number,
  next: (last: Row) => string | null = () => null,
): { readonly rows: readonly Row[]; readonly cut: Cut | null } {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  if (rows.length <= limit || last === undefined) return { rows, cut: null };
  return { rows: kept, cut: { why: `These are ${limit} rows, and there are more.`, next: next(last) } };
}

/** A browser saves it, and stays on the page. */
function file(name: string, type: string, text: string): Response {
  const headers = {
    ...DATA_HEADERS,
    "content-type": type,
    "content-disposition": `attachment; filename="${name}"`,
  };
  return new Response(text, { headers });
}

export function problemJson({ status, title, message }: Problem): Response {
  const problem = { type: "about:blank", title, status, detail: message };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { ...DATA_HEADERS, "content-type": "application/problem+json" },
  });
}

/** Whether whoever asks is a script or a program, which gets problem+json. */
export function wantsData({ headers }: Request): boolean {
  return !(headers.get("accept") ?? "*/*").includes("text/html");
}
