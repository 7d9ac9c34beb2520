// Stripe behind the port, by its official SDK. The table in the middle is the heart: what each error says about the money.
// Opened in cmd/payment; the simulator (internal/paysim) speaks the same API.
import { Stripe } from "stripe";
import { toStripe } from "./stripe-amounts.ts";
import type {
  ChargeAnswer,
  ChargeRequest,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundAnswer,
  RefundRequest,
  UnknownReason,
} from "./provider.ts";

/** Longer than a charge takes in practice; the executor's lease must outlast it. */
export const STRIPE_TIMEOUT_MS = 10_000;
/** One saga has one charge; a few more would show in the log of whoever looks. */
const SEARCH_LIMIT = 10;
const MAX_MESSAGE_LENGTH = 1_000;

export interface StripeOptions {
  readonly apiKey: string;
  /** Where the API is; Stripe's own where it is left out. */
  readonly baseUrl?: URL;
  readonly timeoutMs?: number;
}

export function stripeClient({ apiKey, baseUrl, timeoutMs = STRIPE_TIMEOUT_MS }: StripeOptions): Stripe {
  return new Stripe(apiKey, {
    ...(baseUrl === undefined ? {} : addressOf(baseUrl)),
    timeout: timeoutMs,
    // Ours is the one layer of retries. The SDK still resends once by itself when a connection is closed under it, which
    // its key makes harmless; it only means that a call may take twice the timeout.
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

export class StripeProvider implements PaymentProvider {
  readonly name = "stripe";
  readonly #stripe: Stripe;

  constructor(options: StripeOptions) {
    this.#stripe = stripeClient(options);
  }

  async charge(request: ChargeRequest): Promise<ChargeAnswer> {
    const money = toStripe(request);
    if ("fault" in money) return noEffect(money.fault, "AMOUNT_NOT_CHARGEABLE");
    try {
      const intent = await this.#stripe.paymentIntents.create(
        {
          amount: money.amount,
          currency: money.currency,
          payment_method: request.payment_method,
          confirm: true,
          // The shopper is gone from the page: what would need them (3-D Secure, a redirect) is a decline.
          automatic_payment_methods: { enabled: true, allow_redirects: "never" },
          error_on_requires_action: true,
          metadata: { saga_id: request.saga_id },
        },
        { idempotencyKey: request.idempotency_key },
      );
      return answerOf(intent);
    } catch (error) {
      return chargeAnswerTo(error);
    }
  }

  async findCharge(saga_id: string): Promise<FoundCharge> {
    try {
      const query = `metadata['saga_id']:'${saga_id}'`;
      const { data } = await this.#stripe.paymentIntents.search({ query, limit: SEARCH_LIMIT });
      const answers = data.map(answerOf);
      // Money that moved outweighs everything; what is undecided outweighs a decline.
      return (
        answers.find(({ kind }) => kind === "succeeded") ??
        answers.find(({ kind }) => kind === "unknown") ??
        answers[0] ?? { kind: "not_found" }
      );
    } catch (error) {
      // A search that is refused says nothing about the charge.
      const answer = chargeAnswerTo(error);
      return answer.kind === "unknown" ? answer : unknown("unexpected");
    }
  }

  async refund(request: RefundRequest): Promise<RefundAnswer> {
    try {
      const refund = await this.#stripe.refunds.create(
        { payment_intent: request.provider_txn_id, metadata: { saga_id: request.saga_id } },
        { idempotencyKey: request.idempotency_key },
      );
      return refundAnswerOf(refund);
    } catch (error) {
      if (!isAlreadyRefunded(error)) return notRefunded(error);
      const found = await this.findRefund(request.provider_txn_id);
      return found.kind === "not_found" ? { kind: "not_yet", error_code: "REFUND_NOT_LISTED" } : found;
    }
  }

  async findRefund(provider_txn_id: string): Promise<FoundRefund> {
    try {
      const { data } = await this.#stripe.refunds.list({
        payment_intent: provider_txn_id,
        limit: SEARCH_LIMIT,
      });
      const answers = data
        .filter(({ status }) => status !== "failed" && status !== "canceled")
        .map(refundAnswerOf);
      return answers.find(({ kind }) => kind === "succeeded") ?? answers[0] ?? { kind: "not_found" };
    } catch (error) {
      return notRefunded(error);
    }
  }
}

type StripeErrorRule = (error: Stripe.errors.StripeError) => ChargeAnswer;

