// Lines of the audit trail that say the same of many things: a run of three hundred replays hides what else was done. Pure. Used by
// pages/audit.tsx.
import type { AuditRow } from "../../operations/audit-trail-store.ts";

export interface AuditLine extends AuditRow {
  /** How many more lines of its run follow, which say the same. */
  readonly more: number;
  /** The first of many that are open: they can be folded again. */
  readonly isUnfolded: boolean;
}

/** Two are as easily read as one. */
const MIN_FOLDED = 3;

/** Neighbours of one run with the same act and outcome become one line, except those of the run `open`. */
export function foldedLines(rows: readonly AuditRow[], open: string | null): readonly AuditLine[] {
  const lines: AuditLine[] = [];
  for (let at = 0; at < rows.length;) {
    const same = sameFrom(rows, at);
    const [first] = same;
    const isMany = same.length >= MIN_FOLDED;
    if (first !== undefined && isMany && first.run_id !== open)
      lines.push({ ...first, more: same.length - 1, isUnfolded: false });
    else lines.push(...same.map((row, index) => ({ ...row, more: 0, isUnfolded: isMany && index === 0 })));
    at += same.length;
  }
  return lines;
}

/** The row and the neighbours after it that say the same. */
function sameFrom(rows: readonly AuditRow[], at: number): readonly AuditRow[] {
  const rest = rows.slice(at);
  const [first] = rest;
  const end = rest.findIndex(
    ({ run_id, action, outcome }) =>
      run_id !== first?.run_id || action !== first.action || outcome !== first.outcome,
  );
  return end === -1 ? rest : rest.slice(0, end);
}
