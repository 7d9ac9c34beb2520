// Whether one more checkout may come in. A checkout that is taken while too many are under way runs into its deadline before its
// turn comes: the shopper waits for half a minute to hear that it was undone. Told at once to come again, everybody waits less,
// and the backlog has an end. The same limit keeps an outage of Kafka from filling the database: checkouts are taken as long as
// there is room for what they say. Asked by intake.ts for each group, measured by a loop of cmd/orchestrator.
import type { Log, Meter } from "../messaging/telemetry.ts";
import type { Backlog } from "./intake-store.ts";

/** Having refused, it takes again below this share of the limits, so that it does not change its mind with every checkout. */
const TAKES_AGAIN_BELOW = 0.8;

/** Pure. What keeps a checkout out, in words, or null where it may come in: `limits` are the first counts that are too many. */
export function refusalOf(backlog: Backlog, limits: Backlog, isRefusing: boolean): string | null {
  const share = isRefusing ? TAKES_AGAIN_BELOW : 1;
  if (backlog.openSagas >= limits.openSagas * share)
    return `${backlog.openSagas} checkouts are under way, and ${limits.openSagas} may be`;
  if (backlog.unpublished >= limits.unpublished * share)
    return `${backlog.unpublished} messages wait for Kafka, and ${limits.unpublished} may`;
  return null;
}

export interface AdmissionOptions {
  /**
   * So many sagas under way are too many; one less is worked off well within the deadline of the newest. So many messages may
   * not wait in the outbox for Kafka.
   */
  readonly limits: Backlog;
  /** Counts no further than this: what lies beyond makes no difference. */
  readonly measure: (atMost: Backlog) => Promise<Backlog>;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: AdmissionMetrics;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #measured: Backlog = { openSagas: 0, unpublished: 0 };
  /** Taken since the measurement began: each adds a saga and its first message, whatever came to its end meanwhile. */
  #takenSince = 0;
  #refusal: string | null = null;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why the next checkout may not come in, or null. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** So many checkouts have come in. */
  taken(count: number): void {
    this.#takenSince += count;
    this.#decide();
  }

  /** One look at the database. Throws when it is away; the last decision stands then. */
  async runOnce(): Promise<{ readonly processed: number }> {
    const { measure, limits, metrics } = this.#options;
    const takenBefore = this.#takenSince;
    this.#measured = await measure(limits);
    this.#takenSince -= takenBefore;
    this.#decide();
    metrics.openSagas.set({}, this.#measured.openSagas);
    metrics.refusing.set({}, this.#refusal === null ? 0 : 1);
    return { processed: 0 };
  }

  #decide(): void {
    const { limits, log } = this.#options;
    const backlog = {
      openSagas: this.#measured.openSagas + this.#takenSince,
      unpublished: this.#measured.unpublished + this.#takenSince,
    };
    const before = this.#refusal;
    this.#refusal = refusalOf(backlog, limits, before !== null);
    if (before === null && this.#refusal !== null)
      log.warn({ ...backlog }, `no more checkouts are taken for now: ${this.#refusal}`);
    if (before !== null && this.#refusal === null) log.info({ ...backlog }, "checkouts are taken again");
  }
}

export type AdmissionMetrics = ReturnType<typeof admissionMetrics>;

/** Register once per process. */
export function admissionMetrics(meter: Meter) {
  return {
    openSagas: meter.gauge("sagas_open", "Sagas under way, counted up to the limit of admission"),
    refusing: meter.gauge(
      "intake_refusing",
      "1 while no more checkouts are taken, because too many are under way",
    ),
  };
}
