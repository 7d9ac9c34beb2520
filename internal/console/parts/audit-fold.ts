// Folds lines of one run that say the same: three hundred lines of a replay would hide everything else. An act and the line that somebody
// asks for it in the console are one line, too. The route uses it to read enough
// rows for a full page.
import type { AuditRow } from "../../operations/audit-trail-store.ts";

export interface AuditLine extends AuditRow {
  /** How many more lines of its run follow, which say the same. */
  readonly more: number;
  /** The first of many that are open: they can be folded again. */
  readonly isUnfolded: boolean;
  /** The console's own line that somebody asks for this act, which is the neighbour and says nothing more; null if there is none. */
  readonly asked: AuditRow | null;
}

/** Two are as easily read as one. */
const MIN_FOLDED = 3;

/** Neighbours of one run with the same act, outcome and reason become one line, except those of the run `open`. */
export function foldedLines(rows: readonly AuditRow[], open: string | null): readonly AuditLine[] {
  const lines: AuditLine[] = [];
  for (let at = 0; at < rows.length;) {
    const same = sameFrom(rows, at);
    const [first] = same;
    const pair = askedPair(first, rows[at + 1]);
    if (pair !== null) {
      const { act, asked } = pair;
      // A service may be told no address; the console always knows it.
      lines.push({ ...act, address: act.address ?? asked.address, more: 0, isUnfolded: false, asked });
      at += 2;
      continue;
    }
    const isMany = same.length >= MIN_FOLDED;
    if (first !== undefined && isMany && first.run_id !== open)
      lines.push({ ...first, more: same.length - 1, isUnfolded: false, asked: null });
    else
      lines.push(
        ...same.map((row, index) => ({ ...row, more: 0, isUnfolded: isMany && index === 0, asked: null })),
      );
    at += same.length;
  }
  return lines;
}

/** How many rows the lines stand for. */
export function rowCountOf(lines: readonly AuditLine[]): number {
  return lines.reduce((sum, { more, asked }) => sum + 1 + more + (asked === null ? 0 : 1), 0);
}

/** An act takes longer only if its service does not answer. */
const ASKED_BEFORE_MS = 60_000;

/** Two neighbours of which one is an act and the other says that it is asked for, whatever the clocks of their servers say. */
function askedPair(
  one: AuditRow | undefined,
  other: AuditRow | undefined,
): { readonly act: AuditRow; readonly asked: AuditRow } | null {
  if (one === undefined || other === undefined) return null;
  if (isAsked(other, one)) return { act: one, asked: other };
  return isAsked(one, other) ? { act: other, asked: one } : null;
}

function isAsked(asked: AuditRow, act: AuditRow): boolean {
  return (
    asked.action === "console.act" &&
    asked.actor === act.actor &&
    isSameThing(asked, act) &&
    askedAct(asked) === act.action &&
    Math.abs(asked.at - act.at) <= ASKED_BEFORE_MS
  );
}

/** Acts without a saga, such as those on runs, differ by what they were done to. A plan has no id while somebody only asks for it. */
function isSameThing(asked: AuditRow, act: AuditRow): boolean {
  if (asked.saga_id !== null || act.saga_id !== null) return asked.saga_id === act.saga_id;
  return asked.subject === act.subject || act.action === "plan.create";
}

function askedAct({ parameters }: AuditRow): unknown {
  return typeof parameters === "object" && parameters !== null && "act" in parameters ? parameters.act : null;
}

/** The first read is enough for most pages of 100 lines; a bulk run of thousands needs the others. */
const FIRST_READ = 200;
const NEXT_READ = 1_000;
const MAX_READS = 10;

interface FoldedPage {
  readonly lines: readonly AuditLine[];
  /** Those that the lines stand for. */
  readonly rows: readonly AuditRow[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
}

/**
 * `most` lines with their rows, or all there are. It stops after ten reads, so that a page is slow for nobody: then it has fewer
 * lines. `read` returns the rows after one, newest first.
 */
export async function readFolded(
  read: (limit: number, after: AuditRow | null) => Promise<readonly AuditRow[]>,
  open: string | null,
  most: number,
): Promise<FoldedPage> {
  const rows: AuditRow[] = [];
  let lines: readonly AuditLine[] = [];
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const limit = reads === 0 ? FIRST_READ : NEXT_READ;
    const found = await read(limit + 1, rows.at(-1) ?? null);
    rows.push(...found.slice(0, limit));
    lines = foldedLines(rows, open);
    const isLast = found.length <= limit;
    // The last of more lines may stand for rows that are not read yet, so a full page ends before it.
    if (lines.length > most) {
      const shown = lines.slice(0, most);
      return { lines: shown, rows: rows.slice(0, rowCountOf(shown)), hasMore: true };
    }
    if (isLast) return { lines, rows, hasMore: false };
  }
  return { lines, rows, hasMore: true };
}

/** The row and the neighbours after it that say the same. */
function sameFrom(rows: readonly AuditRow[], at: number): readonly AuditRow[] {
  const rest = rows.slice(at);
  const [first] = rest;
  const end = rest.findIndex(
    ({ run_id, action, outcome, reason }) =>
      run_id !== first?.run_id ||
      action !== first.action ||
      outcome !== first.outcome ||
      reason !== first.reason,
  );
  return end === -1 ? rest : rest.slice(0, end);
}
