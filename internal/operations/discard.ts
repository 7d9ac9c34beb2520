// Discards dead letters for good, with one audit trail row for each. The records stay in the topic until its retention deletes
// them, but `checkoutctl dlq` no longer shows them. Called by `checkoutctl dlq discard`.
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { type OperatorAction, recordActions } from "../messaging/operator-action-store.ts";
import { describeHandling, typeOf } from "./dead-letters.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import { readOriginal } from "./replay-plan.ts";

/** Rows per statement. */
const BATCH = 500;

export interface DiscardOptions {
  /** The saga database. */
  readonly sql: Sql;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
  /** Reports what would be done and changes nothing. */
  readonly dryRun: boolean;
}

export interface DiscardItem {
  readonly dead_letter_id: string;
  readonly saga_id: string | null;
  readonly type: string;
  readonly outcome: "discarded" | "left";
  /** Why it was left. */
  readonly detail: string | null;
}

/** Leaves dead letters that were handled before or are being replayed, so a second run does nothing. */
export async function discard(
  options: DiscardOptions,
  records: readonly DeadLetter[],
): Promise<readonly DiscardItem[]> {
  const { sql, newId, now, actor, reason, dryRun } = options;
  const run_id = newId();
  const items: DiscardItem[] = [];
  for (let start = 0; start < records.length; start += BATCH) {
    const part = records.slice(start, start + BATCH);
    const lines = new Map(
      part.map((record): [string, OperatorAction] => {
        const { dead_letter_id: subject, saga_id } = record;
        const { message_id = null } = readOriginal(record);
        const what = { action: "dead-letter.discard", subject, saga_id, message_id, actor, reason } as const;
        return [
          subject,
          { action_id: newId(), run_id, ...what, outcome: "discarded", detail: null, at: now },
        ];
      }),
    );
    const before = await handlingsOf(sql, [...lines.keys()]);
    for (const id of before.keys()) lines.delete(id);
    const written = dryRun ? [...lines.values()] : await recordActions(sql, [...lines.values()]);
    const ours = new Set(written.map(({ action_id }) => action_id));
    for (const record of part) {
      const { dead_letter_id, saga_id } = record;
      const what = { dead_letter_id, saga_id, type: typeOf(record) };
      const isOurs = ours.has(lines.get(dead_letter_id)?.action_id ?? "");
      const why = before.has(dead_letter_id)
        ? describeHandling(before.get(dead_letter_id))
        : "another run has just taken it";
      items.push({ ...what, outcome: isOurs ? "discarded" : "left", detail: isOurs ? null : why });
    }
  }
  return items;
}
