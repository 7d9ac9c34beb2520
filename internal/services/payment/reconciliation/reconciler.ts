// Reconciliation: compares the provider ledger with payments, part by part, so that money which moved unnoticed is found. The only
// payments that it changes are those whose refund failed after it had succeeded. A background loop calls `runOnce`; wired in cmd/payment.
//
// Any number of processes may run on one database: one row says when a run is due, and is the lease of that run. A run reads one time
// span in pages and holds one page at a time in memory. What it has found and how far it has come is in the database alone, so it makes no
// difference which process has the next run, and whatever the database loses is compared again.
import type { RunResult } from "../../../kernel/ports.ts";
import { countOpenAlerts, forgetEvents, unseenAlerts } from "../alert-store.ts";
import type { LedgerPage, ProviderCharge, ProviderLedger, Span } from "../providers/ledger.ts";
import type { PaymentMetrics } from "../telemetry.ts";
import { ClaimedRun } from "./claimed-run.ts";
import { compare, type CompareContext, doubtfulHolds, type ListedHold, type Piece } from "./compare.ts";
import { lookUpDispute } from "./disputes.ts";
import { HoldsInDoubt } from "./holds-in-doubt.ts";
import {
  chargesNotFound,
  comparedUntil,
  finishRun,
  forgetHolds,
  holdsSince,
  refundsNotFound,
} from "./run-store.ts";
import { countsAsCompared, LONGEST_SPAN_MS, nextLength, nextWindow, OVERLAP_MS } from "./window.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Maximum pages of a span; a longer one is read again in halves. */
const MAX_PAGES = 1_000;
/** Maximum single lookups per run and kind; the rest waits for the next run. */
const MAX_LOOK_UPS = 100;
/**
 * The refunds that are so old are read again, because a bank may send a refund back within 30 days, and its webhook event may be lost. As
 * a run begins where the last one ended, each refund is read once at each age.
 */
const LATE_REFUNDS_MS = [3, 10, 35].map((days) => days * DAY_MS);
/**
 * A hold is looked up once it is not younger than what the ledger shows, and whenever its age has doubled since: up to the 29 days that an
 * authorization of PayPal lives. So holds that stay for days cost little, and do not take the place of other look-ups.
 */
const HOLD_AGES_MS = [0, ...Array.from({ length: 17 }, (_, doubled) => MINUTE_MS * 2 ** doubled)];
/** The provider resends an event for 3 days, and a person may for 30. */
const EVENT_RETENTION_MS = 31 * DAY_MS;
const FORGOTTEN_AT_ONCE = 10_000;

export interface ReconcilerOptions extends CompareContext {
  readonly ledger: ProviderLedger;
  readonly metrics: PaymentMetrics;
  /** From the start of a run to the start of the next, in milliseconds. */
  readonly intervalMs: number;
  /** An entry younger than this may not have arrived here yet, in milliseconds. */
  readonly graceMs: number;
  /** The process stops: a run ends after the current page, and another process repeats it. */
  readonly stopping: AbortSignal;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #lengthMs = LONGEST_SPAN_MS;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Does the run that is due, unless another process has it. Throws if the provider or the database does not answer; what was
   * compared before that stays compared.
   */
  async runOnce(): Promise<RunResult> {
    const { database, clock, intervalMs, provider } = this.#options;
    const startedAt = clock.now();
    const run = await ClaimedRun.claim(this.#options);
    if (run === undefined) {
      await this.#measure();
      return { processed: 0, hasMore: false };
    }
    try {
      const { until, hasMore } = await this.#readLedger(run, startedAt);
      await this.#lookUpNotFound(run, until - OVERLAP_MS);
      await this.#lookUpHolds(run, {
        fromMs: run.comparedUntil - OVERLAP_MS,
        untilMs: until - OVERLAP_MS,
      });
      await this.#lookUpAlerts(run, startedAt);
      await forgetEvents(database.sql, startedAt - EVENT_RETENTION_MS, FORGOTTEN_AT_ONCE);
      await run.step(({ tx, finish }, now) => {
        const dueAt = hasMore ? now : startedAt + intervalMs;
        return finish([
          finishRun(tx, provider, { until, now, dueAt }),
          forgetHolds(tx, provider, until - OVERLAP_MS),
        ]);
      });
      this.#reportUntil(until);
      return { processed: 1, hasMore };
    } catch (error) {
      // If this fails too, the run is free when its lease expires.
      await run.giveBack().catch(() => undefined);
      if (this.#options.stopping.aborted) return { processed: 0, hasMore: false };
      throw error;
    } finally {
      await this.#measure();
    }
  }

