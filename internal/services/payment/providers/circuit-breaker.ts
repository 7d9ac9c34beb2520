// Stops asking a provider that has stopped answering, so that shoppers hear at once instead of after a timeout each. In front
// of any provider; opened in cmd/payment. What may be concluded from "not asked" is attempts.ts's business: only a charge that
// was never attempted fails by it.
import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  handleWhenResult,
} from "cockatiel";
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

interface Answered<Answer> {
  readonly answer: Answer;
  /**
   * A timeout says something about the provider unless we stood still ourselves, or others have been answered since it was asked:
   * when business stops, the slow calls of an otherwise quick provider run into their timeouts one after the other.
   */
  readonly countsAsTimeout: boolean;
}

export class CircuitBreaker implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #options: CircuitBreakerOptions;
  #policy: CircuitBreakerPolicy;
  /** By `performance.now()`. */
  #openedAt = 0;
  /** By `performance.now()`: when somebody was last heard there. */
  #answeredAt = -Infinity;

  constructor(provider: PaymentProvider, options: CircuitBreakerOptions) {
    this.name = provider.name;
    this.#provider = provider;
    this.#options = options;
    this.#policy = this.#newPolicy();
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

  #newPolicy(initialState?: unknown): CircuitBreakerPolicy {
    const { probeAfterMs, consecutiveTimeouts, onChange } = this.#options;
    const policy = circuitBreaker(handleWhenResult(countsAsTimeout), {
      halfOpenAfter: probeAfterMs,
      breaker: new ConsecutiveBreaker(consecutiveTimeouts),
      initialState,
    });
    policy.onBreak(() => {
      this.#openedAt = performance.now();
      onChange("open");
    });
    policy.onReset(() => onChange("closed"));
    return policy;
  }

  /**
   * The library counts by the wall clock: opened while that ran an hour ahead, the breaker would stay open for an hour after it was
   * set right. What has been open for its time by a clock that nobody sets is due for its probe.
   */
  #endOverlongOpen(): void {
    const { probeAfterMs, consecutiveTimeouts } = this.#options;
    if (this.#policy.state !== CircuitState.Open || performance.now() - this.#openedAt < probeAfterMs) return;
    const ownState = { value: CircuitState.Open, openedAt: 0, attemptNo: 1 };
    this.#policy = this.#newPolicy({ ownState, breakerState: consecutiveTimeouts });
  }

  async #unlessOpen<Answer>(call: () => Promise<Answer>, whenOpen: Answer): Promise<Answer> {
    this.#endOverlongOpen();
    // Others than the probe would be made to wait for its end.
    if (this.#policy.state === CircuitState.HalfOpen) return whenOpen;
    try {
      const { answer } = await this.#policy.execute(() => this.#judged(call));
      return answer;
    } catch (error) {
      if (error instanceof BrokenCircuitError) return whenOpen;
      throw error;
    }
  }

  async #judged<Answer>(call: () => Promise<Answer>): Promise<Answered<Answer>> {
    const askedAt = performance.now();
    const answer = await call();
    if (!isTimeout(answer)) {
      this.#answeredAt = performance.now();
      return { answer, countsAsTimeout: false };
    }
    return { answer, countsAsTimeout: this.#options.resumedAt() < askedAt && this.#answeredAt <= askedAt };
  }
}

function countsAsTimeout(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  return "countsAsTimeout" in result && result.countsAsTimeout === true;
}

/** Answers of any kind, refusals and server errors included, show that somebody is there. */
function isTimeout(answer: unknown): boolean {
  if (typeof answer !== "object" || answer === null) return false;
  return (
    ("reason" in answer && answer.reason === "timeout") ||
    ("error_code" in answer && answer.error_code === "TIMEOUT")
  );
}
