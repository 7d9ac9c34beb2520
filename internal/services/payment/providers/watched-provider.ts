// Watches every call that leaves and what the provider made of it, for those who decide what may leave next (pace.ts,
// charge-hold.ts) and for the operator. In front of the adapter and behind the circuit breaker, so that it sees each call that
// really leaves; opened in cmd/payment. It holds nothing back: who claims does that.
import type { ChargeHold } from "./charge-hold.ts";
import type { Pace } from "./pace.ts";
import type {
  ChargeResult,
  ChargeRequest,
  FindRequest,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundResult,
  RefundRequest,
  RequestRefused,
} from "./provider.ts";

export interface Watchers {
  readonly pace: Pace;
  readonly hold: ChargeHold;
  readonly onRefused: (call: Call, refusal: RequestRefused) => void;
}

type Call = "charge" | "find charge" | "refund" | "find refund";

type AnyResult = ChargeResult | FoundCharge | RefundResult | FoundRefund;

export class WatchedProvider implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #watchers: Watchers;

  constructor(provider: PaymentProvider, watchers: Watchers) {
    this.name = provider.name;
    this.#provider = provider;
    this.#watchers = watchers;
  }

  async charge(request: ChargeRequest): Promise<ChargeResult> {
    const answer = await this.#measured("charge", () => this.#provider.charge(request));
    const { hold } = this.#watchers;
    if (answer.kind === "request_refused") hold.refused(performance.now());
    else if (answer.kind === "succeeded" || answer.kind === "declined") hold.understood();
    return answer;
  }

  findCharge(request: FindRequest): Promise<FoundCharge> {
    return this.#measured("find charge", () => this.#provider.findCharge(request));
  }

  refund(request: RefundRequest): Promise<RefundResult> {
    return this.#measured("refund", () => this.#provider.refund(request));
  }

  findRefund(provider_txn_id: string): Promise<FoundRefund> {
    return this.#measured("find refund", () => this.#provider.findRefund(provider_txn_id));
  }

  async #measured<Answer extends AnyResult>(name: Call, call: () => Promise<Answer>): Promise<Answer> {
    const { pace, onRefused } = this.#watchers;
    const leftMs = performance.now();
    pace.leaves(leftMs);
    const answer = await call();
    const nowMs = performance.now();
    if (answer.kind === "deferred" && answer.reason !== "locked")
      pace.refused(leftMs, nowMs, answer.retry_after_ms);
    else pace.accepted(nowMs);
    if (answer.kind === "request_refused") onRefused(name, answer);
    return answer;
  }
}