/** By the SDK's error class. Whatever is not here is unknown: guessing wrong would lose money, asking again does not. */
const CHARGE_ERRORS: Readonly<Record<string, StripeErrorRule>> = {
  // 402: the bank said no, and the answer is stored under the key.
  StripeCardError: ({ code, message }) => declined(code ?? "card_declined", message),
  // 400, 404: refused before execution. The key comes first at the provider: had an attempt with it been taken, that one's
  // answer would have come.
  StripeInvalidRequestError: ({ code, param, message }) =>
    declined(param === "payment_method" ? "payment_method_invalid" : (code ?? "payment_rejected"), message),
  // 401, 403: not even looked at. Earlier attempts were made with credentials that worked.
  StripeAuthenticationError: () => noEffect("the provider refuses this service's API key"),
  StripePermissionError: () => noEffect("this service's API key may not charge"),
  // 429: refused for now.
  StripeRateLimitError: () => unknown("rate_limited"),
  // Somebody used the key with other parameters: what it stands for is to be looked up.
  StripeIdempotencyError: () => unknown("key_reused"),
  // The request may have got through. Nothing tells a refused connection from one cut after sending, because the SDK resends.
  StripeConnectionError: (error) => unknown(isTimeout(error) ? "timeout" : "connection_lost"),
  // 409: another request with this key is being executed. 5xx: anything may have happened; the answer may be stored.
  StripeAPIError: (error) =>
    error.statusCode === 409 ? unknown("key_in_use") : unknown("server_error", isReplayed(error)),
};

function chargeAnswerTo(error: unknown): ChargeAnswer {
  if (!(error instanceof Stripe.errors.StripeError)) return unknown("unexpected");
  return CHARGE_ERRORS[error.type]?.(error) ?? unknown("unexpected");
}

/** What the intent says about the charge that it was made for. */
export function answerOf(intent: Stripe.PaymentIntent): Exclude<ChargeAnswer, { kind: "no_effect" }> {
  switch (intent.status) {
    case "succeeded":
      return { kind: "succeeded", provider_txn_id: intent.id };
    case "requires_payment_method":
    case "canceled": {
      const { code, message } = intent.last_payment_error ?? {};
      return declined(code ?? "card_declined", message ?? `the payment intent is ${intent.status}`);
    }
    // The bank still thinks about it.
    case "processing":
    // Not asked for (`confirm`, automatic capture, no action), so never seen; it must not count as an end.
    case "requires_action":
    case "requires_capture":
    case "requires_confirmation":
      return unknown("processing");
    default:
      return unknown("unexpected");
  }
}

function refundAnswerOf({ id, status }: Stripe.Refund): RefundAnswer {
  if (status === "succeeded") return { kind: "succeeded", provider_refund_id: id };
  return { kind: "not_yet", error_code: `REFUND_${(status ?? "unknown").toUpperCase()}` };
}

function notRefunded(error: unknown): { readonly kind: "not_yet"; readonly error_code: string } {
  const answer = chargeAnswerTo(error);
  const error_code =
    answer.kind === "unknown"
      ? answer.reason.toUpperCase()
      : "error_code" in answer
        ? answer.error_code
        : "UNEXPECTED";
  return { kind: "not_yet", error_code };
}

function declined(code: string, message: string) {
  return { kind: "declined", error_code: code.toUpperCase(), error_message: printable(message) } as const;
}

function noEffect(error_message: string, error_code = "PROVIDER_REJECTED"): ChargeAnswer {
  return { kind: "no_effect", error_code, error_message };
}

function unknown(reason: UnknownReason, replayed = false) {
  return { kind: "unknown", reason, replayed } as const;
}

function isTimeout({ detail }: Stripe.errors.StripeError): boolean {
  return typeof detail === "object" && detail !== null && "code" in detail && detail.code === "ETIMEDOUT";
}

function isReplayed({ headers }: Stripe.errors.StripeError): boolean {
  return headers?.["idempotent-replayed"] === "true";
}

function isAlreadyRefunded(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "charge_already_refunded";
}

/** The provider's words end up in text columns and events, which take no control characters and no novels. */
function printable(message: string): string {
  return message.replaceAll(/\p{Cc}+/gu, " ").slice(0, MAX_MESSAGE_LENGTH);
}

function addressOf(url: URL) {
  const isSecure = url.protocol === "https:";
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  return { host: url.hostname, port, protocol: isSecure ? "https" : "http" } as const;
}