  /**
   * Returns how far the ledger has now been compared. A span whose holds in doubt are too many for a run is read again in halves by the next
   * runs, the oldest first, and not before they are due: they share the provider's limit of calls with the shoppers.
   */
  async #readLedger(run: ClaimedRun, now: number) {
    const { ledger, graceMs } = this.#options;
    const from = run.comparedUntil;
    const inDoubt = new HoldsInDoubt();
    const window = nextWindow(from, now, graceMs, this.#lengthMs);
    if (window === null) return { until: from, hasMore: false };
    const { span, hasMore } = window;
    const readRefunds = (of: Span) =>
      this.#readPages(of, ledger.refunds.bind(ledger), (refunds) => this.#compare(run, { refunds }));
    let isWhole =
      (await this.#readPages(span, ledger.charges.bind(ledger), (charges) =>
        this.#compareCharges(run, charges, { inDoubt, span }),
      )) && (await readRefunds(span));
    for (const ageMs of LATE_REFUNDS_MS)
      isWhole &&= await readRefunds({ fromMs: span.fromMs - ageMs, untilMs: span.untilMs - ageMs });
    const { left } = inDoubt;
    if (left > 0) this.#reportLeft(left);
    const isDone = isWhole && left === 0;
    this.#lengthMs = nextLength(this.#lengthMs, !isDone);
    return isDone ? { until: span.untilMs, hasMore } : { until: from, hasMore: left === 0 };
  }

  /** False if there was more than a run may read, or the provider lists at once. */
  async #readPages<Entry>(
    span: Span,
    read: (span: Span, after: string | null) => Promise<LedgerPage<Entry>>,
    compareAll: (entries: readonly Entry[]) => Promise<void>,
  ): Promise<boolean> {
    let after: string | null = null;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const page: LedgerPage<Entry> = await read(span, after);
      if (page.isTooLong === true) return false;
      await compareAll(page.entries);
      if (page.next === null) return true;
      after = page.next;
    }
    return false;
  }

  /** Compares a page. A hold that it shows without what became of it is looked up, if its payment does not know it. */
  async #compareCharges(
    run: ClaimedRun,
    charges: readonly ProviderCharge[],
    { inDoubt, span }: { readonly inDoubt: HoldsInDoubt; readonly span: Span },
  ): Promise<void> {
    const stale = charges.filter(({ isStale }) => isStale === true);
    await this.#compare(run, { charges: charges.filter(({ isStale }) => isStale !== true) });
    const ids = await doubtfulHolds(this.#options, run, stale);
    for (const id of inDoubt.ofPage(ids)) await this.#lookUpCharge(run, id, { id, span });
  }

  /** Looks up our charges and refunds that were settled before `before` and were on no page. */
  async #lookUpNotFound(run: ClaimedRun, before: number): Promise<void> {
    const { database, provider } = this.#options;
    const { sql } = database;
    for (const id of await chargesNotFound(sql, provider, before, MAX_LOOK_UPS))
      await this.#lookUpCharge(run, id);
    for (const id of await refundsNotFound(sql, provider, before, MAX_LOOK_UPS))
      await this.#lookUpRefund(run, id);
  }

  /** Looks up the holds that reached one of the ages in `span`: a run begins where the last one ended. */
  async #lookUpHolds(run: ClaimedRun, { fromMs, untilMs }: Span): Promise<void> {
    const { database, provider } = this.#options;
    let left = MAX_LOOK_UPS;
    for (const ageMs of HOLD_AGES_MS) {
      const then = { fromMs: fromMs - ageMs, untilMs: untilMs - ageMs };
      const holds = await holdsSince(database.sql, provider, then, left);
      for (const id of holds) await this.#lookUpCharge(run, id);
      left -= holds.length;
    }
  }

  /** Looks up the open alerts that were on no page, to see whether they still hold. */
  async #lookUpAlerts(run: ClaimedRun, startedAt: number): Promise<void> {
    const { database, provider } = this.#options;
    for (const { kind, subject } of await unseenAlerts(database.sql, provider, startedAt, MAX_LOOK_UPS)) {
      if (kind === "dispute") await lookUpDispute(this.#options, run, subject);
      else if (kind.startsWith("refund_")) await this.#lookUpRefund(run, subject);
      else await this.#lookUpCharge(run, subject);
    }
  }

  async #lookUpCharge(run: ClaimedRun, id: string, hold?: ListedHold): Promise<void> {
    const charge = await this.#options.ledger.charge(id);
    await this.#compare(run, charge === null ? { absentCharges: [id] } : { charges: [charge] }, hold);
  }

  async #lookUpRefund(run: ClaimedRun, id: string): Promise<void> {
    const refund = await this.#options.ledger.refund(id);
    await this.#compare(run, refund === null ? { absentRefunds: [id] } : { refunds: [refund] });
  }

  async #compare(run: ClaimedRun, piece: Piece, hold?: ListedHold): Promise<void> {
    this.#options.stopping.throwIfAborted();
    await compare(this.#options, run, piece, hold);
  }

  /** Runs at every tick, also without a run: all processes report the same values. */
  async #measure(): Promise<void> {
    const { database, metrics, provider } = this.#options;
    metrics.openAlerts(await countOpenAlerts(database.sql));
    const until = await comparedUntil(database.sql, provider);
    if (until !== null) this.#reportUntil(until);
  }

  #reportLeft(left: number): void {
    const { log, provider } = this.#options;
    log.warn(
      { provider, left },
      "more holds without a payment, or of payments that ended, than a run looks up: the rest waits for the next runs, and so does what is younger",
    );
  }

  #reportUntil(until: number): void {
    const { metrics, provider, graceMs, clock } = this.#options;
    metrics.comparedUntil.set({ provider }, countsAsCompared(until, clock.now(), graceMs) / 1_000);
  }
}
