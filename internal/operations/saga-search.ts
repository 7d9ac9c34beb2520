// Searches sagas by any criteria, newest first, page by page. Called by `checkoutctl saga find` and the console.
//
// Criteria of other services (order, payment, product ...) become saga ids there first. Then the most selective criterion names the
// candidates, through an index, and the others filter them. Candidates are read to a depth: a page that is not full by then says how far
// back it looked, and the next one goes on from there. So a page takes the same time however many sagas there are.
import { SAGA_STATUSES, type SagaStatus } from "../../schemas/http.ts";
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import {
  sagasOfOrder,
  sagasOfPayment,
  sagasOfProviderId,
  sagasOfRefund,
  sagasOfReservation,
  sagasOfSkus,
  withSkus,
} from "./saga-lookup-store.ts";
import { type Missing, missingOf, type OpenDatabases, reach } from "./reach.ts";
import type { SagaQuery } from "./saga-query.ts";
import { type NamedProduct, productsNamed } from "./saga-search-products-store.ts";
import {
  countMatches,
  countOfUser,
  endOfDepth,
  fewSagas,
  type FoundSaga,
  readPage,
  type Source,
  type Span,
} from "./saga-search-store.ts";
import { FIRST_ID, firstIdOf, LAST_ID, timeOfId } from "../kernel/time-of-id.ts";

/** How many rows one page reads at most. */
export interface SearchLimits {
  /** Matches are counted to this, then "10,000+". */
  readonly count: number;
  /** Sagas that are read when no criterion has an index. The pages of the table lie in the order of the ids. */
  readonly walk: number;
  /** Failed sagas. Their rows lie scattered over the table. */
  readonly failed: number;
  /** Sagas of a shopper. Who has more is not looked up but met while walking. */
  readonly ofUser: number;
  /** Sagas with the product, or with one of the products. */
  readonly ofSku: number;
  /** Reservations that are read for a name of several products, all together: so the more products, the shorter the look back. */
  readonly ofProducts: number;
  /** Matches of an amount, a currency or a key that the summarizing index finds. */
  readonly few: number;
}
const LIMITS: SearchLimits = {
  count: 10_000,
  walk: 20_000,
  failed: 5_000,
  ofUser: 5_000,
  ofSku: 5_000,
  ofProducts: 25_000,
  few: 1_000,
};

/** A name of more products is no search but a walk through the catalogue. */
export const MAX_PRODUCTS = 20;

/** How far the time of a saga's id may be from its `created_at`: steps of a clock, see platform/ids.ts. */
const CLOCK_SLACK_MS = 60_000;

export const IN_PROGRESS: ReadonlySet<SagaStatus> = new Set(
  SAGA_STATUSES.filter((status) => !["COMPLETED", "COMPENSATED", "FAILED"].includes(status)),
);
/** With a failure code, by a check of the table. */
const FAILED: ReadonlySet<SagaStatus> = new Set<SagaStatus>(["COMPENSATING", "COMPENSATED", "FAILED"]);

export interface PageRequest {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  /** Epoch ms, for "stuck since". */
  readonly now: number;
}

export interface SagaPage {
  readonly sagas: readonly FoundSaga[];
  /** The `after` of the next page; null on the last one. */
  readonly next: string | null;
  /** On the first page only. `at_least`: counted to a limit, there may be more. */
  readonly total: { readonly count: number; readonly at_least: boolean } | null;
  /** Epoch ms: sagas created before were not looked at yet. Null if all were, or if the page is full. */
  readonly searched_to: number | null;
  /** Databases that the query needs and that did not answer. Then the page is empty, which says nothing about sagas. */
  readonly missing: readonly Missing[];
  /** The products that `product` was understood as; null without it. */
  readonly products: Products | null;
}

export interface Products {
  /** In the order of their SKUs, at most 20. */
  readonly found: readonly NamedProduct[];
  /** There are more. Then the page is empty, which says nothing about sagas. */
  readonly too_many: boolean;
}

