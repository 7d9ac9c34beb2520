// Stripe as a PaymentProvider, through its official SDK. stripe-errors.ts says what each error means for the money. Opened in
// cmd/payment; the simulator (internal/paysim) has the same API.
import { Stripe } from "stripe";
import { toStripe } from "./stripe-amounts.ts";
import type {
  CaptureRequest,
  CaptureResult,
  ProviderChargeResult,
  ChargeResult,
  ChargeRequest,
  FindRequest,
  FoundAction,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundResult,
  RefundRequest,
} from "../provider.ts";
import { isFailed, refundCodeOf } from "./refund-status.ts";
import { Resends } from "./resends.ts";
import {
  captureFailureOf,
  chargeResultOf,
  cardDeclined,
  declined,
  holdEnded,
  isAlreadyRefunded,
  isHoldOver,
  isKeyReused,
  isUnexpectedState,
  noEffect,
  refundFailureOf,
  unknown,
} from "./stripe-errors.ts";
import { type TimeLeft, timeLeft } from "./call-time.ts";
import { captureBefore, chargedCard, WITH_CHARGE, WITH_CHARGES } from "./stripe-card.ts";
import { findInList } from "./stripe-lists.ts";

/**
 * The version of Stripe's API that this adapter is written for, sent with every request. It is the SDK's own: its types describe no
 * other. A webhook endpoint is registered with the same one.
 */
export const STRIPE_API_VERSION = "2026-10-28.endive";
/**
 * Of a call, with all of its requests (call-time.ts) and their resends (resends.ts). Longer than a charge takes in practice; the executor's
 * lease must be longer.
 */
export const STRIPE_TIMEOUT_MS = 10_000;
/** A saga has one charge; the search reads a few more in case there are several. */
const SEARCH_LIMIT = 10;
/** People may have given parts back before. Stripe's maximum. */
const REFUNDS_LIMIT = 100;

export interface StripeOptions {
  readonly apiKey: string;
  /** Saved with every charge and refund, so that ours can be told apart in a shared account. */
  readonly mark: string;
  /** The URL of the API. Default: Stripe's own. */
  readonly baseUrl?: URL;
  readonly timeoutMs?: number;
  /**
   * The shop's address. After the bank's page the shopper comes back to `/checkout/SAGA` there. Without it no charge waits for a
   * shopper.
   */
  readonly shopUrl?: URL;
}

/** The metadata key of the mark. */
export const MARK_KEY = "shop";

