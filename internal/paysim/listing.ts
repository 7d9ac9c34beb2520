// The list and search endpoints: newest first, in pages, by Stripe's parameters (https://docs.stripe.com/api/pagination,
// https://docs.stripe.com/search). Pure. Called by the server.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import type { Collection, Identified } from "./collection.ts";
import { invalidRequest, missing, noSuch, parameterUnknown } from "./errors.ts";
import { badExpand, isExpand } from "./expand.ts";
import type { Dispute, Intent, Ledger } from "./ledger.ts";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;

type Query = URLSearchParams;
export interface Page<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
}
export type Listed<T> = { readonly page: Page<T> } | { readonly error: ProviderError };

const LIST_PARAMS = new Set(["limit", "starting_after", "ending_before"]);
const CREATED_PARAMS = ["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"];
/** Of lists of refunds and of disputes. */
const OF_CHARGE_PARAMS = new Set(["payment_intent"]);

export function listIntents(ledger: Ledger, query: Query): Listed<Intent> {
  return list(ledger.intents, query, "payment_intent", new Set(), () => true);
}

export function listRefunds(ledger: Ledger, query: Query) {
  const intentId = query.get("payment_intent");
  return list(
    ledger.refunds,
    query,
    "refund",
    OF_CHARGE_PARAMS,
    (refund) => intentId === null || refund.intentId === intentId,
  );
}

export function listDisputes(ledger: Ledger, query: Query): Listed<Dispute> {
  const intentId = query.get("payment_intent");
  return list(
    ledger.disputes,
    query,
    "dispute",
    OF_CHARGE_PARAMS,
    (dispute) => intentId === null || dispute.intentId === intentId,
  );
}

function list<T extends Identified>(
  items: Collection<T>,
  query: Query,
  object: string,
  extraParams: ReadonlySet<string>,
  wanted: (item: T) => boolean,
): Listed<T> {
  const limit = limitOf(query);
  const error =
    unknownParam(query, extraParams) ??
    badExpand(query, "data.") ??
    (typeof limit === "number" ? null : limit);
  if (error !== null) return { error };
  const cursorParam = query.has("ending_before") ? "ending_before" : "starting_after";
  const cursor = query.get(cursorParam);
  const position = cursor === null ? items.size : items.positionOf(cursor);
  if (position === undefined) return { error: noSuch(object, cursor ?? "", cursorParam, 400) };
  // Objects before the cursor's position are older; `ending_before` returns the newer ones next to the cursor.
  const step = cursorParam === "ending_before" ? 1 : -1;
  const inTime = createdFilter(query);
  const found: T[] = [];
  for (let at = position + step; found.length <= Number(limit); at += step) {
    const item = items.at(at);
    if (item === undefined) break;
    if (inTime(item) && wanted(item)) found.push(item);
  }
  const page = cut(found, Number(limit));
  return { page: step === 1 ? { ...page, data: page.data.toReversed() } : page };
}

/** The search index contains intents up to `nowMs - lagMs`. */
export function searchIntents(
  ledger: Ledger,
  query: Query,
  nowMs: number,
  lagMs: number,
): Listed<Intent> & { readonly nextPage: string | null } {
  const limit = limitOf(query);
  const text = query.get("query");
  if (text === null) return { error: missing("query"), nextPage: null };
  if (typeof limit !== "number") return { error: limit, nextPage: null };
  const unexpandable = badExpand(query, "data.");
  if (unexpandable !== null) return { error: unexpandable, nextPage: null };
  const clauses = parseSearch(text);
  const offset = Number(query.get("page") ?? 0);
  if (clauses === null || !Number.isSafeInteger(offset) || offset < 0) {
    const message =
      "We were unable to parse your search query. The payment simulator takes metadata['key']:'value' and status:'value', joined with AND.";
    return { error: invalidRequest(message, clauses === null ? "query" : "page"), nextPage: null };
  }
  const found: Intent[] = [];
  let skipped = 0;
  for (const intent of candidates(ledger, clauses)) {
    if (intent.createdMs > nowMs - lagMs || !clauses.every((clause) => matches(intent, clause))) continue;
    if (skipped++ < offset) continue;
    if (found.push(intent) > limit) break;
  }
  const page = cut(found, limit);
  return { page, nextPage: page.hasMore ? String(offset + limit) : null };
}

type Clause = { readonly field: "status" | "metadata"; readonly key: string; readonly value: string };
const CLAUSE = /^(?:status|metadata\[(['"])([^'"]+)\1\]):(['"])((?:(?!\3).)*)\3$/;

function parseSearch(text: string): Clause[] | null {
  const clauses: Clause[] = [];
  for (const part of text.trim().split(/\s+AND\s+/i)) {
    const match = CLAUSE.exec(part);
    if (match === null) return null;
    const key = match[2];
    clauses.push({ field: key === undefined ? "status" : "metadata", key: key ?? "", value: match[4] ?? "" });
  }
  return clauses;
}

/** Newest first. A search by saga uses its index; any other search reads all intents. */
function* candidates(ledger: Ledger, clauses: readonly Clause[]): Generator<Intent> {
  const bySaga = clauses.find((clause) => clause.key === "saga_id");
  if (bySaga === undefined) {
    for (let at = ledger.intents.size - 1; at >= 0; at--) {
      const intent = ledger.intents.at(at);
      if (intent !== undefined) yield intent;
    }
    return;
  }
  for (const id of ledger.intentsOfSaga(bySaga.value).toReversed()) {
    const intent = ledger.intents.get(id);
    if (intent !== undefined) yield intent;
  }
}

function matches(intent: Intent, clause: Clause): boolean {
  return (clause.field === "status" ? intent.status : intent.metadata[clause.key]) === clause.value;
}

function cut<T>(found: readonly T[], limit: number): Page<T> {
  return { data: found.slice(0, limit), hasMore: found.length > limit };
}

function limitOf(query: Query): number | ProviderError {
  const text = query.get("limit");
  if (text === null) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_LIMIT
    ? limit
    : invalidRequest(`Invalid integer: ${text}; must be from 1 to ${MAX_LIMIT}`, "limit");
}

function unknownParam(query: Query, extra: ReadonlySet<string>): ProviderError | null {
  for (const name of query.keys()) {
    if (!LIST_PARAMS.has(name) && !CREATED_PARAMS.includes(name) && !extra.has(name) && !isExpand(name)) {
      return parameterUnknown(name);
    }
  }
  for (const name of CREATED_PARAMS) {
    const value = query.get(name);
    if (value !== null && !/^\d+$/.test(value)) return invalidRequest(`Invalid integer: ${value}`, name);
  }
  return null;
}

/** Compares whole seconds, because clients see only those. */
function createdFilter(query: Query): (item: Identified) => boolean {
  const bound = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);
  const exact = query.get("created");
  const from = Math.max(bound("created[gte]", 0), bound("created[gt]", -1) + 1);
  const to = Math.min(bound("created[lte]", Infinity), bound("created[lt]", Infinity) - 1);
  return ({ createdMs }) => {
    const created = Math.floor(createdMs / 1_000);
    return created >= from && created <= to && (exact === null || created === Number(exact));
  };
}
