// The mails of one saga that the notification service has not got rid of yet, on its database. Times are epoch ms. Called by saga-mails.ts.
import type { Sql } from "postgres";

export interface WaitingMailRow {
  /** Saga and template, and the tracking number if it has one. */
  readonly mail_key: string;
  /** Those that count against this mail; a failure of the whole mail server counts none. */
  readonly attempts: number;
  readonly first_failed_at: number | null;
  readonly stored_at: number;
  readonly next_attempt_at: number;
  /** What the mail server said last. It may name the shopper's address. */
  readonly last_reply: string;
}

/**
 * There is no index by saga, but each key begins with it. The bounds hold in every collation: what is shorter comes first, and no template
 * begins with these letters.
 */
export function waitingMailsOf(sql: Sql, sagaId: string): Promise<WaitingMailRow[]> {
  return sql<WaitingMailRow[]>`
    select mail_key, attempts, (extract(epoch from first_failed_at) * 1000)::float8 as first_failed_at,
           (extract(epoch from stored_at) * 1000)::float8 as stored_at,
           (extract(epoch from next_attempt_at) * 1000)::float8 as next_attempt_at, last_reply
      from waiting_mails
     where mail_key >= ${sagaId} and mail_key < ${`${sagaId}zzzz`} and saga_id = ${sagaId}
     order by stored_at, mail_key`;
}

/** Which of these sagas have a mail that waits. One range of the key for each, as above. */
export async function sagasWithWaitingMails(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sagaIds.length === 0) return new Set();
  const rows = await sql<{ saga_id: string }[]>`
    select asked.saga_id
      from unnest(${[...sagaIds]}::text[]) as asked (saga_id)
     where exists (select from waiting_mails w
                    where w.mail_key >= asked.saga_id and w.mail_key < asked.saga_id || 'zzzz'
                      and w.saga_id = asked.saga_id::uuid)`;
  return new Set(rows.map(({ saga_id }) => saga_id));
}
