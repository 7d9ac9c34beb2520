// Tells the pace of every call that leaves and of what the provider made of it. In front of the adapter and behind the circuit
// breaker, so that it sees each call that really leaves; opened in cmd/payment. It holds nothing back: who claims does that.
import type { Pace } from "./pace.ts";
import type {
  ChargeAnswer,
  ChargeRequest,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundAnswer,
  RefundRequest,
} from "./provider.ts";

type AnyAnswer = ChargeAnswer | FoundCharge | RefundAnswer | FoundRefund;

export class PacedProvider implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #pace: Pace;

  constructor(provider: PaymentProvider, pace: Pace) {
    this.name = provider.name;
    this.#provider = provider;
    this.#pace = pace;
  }

  charge(request: ChargeRequest): Promise<ChargeAnswer> {
    return this.#told(() => this.#provider.charge(request));
  }

  findCharge(saga_id: string): Promise<FoundCharge> {
    return this.#told(() => this.#provider.findCharge(saga_id));
  }

  refund(request: RefundRequest): Promise<RefundAnswer> {
    return this.#told(() => this.#provider.refund(request));
  }

  findRefund(provider_txn_id: string): Promise<FoundRefund> {
    return this.#told(() => this.#provider.findRefund(provider_txn_id));
  }

  async #told<Answer extends AnyAnswer>(call: () => Promise<Answer>): Promise<Answer> {
    const leftMs = performance.now();
    this.#pace.leaves(leftMs);
    const answer = await call();
    const nowMs = performance.now();
    if (answer.kind === "deferred" && answer.reason !== "locked")
      this.#pace.refused(leftMs, nowMs, answer.retry_after_ms);
    else this.#pace.accepted(nowMs);
    return answer;
  }
}