export function stripeClient(
  { apiKey, baseUrl, timeoutMs = STRIPE_TIMEOUT_MS }: StripeOptions,
  resends = new Resends(),
): Stripe {
  return new Stripe(apiKey, {
    apiVersion: STRIPE_API_VERSION,
    httpClient: Stripe.createFetchHttpClient(resends.fetch),
    ...(baseUrl === undefined ? {} : addressOf(baseUrl)),
    timeout: timeoutMs,
    // Only this service retries. A request whose connection closes is still sent again once (resends.ts); the key makes that harmless.
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

export class StripeProvider implements PaymentProvider {
  readonly name = "stripe";
  readonly #resends = new Resends();
  readonly #stripe: Stripe;
  readonly #mark: string;
  readonly #timeoutMs: number;
  readonly #shopUrl: URL | undefined;

  constructor(options: StripeOptions) {
    this.#stripe = stripeClient(options, this.#resends);
    this.#mark = options.mark;
    this.#timeoutMs = options.timeoutMs ?? STRIPE_TIMEOUT_MS;
    this.#shopUrl = options.shopUrl;
  }

  async charge(request: ChargeRequest, until?: number): Promise<ChargeResult> {
    const money = toStripe(request);
    if ("fault" in money) return noEffect(money.fault, "AMOUNT_NOT_CHARGEABLE");
    const limits = timeLeft(this.#timeoutMs, until);
    try {
      const { idempotency_key } = request;
      const asked = {
        amount: money.amount,
        currency: money.currency,
        payment_method: request.payment_method,
        confirm: true,
        // What every request of older versions says by leaving it out: a key belongs to its parameters.
        ...(request.capture === "manual" ? { capture_method: "manual" as const } : {}),
        ...this.#waysToPay(request),
        metadata: this.#metadata(request.saga_id),
      };
      const intent = await this.#create(asked, idempotency_key, limits);
      const answer = answerOf(intent);
      // The key's first answer says "held" forever, also when the money has been taken or released since.
      return answer.kind === "authorized" && isReplayed(intent)
        ? presentOf(await this.#lookUp(intent.id, limits))
        : answer;
    } catch (error) {
      return chargeResultOf(error, { resent: this.#resends.take(request.idempotency_key) });
    } finally {
      this.#resends.take(request.idempotency_key);
    }
  }

  /**
   * `expand` is one of the parameters that a key belongs to, and older versions did not send it: a key that belongs to other parameters
   * may belong to a request of theirs, whose answer is asked for as they did.
   */
  async #create(asked: Stripe.PaymentIntentCreateParams, idempotencyKey: string, limits: TimeLeft) {
    try {
      return await this.#stripe.paymentIntents.create(
        { ...asked, ...WITH_CHARGE },
        { idempotencyKey, ...limits() },
      );
    } catch (error) {
      if (!isKeyReused(error)) throw error;
      return this.#stripe.paymentIntents.create(asked, { idempotencyKey, ...limits() });
    }
  }

  /** The whole hold is captured, which Stripe does once, so another key cannot take more. */
  async capture(request: CaptureRequest, until?: number): Promise<CaptureResult> {
    const { idempotency_key: idempotencyKey, provider_txn_id } = request;
    const limits = timeLeft(this.#timeoutMs, until);
    try {
      const intent = await this.#stripe.paymentIntents.capture(provider_txn_id, WITH_CHARGE, {
        idempotencyKey,
        ...limits(),
      });
      return capturedOf(answerOf(intent));
    } catch (error) {
      if (!isHoldOver(error)) return captureFailureOf(error, { resent: this.#resends.take(idempotencyKey) });
      return capturedOf(presentOf(await this.#lookUp(provider_txn_id, limits)));
    } finally {
      this.#resends.take(idempotencyKey);
    }
  }

  async findCharge(request: FindRequest, until?: number): Promise<FoundCharge> {
    const limits = timeLeft(this.#timeoutMs, until);
    try {
      const query = `metadata['saga_id']:'${request.saga_id}'`;
      const asked = { query, limit: SEARCH_LIMIT, ...WITH_CHARGES };
      const { data } = await this.#stripe.paymentIntents.search(asked, limits());
      return foundAmong(data);
    } catch (error) {
      const result = lookUpResultOf(error);
      // If the account's search is refused, its list is used.
      return result.kind === "request_refused" ? this.#findInList(request, limits) : result;
    }
  }

  lookUpCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    return this.#lookUp(provider_txn_id, timeLeft(this.#timeoutMs, until));
  }

  async #lookUp(provider_txn_id: string, limits: TimeLeft): Promise<FoundCharge> {
    try {
      return answerOf(await this.#stripe.paymentIntents.retrieve(provider_txn_id, WITH_CHARGE, limits()));
    } catch (error) {
      return lookUpResultOf(error);
    }
  }

  async cancelCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    const limits = timeLeft(this.#timeoutMs, until);
    try {
      const canceled = await this.#stripe.paymentIntents.cancel(provider_txn_id, {}, limits());
      // The bank's own word, if there is one; else nobody could confirm the charge.
      if (canceled.last_payment_error === null)
        return { ...declined("authentication_required"), closed: true };
      return answerOf(canceled);
    } catch (error) {
      // Cancelled before, or the shopper or a capture was faster.
      return isUnexpectedState(error) ? this.#lookUp(provider_txn_id, limits) : lookUpResultOf(error);
    }
  }

  async actionOf(provider_txn_id: string): Promise<FoundAction> {
    try {
      const { status, next_action } = await this.#stripe.paymentIntents.retrieve(provider_txn_id);
      const url = status === "requires_action" ? next_action?.redirect_to_url?.url : null;
      return typeof url === "string" ? { kind: "redirect", url } : { kind: "none" };
    } catch (error) {
      const result = lookUpResultOf(error);
      return result.kind === "deferred" || result.kind === "request_refused" ? result : unknown("unexpected");
    }
  }

  async #findInList({ saga_id, asked }: FindRequest, limits: TimeLeft): Promise<FoundCharge> {
    try {
      const found = await findInList(this.#stripe, saga_id, asked, limits);
      return found === null ? unknown("too_many_to_look_through") : foundAmong(found);
    } catch (error) {
      return lookUpResultOf(error);
    }
  }

  async refund(request: RefundRequest, until?: number): Promise<RefundResult> {
    const limits = timeLeft(this.#timeoutMs, until);
    try {
      const refund = await this.#stripe.refunds.create(
        { payment_intent: request.provider_txn_id, metadata: this.#metadata(request.saga_id) },
        { idempotencyKey: request.idempotency_key, ...limits() },
      );
      return refundResultOf(refund);
    } catch (error) {
      if (!isAlreadyRefunded(error)) return refundFailureOf(error);
      const found = await this.#findRefund(request.provider_txn_id, limits);
      return found.kind === "not_found" ? { kind: "not_yet", error_code: "REFUND_NOT_LISTED" } : found;
    } finally {
      this.#resends.take(request.idempotency_key);
    }
  }

  findRefund(provider_txn_id: string, until?: number): Promise<FoundRefund> {
    return this.#findRefund(provider_txn_id, timeLeft(this.#timeoutMs, until));
  }

  async #findRefund(provider_txn_id: string, limits: TimeLeft): Promise<FoundRefund> {
    try {
      const asked = { payment_intent: provider_txn_id, limit: REFUNDS_LIMIT };
      const { data } = await this.#stripe.refunds.list(asked, limits());
      const [done, others] = [data.filter(isDone), data.filter((refund) => !isDone(refund))];
      const named = await this.#wholeRefund(provider_txn_id, done, limits);
      if (named !== null) return { kind: "succeeded", provider_refund_id: named.id };
      // The failure of a refund that somebody made at the provider says nothing about ours.
      const results = others
        .filter((refund) => !isFailed(refund.status) || this.#isOurs(refund))
        .map(refundResultOf);
      return results.find(({ kind }) => kind === "pending") ?? results[0] ?? { kind: "not_found" };
    } catch (error) {
      return refundFailureOf(error);
    }
  }

  /**
   * Ours, which is always of all that was left; or the largest of those that somebody made at the provider, if they are the whole charge
   * together. Null if a part of the money is still here.
   */
  async #wholeRefund(
    provider_txn_id: string,
    done: readonly Stripe.Refund[],
    limits: TimeLeft,
  ): Promise<Stripe.Refund | null> {
    const ours = done.find((refund) => this.#isOurs(refund));
    const [largest] = done.toSorted((one, other) => other.amount - one.amount);
    if (ours !== undefined || largest === undefined) return ours ?? null;
    const { amount_received } = await this.#stripe.paymentIntents.retrieve(provider_txn_id, {}, limits());
    const returned = done.reduce((sum, { amount }) => sum + amount, 0);
    return returned >= amount_received ? largest : null;
  }

  #isOurs({ metadata }: Stripe.Refund): boolean {
    return metadata?.[MARK_KEY] === this.#mark;
  }

  #waysToPay({ saga_id, shopper_present }: ChargeRequest) {
    if (!shopper_present || this.#shopUrl === undefined)
      return {
        // The shopper has left the page: whatever needs them (3-D Secure, a redirect) is a decline.
        automatic_payment_methods: { enabled: true, allow_redirects: "never" as const },
        error_on_requires_action: true,
      };
    return {
      automatic_payment_methods: { enabled: true },
      return_url: new URL(`checkout/${saga_id}`, withSlash(this.#shopUrl)).href,
    };
  }

  #metadata(saga_id: string) {
    return { saga_id, [MARK_KEY]: this.#mark };
  }
}

/** A failed lookup says nothing about the charge. */
function lookUpResultOf(error: unknown): Exclude<FoundCharge, { readonly kind: "not_found" }> {
  const result = chargeResultOf(error, { resent: false });
  return result.kind === "declined" || result.kind === "no_effect" ? unknown("unexpected") : result;
}

/**
 * A success outweighs everything, then comes a hold; an undecided charge, above all one that waits for its shopper, outweighs a decline; one that is open
 * outweighs one that is closed.
 */
function foundAmong(intents: readonly Stripe.PaymentIntent[]): FoundCharge {
  const results = intents.map(answerOf);
  return (
    results.find(({ kind }) => kind === "succeeded") ??
    results.find(({ kind }) => kind === "authorized") ??
    results.find(({ kind }) => kind === "action_required") ??
    results.find(({ kind }) => kind === "unknown") ??
    results.find((result) => result.kind === "declined" && result.closed !== true) ??
    results[0] ?? { kind: "not_found" }
  );
}

/** Typed as an object, as the SDK's client for Node has them, the headers of its fetch client are those of the response. */
function isReplayed({ lastResponse }: Stripe.Response<Stripe.PaymentIntent>): boolean {
  return new Headers(lastResponse.headers).get("idempotent-replayed") === "true";
}

/** The look-up was needed to know: without it, the charge may be in any state. */
function presentOf(found: FoundCharge): ProviderChargeResult {
  return found.kind === "not_found" || found.kind === "deferred" || found.kind === "request_refused"
    ? unknown("unexpected")
    : found;
}

/** The result of a capture, from the charge after it. */
function capturedOf(answer: ProviderChargeResult): CaptureResult {
  if (answer.kind === "succeeded" || answer.kind === "unknown") return answer;
  if (answer.kind === "declined" && answer.closed === true) return holdEnded();
  // Still held. A bank that takes more time says so with a capture that succeeds later.
  return unknown("processing");
}

/** The result of the intent's charge. */
export function answerOf(intent: Stripe.PaymentIntent): ProviderChargeResult {
  switch (intent.status) {
    case "succeeded": {
      const card = chargedCard(intent);
      return { kind: "succeeded", provider_txn_id: intent.id, ...(card === undefined ? {} : { card }) };
    }
    case "requires_payment_method":
      return { ...cardDeclined(intent.last_payment_error), provider_txn_id: intent.id };
    case "canceled":
      return { ...cardDeclined(intent.last_payment_error), closed: true };
    case "requires_action": {
      const redirects = intent.next_action?.type === "redirect_to_url";
      return { kind: "action_required", provider_txn_id: intent.id, redirects };
    }
    case "requires_capture": {
      const [card, capture_before] = [chargedCard(intent), captureBefore(intent)];
      return {
        kind: "authorized",
        provider_txn_id: intent.id,
        ...(capture_before === undefined ? {} : { capture_before }),
        ...(card === undefined ? {} : { card }),
      };
    }
    // The bank has not decided yet.
    case "processing":
    // Never seen, because requests exclude it (`confirm`); it must not count as final.
    case "requires_confirmation":
      return unknown("processing");
    default:
      return unknown("unexpected");
  }
}

function isDone({ status }: Stripe.Refund): boolean {
  return status === "succeeded";
}

/** A refund whose status is new or missing is not done: it counts as pending, and is looked up again. */
function refundResultOf(refund: Stripe.Refund): RefundResult {
  const provider_refund_id = refund.id;
  if (isDone(refund)) return { kind: "succeeded", provider_refund_id };
  const kind = isFailed(refund.status) ? "failed" : "pending";
  return { kind, provider_refund_id, error_code: refundCodeOf(refund) };
}

/** A URL is resolved against the folder of its base. */
function withSlash(url: URL): URL {
  return url.pathname.endsWith("/") ? url : new URL(`${url.origin}${url.pathname}/`);
}

function addressOf(url: URL) {
  const isSecure = url.protocol === "https:";
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  return { host: url.hostname, port, protocol: isSecure ? "https" : "http" } as const;
}