/** Throws if the saga database does not answer. */
export async function searchSagas(
  databases: OpenDatabases,
  query: SagaQuery,
  { limit, after, now }: PageRequest,
  limits: SearchLimits = LIMITS,
): Promise<SagaPage> {
  const span = spanOf(query, after);
  const elsewhere = await candidatesElsewhere(databases, query, span, limits);
  const { products } = elsewhere;
  if (elsewhere.missing.length > 0 || products?.too_many === true)
    return { sagas: [], next: null, total: null, searched_to: null, missing: elsewhere.missing, products };

  const sql = await databases.saga();
  const { stuck_seconds } = query;
  const filter = {
    ...query,
    stuck_before: stuck_seconds === undefined ? null : now - stuck_seconds * 1_000,
  };
  const source = await sourceOf(sql, filter, span, { ids: elsewhere.ids, limits });
  const read = async (one: Source, most: number) =>
    isEmpty(one) ? [] : readPage(sql, one, span, filter, most);
  let found = await read(source, limit + 1);
  const isFull = found.length > limit;
  const isFirst = after === undefined;
  let end = elsewhere.cut;
  if ("depth" in source && (isFirst || !isFull)) end = await endOfDepth(sql, source, span);
  let rest: readonly string[] = [];
  if (end !== null && !isFull && isSifted(source, query)) {
    const few = await fewSagas(sql, query, { ...span, below: end }, limits.few);
    if (few !== null) {
      [rest, end] = [few, null];
      found = [...found, ...(await read(idsSource(rest), limit + 1 - found.length))];
    }
  }
  const counted = async (one: Source) =>
    isEmpty(one) ? 0 : countMatches(sql, one, span, filter, limits.count + 1);
  const count = isFirst ? (await counted(source)) + (await counted(idsSource(rest))) : 0;
  const sagas = found.slice(0, limit);
  const hasMore = found.length > limit;
  return {
    sagas,
    next: hasMore ? (sagas.at(-1)?.saga_id ?? null) : end,
    total: isFirst
      ? { count: Math.min(count, limits.count), at_least: count > limits.count || end !== null }
      : null,
    searched_to: hasMore || end === null ? null : timeOfId(end),
    missing: [],
    products,
  };
}

/** The ids that the times and the page before leave. */
function spanOf(query: SagaQuery, after: string | undefined): Span {
  const { created_after, created_before = Infinity, updated_before = Infinity } = query;
  // No saga is updated before it is created.
  const before = Math.min(created_before, updated_before);
  const below = before === Infinity ? LAST_ID : firstIdOf(before + CLOCK_SLACK_MS);
  return {
    from: created_after === undefined ? FIRST_ID : firstIdOf(created_after - CLOCK_SLACK_MS),
    // Text of UUIDs in lower case sorts as the ids do.
    below: after !== undefined && after < below ? after : below,
  };
}

/** The candidates by the most selective criterion. */
async function sourceOf(
  sql: Sql,
  query: SagaQuery,
  span: Span,
  { ids, limits }: { readonly ids: readonly string[] | null; readonly limits: SearchLimits },
): Promise<Source> {
  if (ids !== null) return idsSource(ids);
  const { user, client_key, status, failure_code, needs_operator, stuck_seconds } = query;
  if (user !== undefined) {
    const isUsual = (await countOfUser(sql, user, limits.ofUser + 1)) <= limits.ofUser;
    return isUsual ? { kind: "user", user } : { kind: "every", depth: limits.walk };
  }
  const ofKey = client_key === undefined ? null : await fewSagas(sql, query, span, limits.few);
  if (ofKey !== null) return idsSource(ofKey);
  const areAll = (kind: ReadonlySet<SagaStatus>) => status?.every((one) => kind.has(one)) ?? false;
  if (needs_operator !== undefined || stuck_seconds !== undefined || areAll(IN_PROGRESS))
    return { kind: "open" };
  if (failure_code !== undefined || areAll(FAILED))
    return { kind: "failed", code: failure_code ?? null, depth: limits.failed };
  return { kind: "every", depth: limits.walk };
}

