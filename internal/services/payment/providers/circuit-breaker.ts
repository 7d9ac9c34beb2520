// Stops asking a provider that has stopped answering, so that shoppers hear at once instead of after a timeout each. In front
// of any provider; opened in cmd/payment. What may be concluded from "not asked" is attempts.ts's business: only a charge that
// was never attempted fails by it. All times are by the monotonic clock: by the wall clock, a breaker that opens while the clock is
// an hour fast stays open for an hour after it is set right.
import type {
  ChargeResult,
  ChargeRequest,
  FindRequest,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundResult,
  RefundRequest,
} from "./provider.ts";

export const CONSECUTIVE_TIMEOUTS = 5;
export const PROBE_AFTER_MS = 10_000;

export interface CircuitBreakerOptions {
  /** Opens after so many timeouts in a row. */
  readonly consecutiveTimeouts: number;
  /** Then one call is let through after so long, and decides. */
  readonly probeAfterMs: number;
  readonly onChange: (state: "open" | "closed") => void;
  /** When this process last went on after it had stood still, by `performance.now()`; see StallWatch. */
  readonly resumedAt: () => number;
}

export class CircuitBreaker implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #options: CircuitBreakerOptions;
  /** `probing`: one call is out that decides; no other goes out meanwhile. */
  #state: "closed" | "open" | "probing" = "closed";
  /** In a row, while closed. */
  #timeouts = 0;
  /** By `performance.now()`. */
  #openedAt = 0;
  /** By `performance.now()`: the last result that was no timeout. */
  #answeredAt = -Infinity;

  constructor(provider: PaymentProvider, options: CircuitBreakerOptions) {
    this.name = provider.name;
    this.#provider = provider;
    this.#options = options;
  }

  charge(request: ChargeRequest): Promise<ChargeResult> {
    const open: ChargeResult = {
      kind: "no_effect",
      error_code: "PROVIDER_UNAVAILABLE",
      error_message: "the payment provider does not answer at the moment",
    };
    return this.#unlessOpen(() => this.#provider.charge(request), open);
  }

  findCharge(request: FindRequest): Promise<FoundCharge> {
    const open: FoundCharge = { kind: "unknown", reason: "breaker_open", replayed: false };
    return this.#unlessOpen(() => this.#provider.findCharge(request), open);
  }

  refund(request: RefundRequest): Promise<RefundResult> {
    const open: RefundResult = { kind: "not_yet", error_code: "PROVIDER_UNAVAILABLE" };
    return this.#unlessOpen(() => this.#provider.refund(request), open);
  }

  findRefund(provider_txn_id: string): Promise<FoundRefund> {
    const open: FoundRefund = { kind: "not_yet", error_code: "PROVIDER_UNAVAILABLE" };
    return this.#unlessOpen(() => this.#provider.findRefund(provider_txn_id), open);
  }

  async #unlessOpen<Result>(call: () => Promise<Result>, whenOpen: Result): Promise<Result> {
    if (this.#state === "probing") return whenOpen;
    if (this.#state === "closed") {
      const { result, countsAsTimeout } = await this.#watched(call);
      this.#count(countsAsTimeout);
      return result;
    }
    if (performance.now() - this.#openedAt < this.#options.probeAfterMs) return whenOpen;
    return this.#probe(call);
  }

  /** A result that comes late, when the breaker is no longer closed, changes nothing: the probe decides. */
  #count(countsAsTimeout: boolean): void {
    if (this.#state !== "closed") return;
    this.#timeouts = countsAsTimeout ? this.#timeouts + 1 : 0;
    if (this.#timeouts >= this.#options.consecutiveTimeouts) this.#open();
  }

  async #probe<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#state = "probing";
    let failed = true;
    try {
      const { result, countsAsTimeout } = await this.#watched(call);
      failed = countsAsTimeout;
      return result;
    } finally {
      if (failed) this.#open();
      else this.#close();
    }
  }

  #open(): void {
    this.#state = "open";
    this.#openedAt = performance.now();
    this.#options.onChange("open");
  }

  #close(): void {
    this.#state = "closed";
    this.#timeouts = 0;
    this.#options.onChange("closed");
  }

  /**
   * A timeout says something about the provider unless this process stood still itself, or other calls got a result since this one was
   * sent: when business stops, the slow calls of an otherwise quick provider time out one after the other.
   */
  async #watched<Result>(call: () => Promise<Result>) {
    const sentAt = performance.now();
    const result = await call();
    if (!isTimeout(result)) {
      this.#answeredAt = performance.now();
      return { result, countsAsTimeout: false };
    }
    return { result, countsAsTimeout: this.#options.resumedAt() < sentAt && this.#answeredAt <= sentAt };
  }
}

/** Answers of any kind, refusals and server errors included, show that somebody is there. */
function isTimeout(answer: unknown): boolean {
  if (typeof answer !== "object" || answer === null) return false;
  return (
    ("reason" in answer && answer.reason === "timeout") ||
    ("error_code" in answer && answer.error_code === "TIMEOUT")
  );
}
