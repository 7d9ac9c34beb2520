// Reads the audit trail: what people did by hand. Rows are written with messaging/operator-action-store.ts. Called by the console.
import type { Sql, TransactionSql } from "postgres";
import { LAST_ID } from "../kernel/time-of-id.ts";
import { UUID } from "../kernel/uuid.ts";
import type { OperatorActionKind } from "../messaging/operator-action-store.ts";
import type { AuditIds } from "./audit-ids.ts";

export interface AuditRow {
  readonly action_id: string;
  readonly run_id: string;
  readonly action: string;
  readonly subject: string;
  readonly saga_id: string | null;
  /** Of the saga's order, or the one that was acted on; null if there is none. */
  readonly order_id: string | null;
  readonly actor: string;
  readonly reason: string;
  /** As it was written with the act. Null while it is in progress. */
  readonly outcome: string | null;
  readonly detail: string | null;
  /** What became of a cancellation that the line began, by its own record; null while it is under way. */
  readonly ended: "cancelled" | "refused" | null;
  /** Epoch ms. */
  readonly ended_at: number | null;
  /** Whether the line began a cancellation whose record is still there. */
  readonly is_cancellation: boolean;
  /** Null if it is not known, as for the command line and for older versions. */
  readonly address: string | null;
  readonly parameters: unknown;
  /** Epoch ms. */
  readonly at: number;
}

/** Acts of several families that belong together. */
export const AUDIT_GROUPS: Readonly<Record<string, readonly OperatorActionKind[]>> = {
  cancellations: ["saga.cancel", "order.cancel"],
};

export interface AuditFilter {
  readonly actor: string | null;
  /** An action, the first part of one with its dot: `saga.`, or one of AUDIT_GROUPS. */
  readonly action: string | null;
  readonly ids: Pick<AuditIds, "subjects" | "sagas"> | null;
  /** What came of it, as `outcomeOf` says it; `cancelling` is every cancellation that began. */
  readonly outcome: string | null;
  /** Epoch ms. `since` is inclusive, `until` is not. */
  readonly since: number | null;
  readonly until: number | null;
}

/** The last row of the page before. */
export interface AuditCursor {
  readonly at: number;
  readonly action_id: string;
}

/** What came of it, as far as it is known. */
export function outcomeOf({ outcome, is_cancellation, ended }: AuditRow): string {
  if (is_cancellation) return ended ?? UNDER_WAY;
  return outcome ?? "in progress";
}

/** Of a cancellation that has not ended. */
export const UNDER_WAY = "under way";

/** What only the record of a cancellation says. */
const ENDS: ReadonlySet<string> = new Set([UNDER_WAY, "cancelled", "refused"]);

/**
 * Newest first, along the index on the time: what is outside of the times, or before the cursor, is not read. A condition that begins with
 * `null or` could not use the index, so an absent time is an infinite one.
 */
export function auditTrail(
  sql: Sql | TransactionSql,
  filter: AuditFilter,
  { limit, after }: { readonly limit: number; readonly after: AuditCursor | null },
): Promise<AuditRow[]> {
  const { actor, action, ids, outcome, since, until } = filter;
  const group = AUDIT_GROUPS[action ?? ""] ?? [];
  const subjects = ids === null ? null : [...ids.subjects];
  const sagas = ids === null ? null : [...ids.sagas];
  return sql<AuditRow[]>`
    with line as materialized (
      select *, case when outcome = 'cancelling' then ${cancellationId(sql)} end as cancellation_id
        from operator_actions
       where (${actor}::text is null or actor = ${actor})
         and (${action}::text is null or action = ${action} or action = any(${[...group]}::text[])
              or starts_with(action, ${action === null || !action.endsWith(".") ? " " : action}))
         and (${subjects}::text[] is null or subject = any(${subjects}::text[]) or saga_id = any(${sagas}::uuid[]))
         and (${outcome}::text is null or coalesce(outcome, 'in progress') = ${outcome}
              or (${ENDS.has(outcome ?? "")} and outcome = 'cancelling' and ${outcome} = case action
                  when 'saga.cancel' then (
                    select case when s.completed_at is null then ${UNDER_WAY} else 'cancelled' end
                      from saga_state s where s.saga_id = operator_actions.saga_id)
                  when 'order.cancel' then (
                    select case status when 'CANCELLING' then ${UNDER_WAY} else lower(status) end
                      from order_cancellations where cancellation_id = ${cancellationId(sql)}) end))
         and at >= coalesce(${since}::timestamptz, '-infinity') and at < coalesce(${until}::timestamptz, 'infinity')
         and (at, action_id) < (coalesce(${after?.at ?? null}::timestamptz, 'infinity'), ${after?.action_id ?? LAST_ID}::uuid)
       order by at desc, action_id desc limit ${limit})
    select action_id, run_id, action, subject, line.saga_id, actor, reason, outcome, detail, address, parameters,
           coalesce(c.order_id, s.order_id, case when action like 'order.%' and subject ~ ${UUID.source} then subject::uuid end) as order_id,
           coalesce(c.cancellation_id, u.saga_id) is not null as is_cancellation,
           case when c.status in ('CANCELLED', 'REFUSED') then lower(c.status) when u.completed_at is not null then 'cancelled' end as ended,
           (extract(epoch from coalesce(c.completed_at, u.completed_at)) * 1000)::float8 as ended_at,
           (extract(epoch from at) * 1000)::float8 as at
      from line
      left join saga_state s on s.saga_id = line.saga_id
      left join saga_state u on u.saga_id = line.saga_id and action = 'saga.cancel' and outcome = 'cancelling'
      left join order_cancellations c on c.cancellation_id = line.cancellation_id and action = 'order.cancel'
     order by line.at desc, action_id desc`;
}

/** The orchestrator writes it into the detail. */
function cancellationId(sql: Sql | TransactionSql) {
  return sql`substring(detail from '^cancellation ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$')::uuid`;
}
