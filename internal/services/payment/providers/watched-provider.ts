// Reports every sent call and its result to pace.ts and charge-hold.ts, which decide what may be sent next, and to the operator. It sits
// between the circuit breaker and the adapter, so that it sees only calls that are really sent; opened in cmd/payment. It holds
// nothing back: the executor does that when it claims.
import type { ChargeHold } from "./charge-hold.ts";
import type { Pace } from "./pace.ts";
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
  RequestRefused,
} from "./provider.ts";

export interface Watchers {
  readonly pace: Pace;
  readonly hold: ChargeHold;
  readonly onRefused: (call: Call, refusal: RequestRefused) => void;
}

type Call =
  | "charge"
  | "capture"
  | "find charge"
  | "look up charge"
  | "cancel charge"
  | "look up action"
  | "refund"
  | "find refund";

/** Results of a charge that show that the provider takes our requests. */
const UNDERSTOOD: ReadonlySet<ChargeResult["kind"]> = new Set([
  "succeeded",
  "authorized",
  "declined",
  "action_required",
]);

type AnyResult = ChargeResult | CaptureResult | FoundCharge | FoundAction | RefundResult | FoundRefund;

export class WatchedProvider implements PaymentProvider {
  readonly name: string;
  readonly #provider: PaymentProvider;
  readonly #watchers: Watchers;

  constructor(provider: PaymentProvider, watchers: Watchers) {
    this.name = provider.name;
    this.#provider = provider;
    this.#watchers = watchers;
  }

  async charge(request: ChargeRequest, until?: number): Promise<ChargeResult> {
    const result = await this.#measured("charge", () => this.#provider.charge(request, until));
    const { hold } = this.#watchers;
    if (result.kind === "request_refused") hold.refused(performance.now());
    else if (UNDERSTOOD.has(result.kind)) hold.understood();
    return result;
  }

  findCharge(request: FindRequest, until?: number): Promise<FoundCharge> {
    return this.#measured("find charge", () => this.#provider.findCharge(request, until));
  }

  lookUpCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    return this.#measured("look up charge", () => this.#provider.lookUpCharge(provider_txn_id, until));
  }

  capture(request: CaptureRequest, until?: number): Promise<CaptureResult> {
    return this.#measured("capture", () => this.#provider.capture(request, until));
  }

  cancelCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    return this.#measured("cancel charge", () => this.#provider.cancelCharge(provider_txn_id, until));
  }

  actionOf(provider_txn_id: string): Promise<FoundAction> {
    return this.#measured("look up action", () => this.#provider.actionOf(provider_txn_id));
  }

  refund(request: RefundRequest, until?: number): Promise<RefundResult> {
    return this.#measured("refund", () => this.#provider.refund(request, until));
  }

  findRefund(provider_txn_id: string, until?: number): Promise<FoundRefund> {
    return this.#measured("find refund", () => this.#provider.findRefund(provider_txn_id, until));
  }

  async #measured<Result extends AnyResult>(name: Call, call: () => Promise<Result>): Promise<Result> {
    const { pace, onRefused } = this.#watchers;
    const leftMs = performance.now();
    pace.leaves(leftMs);
    const result = await call();
    const nowMs = performance.now();
    if (result.kind === "deferred" && result.reason !== "locked")
      pace.refused(leftMs, nowMs, result.retry_after_ms);
    else pace.accepted(nowMs);
    if (result.kind === "request_refused") onRefused(name, result);
    return result;
  }
}
