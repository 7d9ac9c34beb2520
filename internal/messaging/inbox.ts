// The inbox table: the ids of the messages whose effect is in this database. The dedup cache in Redis may guess; the inbox decides.
import type { Sql, TransactionSql } from "postgres";
import type { Tx } from "./database.ts";

/**
 * Inserts the ids and returns those that were new: the messages to decide. Sorted, so that two consumers that got the same messages
 * in a rebalance wait for each other instead of deadlocking.
 */
export async function enterInbox(
  tx: Tx | TransactionSql,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await tx<{ message_id: string }[]>`
    insert into inbox (message_id)
    select value::uuid from json_array_elements_text(${JSON.stringify(messageIds.toSorted())}::text::json)
        on conflict do nothing
    returning message_id`;
  return new Set(rows.map((row) => row.message_id));
}

/** Which of the ids are in the inbox. The smallest and the largest id let Postgres skip the partitions of other days. */
export async function findInInbox(sql: Sql, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ message_id: string }[]>`
    with wanted as materialized (
      select array(
        select value::uuid from json_array_elements_text(${JSON.stringify(messageIds)}::text::json) order by 1) as ids)
    select message_id from inbox
     where message_id = any((select ids from wanted)::uuid[])
       and message_id >= (select ids[1] from wanted) and message_id <= (select ids[cardinality(ids)] from wanted)`;
  return new Set(rows.map((row) => row.message_id));
}
