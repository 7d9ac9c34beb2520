// The gateway's client of the payment service's internal API. Only an answer in that API's format counts. Called by routes/payment.ts and shop-data.ts.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import { PaymentAction, PaymentApiFault, PaymentCheck } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";

/** Longer than the payment service waits for its provider. */
const ACTION_TIMEOUT_MS = 12_000;
const CHECK_TIMEOUT_MS = 5_000;

const paymentAction = TypeCompiler.Compile(PaymentAction);
const paymentCheck = TypeCompiler.Compile(PaymentCheck);
const fault = TypeCompiler.Compile(PaymentApiFault);

export class PaymentClient {
  readonly #baseUrl: string;

  constructor({ url }: { readonly url: string }) {
    this.#baseUrl = url.replace(/\/$/, "");
  }

  /** The bank's page for the saga's payment; null if its shopper has nothing to confirm. Throws SERVICE_UNAVAILABLE. */
  async action(sagaId: string): Promise<PaymentAction | null> {
    return this.#call(`/payments/${sagaId}/action`, "GET", ACTION_TIMEOUT_MS, paymentAction);
  }

  /** Has the saga's payment looked up now, if it waits for its shopper and was not looked up just now. Throws SERVICE_UNAVAILABLE. */
  async check(sagaId: string): Promise<PaymentCheck> {
    const answer = await this.#call(`/payments/${sagaId}/check`, "POST", CHECK_TIMEOUT_MS, paymentCheck);
    return answer ?? { checking: false };
  }

  async #call<Schema extends TSchema>(
    path: string,
    method: string,
    timeoutMs: number,
    expected: TypeCheck<Schema>,
  ): Promise<Static<Schema> | null> {
    let body: unknown;
    let status = 0;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(this.#baseUrl + path, { method, signal, redirect: "manual" });
      ({ status } = response);
      body = await response.json();
    } catch (cause) {
      throw new AppError("SERVICE_UNAVAILABLE", "the payment service does not answer", { cause });
    }
    if (fault.Check(body) && body.error === "NO_OPEN_ACTION") return null;
    if (expected.Check(body)) return body;
    // The answer is not quoted: it could hold the secret of a payment.
    throw new AppError(
      "SERVICE_UNAVAILABLE",
      `the payment service answered unexpectedly with HTTP ${status}`,
    );
  }
}
