// Decides whether one more checkout is admitted. With too many in progress, a checkout would reach its deadline before its turn,
// and the shopper would wait half a minute to hear that it was undone. An early rejection shortens every wait and limits the
// backlog. The same limits keep a Kafka outage from filling the database, because checkouts are admitted only while there is room
// for their messages. When a payment provider limits calls, no more checkouts that pay with it are admitted than it has time for: the replies
// of the payment service say how long the next charge would wait. Called by intake.ts for each group; a loop of cmd/orchestrator
// measures the backlog.
import { countText, plural } from "../kernel/counted.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import type { Backlog } from "./intake-store.ts";
import type { SagaObserver } from "./saga-batch.ts";
import { DEFAULT_PROVIDER } from "./state.ts";

/**
 * After a rejection, checkouts are admitted again below this share of the limits, so that the decision does not change with every
 * checkout.
 */
const TAKES_AGAIN_BELOW = 0.8;

/**
 * A reported wait counts as at most this many times the limit. Without charges no new report comes, so the wait must end by itself.
 */
const LONGEST_WAIT_HEARD = 2;

/** What a new checkout would meet. */
export interface Pressure extends Backlog {
  /** How long its charge would wait before the provider is called, in milliseconds. */
  readonly chargeWaitMs: number;
}

/** Pure. The reason to reject a checkout, or null to admit it. `limits` are the first values that are too high. */
export function rejectionOf(backlog: Pressure, limits: Pressure, isRefusing: boolean): string | null {
  const share = isRefusing ? TAKES_AGAIN_BELOW : 1;
  if (backlog.chargeWaitMs >= limits.chargeWaitMs * share)
    return `the payment provider limits calls: a charge waits ${seconds(backlog.chargeWaitMs)} s, the limit is ${seconds(limits.chargeWaitMs)} s`;
  if (backlog.openSagas >= limits.openSagas * share)
    return `${plural(backlog.openSagas, "checkout is", "checkouts are")} in progress, the limit is ${countText(limits.openSagas)}`;
  if (backlog.unpublished >= limits.unpublished * share)
    return `${plural(backlog.unpublished, "message waits", "messages wait")} for Kafka, the limit is ${countText(limits.unpublished)}`;
  return null;
}

export interface AdmissionOptions {
  /**
   * The first values that are too high. With one saga fewer in progress, all are finished well within the deadline of the newest.
   * `unpublished` messages are too many in the outbox. A charge that waits `chargeWaitMs` would end after the deadline of its saga.
   */
  readonly limits: Pressure;
  /** Counts up to these values; more makes no difference. */
  readonly measure: (atMost: Backlog) => Promise<Backlog>;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: AdmissionMetrics;
  /** A monotonic clock in milliseconds. */
  readonly monotonic: () => number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #measured: Backlog = { openSagas: 0, unpublished: 0 };
  /** Admitted since the measurement began. Each adds a saga and its first message, even if other sagas finished meanwhile. */
  #takenSince = 0;
  #rejection: string | null = null;
  /** By provider. One that limits calls stops nobody who pays with another. */
  readonly #waits = new Map<string, Wait>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why the next checkout that pays with this provider is rejected, or null. */
  rejection(provider: string = DEFAULT_PROVIDER): string | null {
    return this.#rejection ?? this.#waits.get(provider)?.rejection ?? null;
  }

  /** Counts checkouts that were admitted. */
  taken(count: number): void {
    this.#takenSince += count;
    this.#decide();
  }

  /**
   * Call this with the wait of the provider's next charge, as the payment service reports it. The wait shrinks with time; the newest report
   * counts.
   */
  chargesWait(waitMs: number, provider: string): void {
    const { monotonic, limits } = this.#options;
    const until = monotonic() + Math.min(waitMs, LONGEST_WAIT_HEARD * limits.chargeWaitMs);
    this.#waits.set(provider, { until, rejection: this.#waits.get(provider)?.rejection ?? null });
    this.#decide();
  }

  /** Measures the backlog once. Throws when the database is unavailable; the last decision then stays. */
  async runOnce(): Promise<void> {
    const { measure, limits, metrics } = this.#options;
    const takenBefore = this.#takenSince;
    this.#measured = await measure(limits);
    this.#takenSince -= takenBefore;
    this.#decide();
    const waits = [...this.#waits.values()];
    const isRejecting = this.#rejection !== null || waits.some(({ rejection }) => rejection !== null);
    metrics.openSagas.set({}, this.#measured.openSagas);
    metrics.rejecting.set({}, isRejecting ? 1 : 0);
    metrics.chargeWait.set({}, Math.max(0, ...waits.map((wait) => this.#leftOf(wait))) / 1_000);
  }

  #leftOf({ until }: Wait): number {
    return Math.max(0, until - this.#options.monotonic());
  }

  #decide(): void {
    const backlog = {
      openSagas: this.#measured.openSagas + this.#takenSince,
      unpublished: this.#measured.unpublished + this.#takenSince,
    };
    const pressure = { ...backlog, chargeWaitMs: 0 };
    this.#rejection = this.#decided(pressure, this.#rejection, "new checkouts");
    for (const [provider, wait] of this.#waits) {
      const waiting = { openSagas: 0, unpublished: 0, chargeWaitMs: this.#leftOf(wait) };
      const rejection = this.#decided(waiting, wait.rejection, `new checkouts that pay with ${provider}`);
      this.#waits.set(provider, { ...wait, rejection });
    }
  }

  /** Logs each change of the decision. */
  #decided(pressure: Pressure, before: string | null, which: string): string | null {
    const { limits, log } = this.#options;
    const rejection = rejectionOf(pressure, limits, before !== null);
    if (before === null && rejection !== null)
      log.warn({ ...pressure }, `${which} are rejected for now: ${rejection}`);
    if (before !== null && rejection === null) log.info({ ...pressure }, `${which} are admitted again`);
    return rejection;
  }
}

/** Of one provider's next charge. */
interface Wait {
  /** By `monotonic`. */
  readonly until: number;
  readonly rejection: string | null;
}

export type AdmissionMetrics = ReturnType<typeof admissionMetrics>;

/** Register once per process. */
export function admissionMetrics(meter: Meter) {
  return {
    openSagas: meter.gauge("sagas_in_progress", "Sagas in progress, counted up to the admission limit"),
    rejecting: meter.gauge(
      "admission_rejecting",
      "1 while new checkouts are rejected, all or those of one provider; the log names the limit",
    ),
    chargeWait: meter.gauge(
      "intake_charge_wait_seconds",
      "How long the charge of a new checkout would wait because a payment provider limits calls, as the payment service reports",
    ),
  };
}

/** Passes the charge wait in the replies of the payment service to `admission`, less the time since the reply was sent. */
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
      const provider = decision.saga.provider ?? DEFAULT_PROVIDER;
      if (input.charge_wait_ms > ageMs) admission.chargesWait(input.charge_wait_ms - ageMs, provider);
    },
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
