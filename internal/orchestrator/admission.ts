// Whether one more checkout may come in. A checkout that is taken while too many are under way runs into its deadline before its
// turn comes: the shopper waits for half a minute to hear that it was undone. Told at once to come again, everybody waits less,
// and the backlog has an end. The same limit keeps an outage of Kafka from filling the database: checkouts are taken as long as
// there is room for what they say. And where the payment provider limits the calls, no more are taken than it has time for: the
// payment service says with its answers how long the next charge would wait. Asked by intake.ts for each group, measured by a
// loop of cmd/orchestrator.
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import type { Backlog } from "./intake-store.ts";
import type { SagaObserver } from "./saga-batch.ts";

/** Having refused, it takes again below this share of the limits, so that it does not change its mind with every checkout. */
const TAKES_AGAIN_BELOW = 0.8;

/** So many times the limit a wait counts at most: when nobody says another word, because nobody charges, it is over then. */
const LONGEST_WAIT_HEARD = 2;

/** What a checkout that comes in now meets. */
export interface Pressure extends Backlog {
  /** How long its charge would wait until the provider is asked, in milliseconds. */
  readonly chargeWaitMs: number;
}

/** Pure. What keeps a checkout out, in words, or null where it may come in: `limits` are the first values that are too much. */
export function rejectionOf(backlog: Pressure, limits: Pressure, isRefusing: boolean): string | null {
  const share = isRefusing ? TAKES_AGAIN_BELOW : 1;
  if (backlog.chargeWaitMs >= limits.chargeWaitMs * share)
    return `the payment provider limits us: a charge waits ${seconds(backlog.chargeWaitMs)} s, and ${seconds(limits.chargeWaitMs)} s it may`;
  if (backlog.openSagas >= limits.openSagas * share)
    return `${backlog.openSagas} checkouts are under way, and ${limits.openSagas} may be`;
  if (backlog.unpublished >= limits.unpublished * share)
    return `${backlog.unpublished} messages wait for Kafka, and ${limits.unpublished} may`;
  return null;
}

export interface AdmissionOptions {
  /**
   * So many sagas under way are too many; one less is worked off well within the deadline of the newest. So many messages may
   * not wait in the outbox for Kafka. So long a charge may not wait, or the saga's time is over before it is done.
   */
  readonly limits: Pressure;
  /** Counts no further than this: what lies beyond makes no difference. */
  readonly measure: (atMost: Backlog) => Promise<Backlog>;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: AdmissionMetrics;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #measured: Backlog = { openSagas: 0, unpublished: 0 };
  /** Taken since the measurement began: each adds a saga and its first message, whatever came to its end meanwhile. */
  #takenSince = 0;
  /** By `monotonic`: until then a charge waits that comes now. */
  #chargesWaitUntil = 0;
  #rejection: string | null = null;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why the next checkout may not come in, or null. */
  get rejection(): string | null {
    return this.#rejection;
  }

  /** So many checkouts have come in. */
  taken(count: number): void {
    this.#takenSince += count;
    this.#decide();
  }

  /** Whoever charges says how long the next charge would wait. The wait grows shorter by itself; the newest word counts. */
  chargesWait(waitMs: number): void {
    const { monotonic, limits } = this.#options;
    this.#chargesWaitUntil = monotonic() + Math.min(waitMs, LONGEST_WAIT_HEARD * limits.chargeWaitMs);
    this.#decide();
  }

  /** One look at the database. Throws when it is away; the last decision stands then. */
  async runOnce(): Promise<void> {
    const { measure, limits, metrics } = this.#options;
    const takenBefore = this.#takenSince;
    this.#measured = await measure(limits);
    this.#takenSince -= takenBefore;
    this.#decide();
    metrics.openSagas.set({}, this.#measured.openSagas);
    metrics.rejecting.set({}, this.#rejection === null ? 0 : 1);
    metrics.chargeWait.set({}, this.#chargeWaitMs() / 1_000);
  }

  #chargeWaitMs(): number {
    return Math.max(0, this.#chargesWaitUntil - this.#options.monotonic());
  }

  #decide(): void {
    const { limits, log } = this.#options;
    const backlog = {
      openSagas: this.#measured.openSagas + this.#takenSince,
      unpublished: this.#measured.unpublished + this.#takenSince,
      chargeWaitMs: this.#chargeWaitMs(),
    };
    const before = this.#rejection;
    this.#rejection = rejectionOf(backlog, limits, before !== null);
    if (before === null && this.#rejection !== null)
      log.warn({ ...backlog }, `no more checkouts are taken for now: ${this.#rejection}`);
    if (before !== null && this.#rejection === null) log.info({ ...backlog }, "checkouts are taken again");
  }
}

export type AdmissionMetrics = ReturnType<typeof admissionMetrics>;

/** Register once per process. */
export function admissionMetrics(meter: Meter) {
  return {
    openSagas: meter.gauge("sagas_in_progress", "Sagas under way, counted up to the limit of admission"),
    rejecting: meter.gauge(
      "admission_rejecting",
      "1 while no more checkouts are taken; the log says which limit was met",
    ),
    chargeWait: meter.gauge(
      "intake_charge_wait_seconds",
      "How long a new checkout's charge would wait because the payment provider limits the calls, as the payment service says",
    ),
  };
}

/** Passes on to `admission` what the payment service says with its answers, less the time that the answer was under way. */
export function hearingWaits(
  observer: SagaObserver,
  admission: Pick<Admission, "chargesWait">,
  clock: Clock,
): SagaObserver {
  return {
    ...observer,
    decided(input, decision) {
      observer.decided(input, decision);
      if (!("charge_wait_ms" in input) || input.charge_wait_ms === undefined) return;
      const ageMs = Math.max(0, clock.now() - Date.parse(input.occurred_at));
      if (input.charge_wait_ms > ageMs) admission.chargesWait(input.charge_wait_ms - ageMs);
    },
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
