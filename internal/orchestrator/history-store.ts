// What a shopper may see of a saga's history, with its status, in one statement: a status is never older than the lines that come
// with it. Notes and messages stay inside: they are written for operators. Called by history-watch.ts.
import type { Sql } from "postgres";
import type { SagaHistory } from "../../schemas/shop.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { ownedStatus, statusColumns, type StatusRow } from "./status-store.ts";

/** A saga has about six lines; an undo that is sent again adds more. The rest comes with the next call. */
const MAX_LINES = 100;

export interface Ask {
  readonly sagaId: string;
  /** Only lines after this id. */
  readonly after: number;
}

export interface OwnedHistory {
  readonly user_id: string;
  readonly history: SagaHistory;
}

interface HistoryRow extends StatusRow {
  readonly ask: number;
  readonly events: readonly (Omit<SagaHistory["events"][number], "at"> & { readonly at: number })[];
}

/** One result per ask, null for an unknown saga. */
export async function readHistories(
  sql: Sql,
  asks: readonly Ask[],
): Promise<readonly (OwnedHistory | null)[]> {
  const sagaIds = asks.map(({ sagaId }) => sagaId);
  const rows = await sql<HistoryRow[]>`
    select asked.ask::integer, ${statusColumns(sql)}, lines.events
      from unnest(${sagaIds}::uuid[], ${asks.map(({ after }) => String(after))}::bigint[])
        with ordinality as asked (asked_id, after_id, ask)
      join saga_state on saga_id = asked.asked_id
     cross join lateral (
           select coalesce(json_agg(json_build_object('id', history_id, 'status', to_status, 'step', step,
                                                      'at', (extract(epoch from at) * 1000)::bigint)
                                    order by history_id), '[]') as events
             from (select history_id, to_status, step, at from saga_history history
                    where history.saga_id = asked.asked_id and history_id > asked.after_id
                    order by history_id limit ${MAX_LINES}) line) lines
     where saga_id = any(${sagaIds}::uuid[])`;
  const found: (OwnedHistory | null)[] = asks.map(() => null);
  for (const { ask, events, ...row } of rows) {
    const { user_id, view } = ownedStatus(row);
    const lines = events.map(({ at, ...line }) => ({ ...line, at: timestampOf(at) }));
    found[ask - 1] = { user_id, history: { events: lines, view } };
  }
  return found;
}
