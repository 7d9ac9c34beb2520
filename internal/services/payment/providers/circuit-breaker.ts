// Stops calling a provider that no longer answers, so that shoppers get a reply at once instead of after a timeout each. Wraps any
// provider; opened in cmd/payment. attempts.ts decides what an unsent request means: only a charge without an earlier attempt fails.
// All times are monotonic: by the wall clock, a breaker that opens while the clock is an hour fast would stay open for an hour after
// the correction.
import type {
  CaptureRequest,
  CaptureResult,
  ChargeResult,
  ChargeRequest,
  FindRequest,
  FoundAction,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundResult,
  RefundRequest,
} from "./provider.ts";

export const CONSECUTIVE_TIMEOUTS = 5;
export const PROBE_AFTER_MS = 10_000;

const NOT_ASKED = { kind: "unknown", reason: "breaker_open", replayed: false } as const;

export interface CircuitBreakerOptions {
  /** Opens after this many timeouts in a row. */
  readonly consecutiveTimeouts: number;
  /** After this long, one call is let through, and its result decides. */
  readonly probeAfterMs: number;
  readonly onChange: (state: "open" | "closed") => void;
  /** When this process last resumed after a stall, by `performance.now()`; see StallWatch. */
  readonly resumedAt: () => number;
}

export class CircuitBreaker implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #options: CircuitBreakerOptions;
  /** `probing`: one call is out, and its result decides; no other call is sent meanwhile. */
  #state: "closed" | "open" | "probing" = "closed";
  /** Timeouts in a row, while closed. */
  #timeouts = 0;
  /** By `performance.now()`. */
  #openedAt = 0;
  /** By `performance.now()`: the last result other than a timeout. */
  #lastResultAt = -Infinity;

  constructor(provider: PaymentProvider, options: CircuitBreakerOptions) {
    this.name = provider.name;
    this.#provider = provider;
    this.#options = options;
  }

  charge(request: ChargeRequest, until?: number): Promise<ChargeResult> {
    const open: ChargeResult = {
      kind: "no_effect",
      error_code: "PROVIDER_UNAVAILABLE",
      error_message: "the payment provider does not answer at the moment",
    };
    return this.#unlessOpen(() => this.#provider.charge(request, until), open);
  }

  findCharge(request: FindRequest, until?: number): Promise<FoundCharge> {
    return this.#unlessOpen<FoundCharge>(() => this.#provider.findCharge(request, until), NOT_ASKED);
  }

  lookUpCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    return this.#unlessOpen<FoundCharge>(
      () => this.#provider.lookUpCharge(provider_txn_id, until),
      NOT_ASKED,
    );
  }

  capture(request: CaptureRequest, until?: number): Promise<CaptureResult> {
    return this.#unlessOpen<CaptureResult>(() => this.#provider.capture(request, until), NOT_ASKED);
  }

  cancelCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    return this.#unlessOpen<FoundCharge>(
      () => this.#provider.cancelCharge(provider_txn_id, until),
      NOT_ASKED,
    );
  }

  actionOf(provider_txn_id: string): Promise<FoundAction> {
    return this.#unlessOpen<FoundAction>(() => this.#provider.actionOf(provider_txn_id), NOT_ASKED);
  }

  refund(request: RefundRequest, until?: number): Promise<RefundResult> {
    const open: RefundResult = { kind: "not_yet", error_code: "PROVIDER_UNAVAILABLE" };
    return this.#unlessOpen(() => this.#provider.refund(request, until), open);
  }

  findRefund(provider_txn_id: string, until?: number): Promise<FoundRefund> {
    const open: FoundRefund = { kind: "not_yet", error_code: "PROVIDER_UNAVAILABLE" };
    return this.#unlessOpen(() => this.#provider.findRefund(provider_txn_id, until), open);
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

  /** A late result, after the breaker has opened, changes nothing: the probe decides. */
  #count(countsAsTimeout: boolean): void {
    if (this.#state !== "closed") return;
    this.#timeouts = countsAsTimeout ? this.#timeouts + 1 : 0;
    if (this.#timeouts >= this.#options.consecutiveTimeouts) this.#open();
  }

  async #probe<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#state = "probing";
    // A call that throws has shown nothing, so the breaker stays open.
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
   * A timeout counts unless this process itself stalled, or another call got a result after this one was sent: when traffic stops,
   * the slow calls of an otherwise fast provider time out one after the other.
   */
  async #watched<Result>(call: () => Promise<Result>) {
    const sentAt = performance.now();
    const result = await call();
    if (!isTimeout(result)) {
      this.#lastResultAt = performance.now();
      return { result, countsAsTimeout: false };
    }
    return { result, countsAsTimeout: this.#options.resumedAt() < sentAt && this.#lastResultAt <= sentAt };
  }
}

/** Any answer, even a refusal or a server error, shows that the provider is reachable. */
function isTimeout(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  return (
    ("reason" in result && result.reason === "timeout") ||
    ("error_code" in result && result.error_code === "TIMEOUT")
  );
}
