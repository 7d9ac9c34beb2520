// The auditor: reads all sources, checks every invariant of the design, and names each violation with the saga's id. A judge: it
// shares no code with what it judges. Called by `checkoutctl audit`.
import { SAGA_STATUSES, type SagaStatus } from "../../schemas/http.ts";
import { collect, type CollectOptions } from "./collect.ts";
import type { Facts, OpenItems } from "./facts.ts";
import type { Finding, Invariant } from "./invariant.ts";
import { effects } from "./invariants/effects.ts";
import { history } from "./invariants/history.ts";
import { isDiscardedForeign, messages } from "./invariants/messages.ts";
import { money } from "./invariants/money.ts";
import { orders } from "./invariants/orders.ts";
import { stock } from "./invariants/stock.ts";
import { untilIdle } from "./idle.ts";
import type { AuditSources } from "./sources.ts";

export const INVARIANTS: readonly Invariant[] = [
  ...orders,
  ...stock,
  ...money,
  ...history,
  ...effects,
  ...messages,
];
/** Maximum findings listed per invariant; all are counted. A broken system may have one per saga. */
const MAX_FINDINGS_TOLD = 100;

export interface AuditReport {
  readonly ok: boolean;
  /** Milliseconds since the epoch. */
  readonly audited_at: number;
  readonly sagas: {
    readonly total: number;
    /** Finished for long enough; the invariants of finished sagas check only these. */
    readonly judged: number;
    readonly by_status: Readonly<Record<string, number>>;
  };
  readonly messages: { readonly in_outboxes: number; readonly in_topics: number };
  readonly invariants: readonly {
    readonly name: string;
    readonly sentence: string;
    readonly violations: number;
    /** The first of them. */
    readonly findings: readonly Finding[];
  }[];
  /** Messages that no role of ours can have written and whose dead letters an operator discarded. They break no invariant. */
  readonly foreign: { readonly count: number; readonly messages: readonly ForeignMessage[] };
  /** Work in progress. */
  readonly open: OpenItems;
  readonly not_checked: readonly string[];
}

export interface ForeignMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly dead_letter_id: string;
  readonly discarded_by: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly discarded_at: number;
}

/** Violations are in the report. Throws only the errors of reading the sources. */
export async function audit(sources: AuditSources, options: CollectOptions): Promise<AuditReport> {
  if (options.idleWithinMs !== null) await untilIdle(sources, options.idleWithinMs);
  return judge(await collect(sources, options));
}

/** Pure. */
export function judge(facts: Facts): AuditReport {
  const invariants = INVARIANTS.map((invariant) => {
    const findings: Finding[] = [];
    let violations = 0;
    for (const finding of invariant.check(facts)) {
      violations += 1;
      if (findings.length < MAX_FINDINGS_TOLD) findings.push(finding);
    }
    return { name: invariant.name, sentence: invariant.sentence, violations, findings };
  });
  const cases = [...facts.cases.values()];
  const countOf = (status: SagaStatus) => cases.filter(({ saga }) => saga.status === status).length;
  return {
    ok: invariants.every(({ violations }) => violations === 0),
    audited_at: facts.auditedAt,
    sagas: {
      total: cases.length,
      judged: cases.filter(({ isJudged }) => isJudged).length,
      by_status: Object.fromEntries(SAGA_STATUSES.map((status) => [status, countOf(status)])),
    },
    messages: { in_outboxes: facts.messages.outboxRows, in_topics: facts.messages.records },
    invariants,
    foreign: foreignOf(facts),
    open: facts.open,
    not_checked: facts.notChecked,
  };
}

function foreignOf({ messages: { strays } }: Facts): AuditReport["foreign"] {
  const foreign = strays.filter(isDiscardedForeign);
  const told = foreign.slice(0, MAX_FINDINGS_TOLD).flatMap(({ topic, partition, offset, deadLetters }) => {
    const [first] = deadLetters;
    if (first === undefined || first.discard === null) return [];
    const { actor: discarded_by, reason, at: discarded_at } = first.discard;
    const { dead_letter_id } = first;
    return [{ topic, partition, offset, dead_letter_id, discarded_by, reason, discarded_at }];
  });
  return { count: foreign.length, messages: told };
}
