// Which lines of the audit trail a pasted text means: it takes each id that the search takes, and several of them. Called by the console.
import { readOrderNumber } from "../kernel/order-number.ts";
import type { DeadLetterBatches } from "./dead-letters.ts";
import { type Anything, findAnything, shortDeadLetters } from "./find-anything.ts";
import type { Hit } from "./find-anything-store.ts";
import { eachOnce, type Missing, missingOf, type OpenDatabases } from "./reach.ts";
import { readShortId } from "./short-id.ts";

/** Each of them is looked for in four databases. */
export const MAX_AUDIT_IDS = 12;

export interface AuditIds {
  /** What was acted on: the texts themselves, and what they are ids of. */
  readonly subjects: readonly string[];
  /** All acts on these. */
  readonly sagas: readonly string[];
  /** Those that nothing has. A line may name one all the same, such as a session. */
  readonly unknown: readonly string[];
  /** Places that did not answer, where an unknown one may be. */
  readonly missing: readonly Missing[];
}

/** What has lines of its own, beside those of its saga. */
const OWN_LINES: ReadonlySet<Hit["kind"]> = new Set([
  "dead_letter",
  "payment_alert",
  "run",
  "user",
  "product",
]);

const DEAD_LETTERS_MS = 5_000;

/** The ids in a text, separated by commas or blanks. An order number may have blanks in it; then commas separate it from others. */
export function splitIds(text: string): readonly string[] {
  const ids = text
    .split(/[,;]/)
    .flatMap((part) => (readOrderNumber(part) === null ? part.split(/\s+/) : [part.trim()]));
  return [...new Set(ids.filter((id) => id !== ""))];
}

interface Lookup extends Anything {
  readonly text: string;
}

/** `texts`: at most MAX_AUDIT_IDS. Dead letters are read for short ids only: a whole id is in the line as it is. */
export async function auditIds(
  databases: OpenDatabases,
  texts: readonly string[],
  deadLetters: () => DeadLetterBatches,
): Promise<AuditIds> {
  const inDatabases = await Promise.all(
    texts.map(async (text) => ({ text, ...(await findAnything(databases, text)) })),
  );
  const found = await withDeadLetters(inDatabases, deadLetters);
  const hits = found.flatMap((one) => one.hits);
  const lost = found.filter((one) => one.hits.length === 0);
  return {
    subjects: [...new Set([...texts, ...hits.map(({ id }) => id)])],
    sagas: [
      ...new Set(
        hits.flatMap(({ kind, saga_id }) => (saga_id === null || OWN_LINES.has(kind) ? [] : [saga_id])),
      ),
    ],
    unknown: lost.map(({ text }) => text),
    missing: eachOnce(lost.flatMap(({ missing }) => missing)),
  };
}

/** Looks for the short ids that no database has in the dead letters, and reads these once for all of them. */
async function withDeadLetters(
  found: readonly Lookup[],
  deadLetters: () => DeadLetterBatches,
): Promise<readonly Lookup[]> {
  const shorts = new Map(
    found.flatMap(({ text, hits }) => {
      const short = hits.length === 0 ? readShortId(text) : null;
      return short === null ? [] : [[text, short] as const];
    }),
  );
  if (shorts.size === 0) return found;
  const dead = await shortDeadLetters([...shorts.values()], deadLetters, DEAD_LETTERS_MS);
  const letters = new Map(
    [...shorts.keys()].map((text, at) => [text, "answer" in dead ? dead.answer[at] : []]),
  );
  return found.map((one) =>
    shorts.has(one.text)
      ? { ...one, hits: letters.get(one.text) ?? [], missing: [...one.missing, ...missingOf([dead])] }
      : one,
  );
}
