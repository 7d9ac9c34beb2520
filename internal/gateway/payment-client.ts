// The gateway's client of the payment service's internal API. Called by routes/payment.ts and shop-data.ts.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { PaymentAction, PaymentApiFault, PaymentCheck } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { InternalApi, type ServiceAt } from "./internal-api.ts";

/** Longer than the payment service waits for its provider. */
const ACTION_TIMEOUT_MS = 12_000;
const CHECK_TIMEOUT_MS = 5_000;

const fault = TypeCompiler.Compile(PaymentApiFault);
const action = { body: TypeCompiler.Compile(PaymentAction), fault };
const check = { body: TypeCompiler.Compile(PaymentCheck), fault };

export class PaymentClient {
  readonly #api: InternalApi;

  constructor(at: ServiceAt) {
    this.#api = new InternalApi("payment service", at);
  }

  /** The bank's page for the saga's payment; null if its shopper has nothing to confirm. Throws SERVICE_UNAVAILABLE. */
  async action(sagaId: string): Promise<PaymentAction | null> {
    const answer = await this.#api.call(`/payments/${sagaId}/action`, action, {
      signal: AbortSignal.timeout(ACTION_TIMEOUT_MS),
    });
    return "body" in answer ? answer.body : missing(answer.fault);
  }

  /** Has the saga's payment looked up now, if it waits for its shopper and was not looked up just now. Throws SERVICE_UNAVAILABLE. */
  async check(sagaId: string): Promise<PaymentCheck> {
    const answer = await this.#api.call(`/payments/${sagaId}/check`, check, {
      method: "POST",
      signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
    });
    return "body" in answer ? answer.body : (missing(answer.fault) ?? { checking: false });
  }
}

function missing({ error }: PaymentApiFault): null {
  if (error === "NO_OPEN_ACTION") return null;
  throw new AppError("SERVICE_UNAVAILABLE", `the payment service answered ${error}`);
}
