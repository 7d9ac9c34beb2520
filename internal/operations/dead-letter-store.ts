// How operators handled dead letters, kept as rows of the audit trail (messaging/operator-action-store.ts). The same row records
// who did it, makes a second replay do nothing, and lets an interrupted run continue.
import type { Sql, TransactionSql } from "postgres";

export interface Handling {
  readonly dead_letter_id: string;
  readonly action_id: string;
  readonly run_id: string;
  readonly action: "dead-letter.replay" | "dead-letter.discard";
  readonly actor: string;
  readonly reason: string;
  /** Null while it is sent again and its outcome is not known yet. */
  readonly outcome: string | null;
  readonly detail: string | null;
  /** Epoch ms. */
  readonly at: number;
}

/** By dead letter id. Refused replays do not count. */
export async function handlingsOf(
  sql: Sql,
  deadLetterIds: readonly string[],
): Promise<ReadonlyMap<string, Handling>> {
  const rows = await sql<Handling[]>`
    select subject as dead_letter_id, action_id, run_id, action, actor, reason, outcome, detail,
           (extract(epoch from at) * 1000)::float8 as at
      from operator_actions
     where action in ('dead-letter.replay', 'dead-letter.discard') and outcome is distinct from 'refused'
       and subject = any(array(select json_array_elements_text(${JSON.stringify(deadLetterIds)}::text::json)))`;
  return new Map(rows.map((row) => [row.dead_letter_id, row]));
}

/** Those of the dead letters that an operator has handled: replayed or discarded, and not only begun. Without who and why. */
export async function handledOf(sql: Sql, deadLetterIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ subject: string }[]>`
    select subject from operator_actions
     where action in ('dead-letter.replay', 'dead-letter.discard') and outcome is distinct from 'refused' and outcome is not null
       and subject = any(array(select json_array_elements_text(${JSON.stringify(deadLetterIds)}::text::json)))`;
  return new Set(rows.map(({ subject }) => subject));
}

/** The messages whose dead letters were discarded. They must not be sent again. */
export async function discardedMessages(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ message_id: string }[]>`
    select distinct message_id from operator_actions
     where action = 'dead-letter.discard' and message_id is not null`;
  return rows.map(({ message_id }) => message_id);
}

export interface Settlement {
  readonly action_id: string;
  readonly outcome: string;
  readonly detail: string | null;
}

/** Records the outcome of actions that had none. */
export async function settleActions(
  sql: Sql | TransactionSql,
  settlements: readonly Settlement[],
): Promise<void> {
  if (settlements.length === 0) return;
  await sql`
    update operator_actions a set outcome = s.outcome, detail = s.detail, settled_at = now()
      from json_to_recordset(${JSON.stringify(settlements)}::text::json) as s (action_id uuid, outcome text, detail text)
     where a.action_id = s.action_id and a.outcome is null`;
}
