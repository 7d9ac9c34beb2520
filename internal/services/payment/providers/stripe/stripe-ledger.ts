// Stripe's lists of payment intents and refunds, as the ledger that reconciliation reads. Opened in cmd/payment. stripe-events.ts uses
// its two translations too, because an event carries the same objects.
import { Stripe } from "stripe";
import { AppError } from "../../../../kernel/errors.ts";
import { fromStripe } from "./stripe-amounts.ts";
import type {
  LedgerPage,
  ProviderCharge,
  ProviderDispute,
  ProviderLedger,
  ProviderRefund,
  Span,
} from "../ledger.ts";
import { isFailed, refundCodeOf } from "./refund-status.ts";
import { answerOf, MARK_KEY, stripeClient, type StripeOptions } from "./stripe.ts";
import { UUID } from "../../../../kernel/uuid.ts";

/** Stripe's maximum. */
const PAGE_ENTRIES = 100;

export class StripeLedger implements ProviderLedger {
  readonly #stripe: Stripe;
  readonly #mark: string;

  constructor(options: StripeOptions) {
    this.#stripe = stripeClient(options);
    this.#mark = options.mark;
  }

  charges(span: Span, after: string | null): Promise<LedgerPage<ProviderCharge>> {
    return readLedger(async () =>
      pageOf(await this.#stripe.paymentIntents.list(query(span, after)), (intent) =>
        chargeOf(intent, this.#mark),
      ),
    );
  }

  refunds(span: Span, after: string | null): Promise<LedgerPage<ProviderRefund>> {
    return readLedger(async () =>
      pageOf(await this.#stripe.refunds.list(query(span, after)), (refund) => refundOf(refund, this.#mark)),
    );
  }

  charge(provider_txn_id: string): Promise<ProviderCharge | null> {
    return readLedger(() =>
      unlessMissing(async () =>
        chargeOf(await this.#stripe.paymentIntents.retrieve(provider_txn_id), this.#mark),
      ),
    );
  }

  refund(provider_refund_id: string): Promise<ProviderRefund | null> {
    return readLedger(() =>
      unlessMissing(async () =>
        refundOf(await this.#stripe.refunds.retrieve(provider_refund_id), this.#mark),
      ),
    );
  }

  dispute(provider_dispute_id: string): Promise<ProviderDispute | null> {
    return readLedger(() =>
      unlessMissing(async () => disputeOf(await this.#stripe.disputes.retrieve(provider_dispute_id))),
    );
  }
}

export function chargeOf(intent: Stripe.PaymentIntent, mark: string): ProviderCharge {
  return {
    provider_txn_id: intent.id,
    saga_id: sagaOf(intent.metadata),
    isMarked: intent.metadata?.[MARK_KEY] === mark,
    ...fromStripe(intent.status === "succeeded" ? intent.amount_received : intent.amount, intent.currency),
    answer: answerOf(intent),
  };
}

export function refundOf(refund: Stripe.Refund, mark: string): ProviderRefund {
  const { payment_intent } = refund;
  return {
    provider_refund_id: refund.id,
    provider_txn_id: typeof payment_intent === "string" ? payment_intent : (payment_intent?.id ?? null),
    saga_id: sagaOf(refund.metadata),
    isMarked: refund.metadata?.[MARK_KEY] === mark,
    // Nobody else writes it to a refund: Stripe does not copy it from the charge.
    isRequestedHere: refund.metadata?.[MARK_KEY] === mark,
    ...fromStripe(refund.amount, refund.currency),
    status: statusOf(refund.status),
    error_code: refund.status === "succeeded" ? null : refundCodeOf(refund),
  };
}

export function disputeOf(dispute: Stripe.Dispute): ProviderDispute {
  const { payment_intent, status, evidence_details, reason } = dispute;
  const dueBy = evidence_details?.due_by ?? null;
  return {
    provider_dispute_id: dispute.id,
    provider_txn_id: typeof payment_intent === "string" ? payment_intent : (payment_intent?.id ?? null),
    ...fromStripe(dispute.amount, dispute.currency),
    status: DISPUTE_ENDS[status] ?? "open",
    reason: /^[a-z_]{1,100}$/.test(reason) ? reason : null,
    respond_by: dueBy === null ? null : dueBy * 1_000,
  };
}

/** An inquiry (`warning_`) that is closed cost nothing. Every other status, and any new one, waits for somebody. */
const DISPUTE_ENDS: Readonly<Record<string, ProviderDispute["status"]>> = {
  won: "won",
  warning_closed: "won",
  prevented: "won",
  lost: "lost",
};

function statusOf(status: string | null): ProviderRefund["status"] {
  if (status === "succeeded") return "succeeded";
  return isFailed(status) ? "failed" : "pending";
}

/** Metadata may be any text; only a text in the form of a saga's id counts as one. */
function sagaOf(metadata: Stripe.Metadata | null): string | null {
  const text = metadata?.["saga_id"] ?? "";
  return UUID.test(text) ? text : null;
}

function query({ fromMs, untilMs }: Span, after: string | null) {
  return {
    created: { gte: Math.floor(fromMs / 1_000), lt: Math.floor(untilMs / 1_000) },
    limit: PAGE_ENTRIES,
    ...(after === null ? {} : { starting_after: after }),
  };
}

function pageOf<Item extends { readonly id: string }, Entry>(
  { data, has_more }: Stripe.ApiList<Item>,
  translate: (item: Item) => Entry,
): LedgerPage<Entry> {
  return { entries: data.map((item) => translate(item)), next: has_more ? (data.at(-1)?.id ?? null) : null };
}

async function unlessMissing<Entry>(retrieve: () => Promise<Entry>): Promise<Entry | null> {
  try {
    return await retrieve();
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.code === "resource_missing") return null;
    throw error;
  }
}

async function readLedger<Entry>(read: () => Promise<Entry>): Promise<Entry> {
  try {
    return await read();
  } catch (error) {
    const isRefused =
      error instanceof Stripe.errors.StripeAuthenticationError ||
      error instanceof Stripe.errors.StripePermissionError ||
      error instanceof Stripe.errors.StripeInvalidRequestError;
    const cause = withoutWords(error);
    throw isRefused
      ? new AppError("PROVIDER_REJECTED", "the provider refuses access to its ledger: check STRIPE_API_KEY", {
          cause,
        })
      : new AppError("PROVIDER_UNAVAILABLE", "the provider ledger cannot be read at the moment", { cause });
  }
}

/** Kind, status and the provider's request id. The provider's message must not be logged. */
function withoutWords(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { type, statusCode = "none", requestId = "none" } = error;
  return new Error(`${type}, HTTP status ${statusCode}, request ${requestId}`);
}
