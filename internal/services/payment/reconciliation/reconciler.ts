// Reconciliation: reads the provider's ledger piece by piece and holds them against payments, so that money which moved behind
// everybody's back is noticed. It changes no payment. A background loop ticks `runOnce`; wired in cmd/payment.
//
// Any number of processes may tick on one database: one row says when a run is due, and is its lease while it goes on. A run
// reads one piece of time in pages and holds one page at a time in memory.
import type { RunResult } from "../../../kernel/ports.ts";
import { countOpenAlerts, forgetEvents, unseenAlerts } from "../alert-store.ts";
import type { LedgerPage, ProviderLedger, Span } from "../providers/ledger.ts";
import type { PaymentMetrics } from "../telemetry.ts";
import { compare, type CompareContext, LEASE_MS, type Piece } from "./compare.ts";
import {
  chargesNotFound,
  claimRun,
  ensureLedger,
  comparedUntil,
  finishRun,
  giveBackRun,
  refundsNotFound,
} from "./run-store.ts";
import { LONGEST_SPAN_MS, nextLength, nextWindow, OVERLAP_MS } from "./window.ts";

/** Pages of a piece; one that has more is read again in halves. */
const MAX_PAGES = 1_000;
/** Single look-ups in a run, of each sort; the rest waits for the next. */
const MAX_LOOK_UPS = 100;
/** The provider sends an event again for 3 days, and a person may for 30. */
const EVENT_RETENTION_MS = 31 * 24 * 60 * 60 * 1_000;
const FORGOTTEN_AT_ONCE = 10_000;

export interface ReconcilerOptions extends CompareContext {
  readonly ledger: ProviderLedger;
  readonly metrics: PaymentMetrics;
  /** From the start of a run to that of the next, in milliseconds. */
  readonly intervalMs: number;
  /** What entered the ledger so recently may still be on its way here, in milliseconds. */
  readonly graceMs: number;
  /** The process stops: a run ends after the page in hand, and is done again elsewhere. */
  readonly stopping: AbortSignal;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #lengthMs = LONGEST_SPAN_MS;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Does the run that is due, if one is and nobody else is at it. Throws where
   * the provider or the database does not answer; what was compared before that stays compared.
   */
  async runOnce(): Promise<RunResult> {
    const { database, clock, newId, intervalMs, metrics, provider } = this.#options;
    const startedAt = clock.now();
    await ensureLedger(database.sql, provider, startedAt);
    const run = await claimRun(database.sql, provider, newId(), startedAt, startedAt + LEASE_MS);
    if (run === undefined) {
      await this.#measure();
      return { processed: 0, hasMore: false };
    }
    try {
      const { until, hasMore } = await this.#readLedger(run.run_id, run.compared_until, startedAt);
      await this.#lookUpNotFound(run.run_id, until - OVERLAP_MS);
      await this.#lookUpAlerts(run.run_id, startedAt);
      await forgetEvents(database.sql, startedAt - EVENT_RETENTION_MS, FORGOTTEN_AT_ONCE);
      const dueAt = hasMore ? clock.now() : startedAt + intervalMs;
      await finishRun(database.sql, { ...run, compared_until: until }, clock.now(), dueAt);
      metrics.comparedUntil.set({ provider }, until / 1_000);
      return { processed: 1, hasMore };
    } catch (error) {
      // Where this fails, too, the lease's end does it.
      await giveBackRun(database.sql, run.run_id, clock.now()).then(undefined, () => undefined);
      if (this.#options.stopping.aborted) return { processed: 0, hasMore: false };
      throw error;
    } finally {
      await this.#measure();
    }
  }

  /** Returns how far the ledger has been compared afterwards. */
  async #readLedger(run_id: string, from: number, now: number) {
    const { ledger, graceMs } = this.#options;
    const window = nextWindow(from, now, graceMs, this.#lengthMs);
    if (window === null) return { until: from, hasMore: false };
    const { span, hasMore } = window;
    const isWhole =
      (await this.#readPages(run_id, span, ledger.charges.bind(ledger), (charges) => ({ charges }))) &&
      (await this.#readPages(run_id, span, ledger.refunds.bind(ledger), (refunds) => ({ refunds })));
    this.#lengthMs = nextLength(this.#lengthMs, !isWhole);
    return isWhole ? { until: span.untilMs, hasMore } : { until: from, hasMore: true };
  }

  /** False where there were more pages than a run may read. */
  async #readPages<Entry>(
    run_id: string,
    span: Span,
    read: (span: Span, after: string | null) => Promise<LedgerPage<Entry>>,
    pieceOf: (entries: readonly Entry[]) => Piece,
  ): Promise<boolean> {
    let after: string | null = null;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const page: LedgerPage<Entry> = await read(span, after);
      await this.#compare(run_id, pieceOf(page.entries));
      if (page.next === null) return true;
      after = page.next;
    }
    return false;
  }

  /** Charges and refunds of ours that are settled since before `before`, and were on no page. */
  async #lookUpNotFound(run_id: string, before: number): Promise<void> {
    const { database, provider } = this.#options;
    const { sql } = database;
    for (const id of await chargesNotFound(sql, provider, before, MAX_LOOK_UPS))
      await this.#lookUpCharge(run_id, id);
    for (const id of await refundsNotFound(sql, provider, before, MAX_LOOK_UPS))
      await this.#lookUpRefund(run_id, id);
  }

  /** Open alerts that were on no page: is it still so? */
  async #lookUpAlerts(run_id: string, startedAt: number): Promise<void> {
    const { database, provider } = this.#options;
    for (const { kind, subject } of await unseenAlerts(database.sql, provider, startedAt, MAX_LOOK_UPS)) {
      if (kind === "refund_differs") await this.#lookUpRefund(run_id, subject);
      else await this.#lookUpCharge(run_id, subject);
    }
  }

  async #lookUpCharge(run_id: string, id: string): Promise<void> {
    const charge = await this.#options.ledger.charge(id);
    await this.#compare(run_id, charge === null ? { absentCharges: [id] } : { charges: [charge] });
  }

  async #lookUpRefund(run_id: string, id: string): Promise<void> {
    const refund = await this.#options.ledger.refund(id);
    await this.#compare(run_id, refund === null ? { absentRefunds: [id] } : { refunds: [refund] });
  }

  async #compare(run_id: string, piece: Piece): Promise<void> {
    this.#options.stopping.throwIfAborted();
    await compare(this.#options, run_id, piece);
  }

  /** At every tick, whoever runs: each process tells the same. */
  async #measure(): Promise<void> {
    const { database, metrics, provider } = this.#options;
    metrics.openAlerts(await countOpenAlerts(database.sql));
    const until = await comparedUntil(database.sql, provider);
    if (until !== null) metrics.comparedUntil.set({ provider }, until / 1_000);
  }
}
