// Reads the audit trail: what people did by hand. Rows are written with messaging/operator-action-store.ts. Called by the console.
import type { Sql, TransactionSql } from "postgres";
import { LAST_ID } from "../kernel/time-of-id.ts";

export interface AuditRow {
  readonly action_id: string;
  readonly run_id: string;
  readonly action: string;
  readonly subject: string;
  readonly saga_id: string | null;
  readonly actor: string;
  readonly reason: string;
  /** Null while it is in progress. */
  readonly outcome: string | null;
  readonly detail: string | null;
  /** Null if it is not known, as for the command line and for older versions. */
  readonly address: string | null;
  readonly parameters: unknown;
  /** Epoch ms. */
  readonly at: number;
}

export interface AuditFilter {
  readonly actor: string | null;
  /** An action, or the first part of one with its dot: `saga.`. */
  readonly action: string | null;
  /** A saga's id, or what was acted on. */
  readonly subject: string | null;
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

/**
 * Newest first, along the index on the time: what is outside of the times, or before the cursor, is not read. A condition that begins with
 * `null or` could not use the index, so an absent time is an infinite one.
 */
export function auditTrail(
  sql: Sql | TransactionSql,
  filter: AuditFilter,
  { limit, after }: { readonly limit: number; readonly after: AuditCursor | null },
): Promise<AuditRow[]> {
  const { actor, action, subject, outcome, since, until } = filter;
  return sql<AuditRow[]>`
    select action_id, run_id, action, subject, saga_id, actor, reason, outcome, detail, address, parameters,
           (extract(epoch from at) * 1000)::float8 as at
      from operator_actions
     where (${actor}::text is null or actor = ${actor})
       and (${action}::text is null or action = ${action} or starts_with(action, ${action === null || !action.endsWith(".") ? " " : action}))
       and (${subject}::text is null or subject = ${subject} or saga_id::text = ${subject})
       and (${outcome}::text is null or coalesce(outcome, 'in progress') = ${outcome})
       and at >= coalesce(${since}::timestamptz, '-infinity') and at < coalesce(${until}::timestamptz, 'infinity')
       and (at, action_id) < (coalesce(${after?.at ?? null}::timestamptz, 'infinity'), ${after?.action_id ?? LAST_ID}::uuid)
     order by at desc, action_id desc limit ${limit}`;
}
