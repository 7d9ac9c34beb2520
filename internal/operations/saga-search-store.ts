// The statements of the search in the saga database. Each reads candidates newest first, through an index and at most to a depth, and
// filters them: so its time has a limit, whatever the table's size and statistics. Called by saga-search.ts.
//
// saga_id is a UUIDv7 of the orchestrator's clock: its order is the order of creation, and the primary key lists sagas newest first.
import type { PendingQuery, Row, Sql } from "postgres";
import { type Reader, readInOrder, readSummarized } from "./read-in-order-store.ts";
import { summary, type SagaSummary } from "./saga-store.ts";
import type { SagaQuery } from "./saga-query.ts";

export interface FoundSaga extends SagaSummary {
  /** Epoch ms. */
  readonly updated_at: number;
  readonly resend_count: number;
  /** The cart. */
  readonly items: readonly { readonly sku_id: string; readonly quantity: number }[];
}

/** Which sagas are looked at: `from` is inclusive, `below` is not. */
export interface Span {
  readonly from: string;
  readonly below: string;
}

/** Where candidates come from. All but `ids` are read newest first and at most `depth` of them. */
export type Source =
  | { readonly kind: "every"; readonly depth: number }
  /** Those with this failure code, or with any. */
  | { readonly kind: "failed"; readonly code: string | null; readonly depth: number }
  | { readonly kind: "user"; readonly user: string }
  /** In progress. */
  | { readonly kind: "open" }
  | { readonly kind: "ids"; readonly ids: readonly string[] };

/** The conditions on a saga's own row. `stuck_before` in epoch ms. */
export type SagaFilter = SagaQuery & { readonly stuck_before: number | null };

/** The newest matching sagas among the candidates. */
export function readPage(
  sql: Sql,
  source: Source,
  span: Span,
  filter: SagaFilter,
  limit: number,
): Promise<FoundSaga[]> {
  return readInOrder(
    sql,
    (tx) => tx<FoundSaga[]>`
    select ${summary(tx)}, resend_count, cart_items as items, (extract(epoch from updated_at) * 1000)::float8 as updated_at
      from (${candidates(tx, source, span)}) s
     where ${matches(tx, filter)}
     order by position desc limit ${limit}`,
  );
}

/** How many candidates match, counted to `most`. */
export async function countMatches(
  sql: Sql,
  source: Source,
  span: Span,
  filter: SagaFilter,
  most: number,
): Promise<number> {
  const [row] = await readInOrder(
    sql,
    (tx) => tx<[{ count: number }]>`
    select count(*)::integer as count
      from (select from (${candidates(tx, source, span)}) s where ${matches(tx, filter)} limit ${most}) counted`,
  );
  return row.count;
}

/** How many sagas the user has, counted to `most`. */
export async function countOfUser(sql: Sql, user: string, most: number): Promise<number> {
  const [row] = await readInOrder(
    sql,
    (tx) => tx<[{ count: number }]>`
      select count(*)::integer as count
        from (select from saga_state where user_id = ${user} limit ${most}) counted`,
  );
  return row.count;
}

/** The candidate at which a source with a depth ends; null if it ends of itself. Reads indexes only. */
export async function endOfDepth(
  sql: Sql,
  source: Extract<Source, { depth: number }>,
  span: Span,
): Promise<string | null> {
  const idsOfSource = (tx: Reader) =>
    source.kind === "every" ? everyId(tx, span, source.depth) : failedIds(tx, source, span);
  const [end] = await readInOrder(
    sql,
    (tx) => tx<{ saga_id: string }[]>`
    select saga_id from (${idsOfSource(tx)}) seen order by saga_id desc offset ${source.depth - 1} limit 1`,
  );
  return end?.saga_id ?? null;
}

/**
 * The sagas with this amount, currency and key, if there are at most `most`; null if there are more. Through the summarizing index, which
 * tells the pages where there can be any: fast for what is rare. Without statistics the planner would read the whole table instead, or all
 * of the span by the primary key: so the span is compared as text, which no index has.
 */
export async function fewSagas(
  sql: Sql,
  { min_cents, max_cents, currency, client_key }: SagaQuery,
  span: Span,
  most: number,
): Promise<readonly string[] | null> {
  const rows = await readSummarized(
    sql,
    (tx) => tx<{ saga_id: string }[]>`
      select saga_id from saga_state
       where saga_id::text collate "C" >= ${span.from} and saga_id::text collate "C" < ${span.below}
         and (${client_key ?? null}::text is null or client_key = ${client_key ?? null})
         and (${currency ?? null}::text is null or currency = ${currency ?? null})
         and (${min_cents ?? null}::bigint is null or total_cents >= ${min_cents ?? null})
         and (${max_cents ?? null}::bigint is null or total_cents <= ${max_cents ?? null})
       limit ${most + 1}`,
  );
  return rows.length > most ? null : rows.map(({ saga_id }) => saga_id);
}

type Fragment = PendingQuery<Row[]>;