function idsSource(ids: readonly string[]): Source {
  return { kind: "ids", ids };
}

function isEmpty(source: Source): boolean {
  return source.kind === "ids" && source.ids.length === 0;
}

/** Whether the summarizing index can find the matches that lie behind the depth. */
function isSifted(source: Source, { currency, min_cents, max_cents }: SagaQuery): boolean {
  return (
    source.kind === "every" && (currency !== undefined || min_cents !== undefined || max_cents !== undefined)
  );
}

interface Elsewhere {
  /** Null if no criterion is another service's. */
  readonly ids: readonly string[] | null;
  /** The last of `ids`, if there are more in the span. */
  readonly cut: string | null;
  readonly missing: readonly Missing[];
  readonly products: Products | null;
}

const NOT_ELSEWHERE: Elsewhere = { ids: null, cut: null, missing: [], products: null };

async function candidatesElsewhere(
  databases: OpenDatabases,
  query: SagaQuery,
  span: Span,
  limits: SearchLimits,
): Promise<Elsewhere> {
  const { order, payment, refund, provider_id, reservation, sku, product } = query;
  const lookup = async (
    database: DatabaseName,
    value: string | undefined,
    find: (sql: Sql, value: string) => Promise<readonly string[]>,
  ) => (value === undefined ? [] : [await reach(databases, database, (sql) => find(sql, value))]);
  const [named, ...looked] = await Promise.all([
    product === undefined ? null : reach(databases, "inventory", (sql) => productsOf(sql, product)),
    lookup("order", order, sagasOfOrder),
    lookup("payment", payment, sagasOfPayment),
    lookup("payment", refund, sagasOfRefund),
    lookup("payment", provider_id, sagasOfProviderId),
    lookup("inventory", reservation, sagasOfReservation),
  ]);
  const reached = looked.flat();
  const missing = missingOf(named === null ? reached : [named, ...reached]);
  if (missing.length > 0) return { ...NOT_ELSEWHERE, missing };
  const products = named !== null && "answer" in named ? named.answer : null;
  if (products?.too_many === true) return { ...NOT_ELSEWHERE, products };
  const ids = reached.reduce<readonly string[] | null>((common, one) => {
    const answer = "answer" in one ? one.answer : [];
    return common === null ? answer : common.filter((id) => answer.includes(id));
  }, null);
  const wanted = [
    ...(sku === undefined ? [] : [[sku]]),
    ...(products === null ? [] : [products.found.map(({ sku_id }) => sku_id)]),
  ];
  if (wanted.length === 0) return { ids, cut: null, missing: [], products };
  const found = await reach(databases, "inventory", (sql) => sagasWith(sql, wanted, { ids, span, limits }));
  return "missing" in found
    ? { ...NOT_ELSEWHERE, missing: [found.missing] }
    : { ...found.answer, missing: [], products };
}

async function productsOf(sql: Sql, text: string): Promise<Products> {
  const found = await productsNamed(sql, text, MAX_PRODUCTS + 1);
  return { found: found.slice(0, MAX_PRODUCTS), too_many: found.length > MAX_PRODUCTS };
}

/** The sagas with one product of each list, newest first; of `ids` only, unless these are null. */
async function sagasWith(
  sql: Sql,
  [first = [], ...others]: readonly (readonly string[])[],
  {
    ids,
    span,
    limits,
  }: { readonly ids: readonly string[] | null; readonly span: Span; readonly limits: SearchLimits },
): Promise<Pick<Elsewhere, "ids" | "cut">> {
  const most = Math.min(limits.ofSku, Math.ceil(limits.ofProducts / Math.max(1, first.length)));
  let found = ids === null ? await sagasOfSkus(sql, first, span, most + 1) : await withSkus(sql, first, ids);
  const isCut = ids === null && found.length > most;
  if (isCut) found = found.slice(0, most);
  const cut = isCut ? (found.at(-1) ?? null) : null;
  for (const skus of others) found = await withSkus(sql, skus, found);
  return { ids: found, cut };
}
