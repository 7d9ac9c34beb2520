// Which sagas make no progress. Called by stuck.ts.
import type { Sql } from "postgres";
import type { Step } from "./steps.ts";

export interface StuckSaga {
  readonly saga_id: string;
  readonly current_step: Step;
  /** The step whose undo is awaited; null on the way forward. */
  readonly compensation_step: Step | null;
  readonly needs_operator: boolean;
}

/**
 * Open sagas that nothing has moved since `before` (epoch ms), the oldest first, at most `limit`. An undo that is sent again is no
 * progress: it is what a stuck saga does. Reads open sagas alone, and the history of the old ones among them.
 */
export function findStuck(sql: Sql, before: number, limit: number): Promise<StuckSaga[]> {
  return sql<StuckSaga[]>`
    select saga_id, current_step, compensation_step, needs_operator
      from saga_state s
     where completed_at is null and created_at < ${before}::timestamptz
       and not exists (
             select from saga_history h
              where h.saga_id = s.saga_id and h.at >= ${before}::timestamptz and h.message_type <> 'DeadlinePassed')
     order by created_at limit ${limit}`;
}