/** What a page shows or `matches` looks at. The console's database role may not read the sealed payment method. */
function columns(sql: Reader): Fragment {
  return sql`
    saga_id, user_id, client_key, table_version, status, current_step, compensation_step, failure_code, failure_message, needs_operator, resend_count,
    total_cents, currency, order_id, cart_items, deadline_at, action_expires_at, created_at, updated_at, completed_at`;
}

/** Rows, with `position` to order them by. The rows of ids come one by one: no statistics can turn that into a join of everything. */
function candidates(sql: Reader, source: Source, span: Span): Fragment {
  if (source.kind === "every")
    return sql`
      select saga_id as position, ${columns(sql)} from saga_state
       where ${inSpan(sql, span)} order by saga_id desc limit ${source.depth}`;
  return sql`
    select one.saga_id as position, whole.*
      from (${idsOf(sql, source, span)}) one
     cross join lateral (select ${columns(sql)} from saga_state where saga_state.saga_id = one.saga_id limit 1) whole`;
}

function idsOf(sql: Reader, source: Exclude<Source, { kind: "every" }>, span: Span): Fragment {
  if (source.kind === "failed") return failedIds(sql, source, span);
  // Materialized, because otherwise the planner may walk all sagas newest first until it has met enough of these.
  if (source.kind === "user")
    return sql`
      with own as materialized (select saga_id from saga_state where user_id = ${source.user})
      select saga_id from own where ${inSpan(sql, span)} order by saga_id desc`;
  if (source.kind === "open")
    return sql`
      with open as materialized (select saga_id from saga_state where completed_at is null)
      select saga_id from open where ${inSpan(sql, span)} order by saga_id desc`;
  return sql`
    select saga_id from unnest(${[...source.ids]}::uuid[]) as given (saga_id)
     where ${inSpan(sql, span)} order by saga_id desc`;
}

function everyId(sql: Reader, span: Span, depth: number): Fragment {
  return sql`select saga_id from saga_state where ${inSpan(sql, span)} order by saga_id desc limit ${depth}`;
}

/** Jumps from code to code in the index, and takes the newest sagas of each. */
function failedIds(sql: Reader, { code, depth }: Extract<Source, { kind: "failed" }>, span: Span): Fragment {
  return sql`
    with recursive code as (
      (select failure_code from saga_state
        where failure_code is not null and (${code}::text is null or failure_code = ${code})
        order by failure_code limit 1)
       union all
      select (select later.failure_code from saga_state later where later.failure_code > code.failure_code
               order by later.failure_code limit 1)
        from code where code.failure_code is not null and ${code}::text is null)
    select newest.saga_id
      from code cross join lateral (
             select saga_id from saga_state where saga_state.failure_code = code.failure_code and ${inSpan(sql, span)}
              order by saga_id desc limit ${depth}) newest
     order by newest.saga_id desc limit ${depth}`;
}

function inSpan(sql: Reader, { from, below }: Span): Fragment {
  return sql`saga_id >= ${from}::uuid and saga_id < ${below}::uuid`;
}

/** Null for a criterion is "any"; the planner drops it. What a stuck saga is, stuck-store.ts says. */
function matches(sql: Reader, filter: SagaFilter): Fragment {
  const { user = null, client_key = null, step = null, failure_code = null, currency = null } = filter;
  const {
    min_cents = null,
    max_cents = null,
    min_resends = null,
    table_version = null,
    stuck_before,
  } = filter;
  const { created_after = null, created_before = null, updated_after = null, updated_before = null } = filter;
  const status = filter.status === undefined ? null : [...filter.status];
  const needy = filter.needs_operator ?? null;
  return sql`
        (${user}::uuid is null or user_id = ${user})
    and (${client_key}::text is null or client_key = ${client_key})
    and (${status}::text[] is null or status = any(${status}))
    and (${step}::text is null or coalesce(compensation_step, current_step) = ${step})
    and (${table_version}::integer is null or table_version = ${table_version})
    and (${failure_code}::text is null or failure_code = ${failure_code})
    and (${currency}::text is null or currency = ${currency})
    and (${min_cents}::bigint is null or total_cents >= ${min_cents})
    and (${max_cents}::bigint is null or total_cents <= ${max_cents})
    and (${created_after}::timestamptz is null or created_at >= ${created_after})
    and (${created_before}::timestamptz is null or created_at < ${created_before})
    and (${updated_after}::timestamptz is null or updated_at >= ${updated_after})
    and (${updated_before}::timestamptz is null or updated_at < ${updated_before})
    and (${min_resends}::integer is null or resend_count >= ${min_resends})
    and (${needy}::boolean is null or (needs_operator and completed_at is null))
    and (${stuck_before}::timestamptz is null or (
              completed_at is null and created_at < ${stuck_before}
          and (action_expires_at is null or action_expires_at < ${stuck_before})
          and (updated_at < ${stuck_before} or resend_count > 0 or needs_operator)
          and coalesce((select h.at from saga_history h
                         where h.saga_id = s.saga_id
                           and not (h.message_type = 'DeadlinePassed' and h.from_status = 'COMPENSATING')
                           and h.message_type <> 'CommandDeadLettered'
                         order by h.history_id desc limit 1),
                       created_at) < ${stuck_before}))`;
}
