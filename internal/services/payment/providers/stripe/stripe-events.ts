// Checks that a signed event is Stripe's and fresh, and reads what it says about a charge or a refund. Called by webhook-http.ts for
// each request.
import { createHmac } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Stripe } from "stripe";
import type { OpenedEvent, WebhookEvent, WebhookReader } from "../webhook-reader.ts";
import { chargeOf, disputeOf, refundOf } from "./stripe-ledger.ts";

/** Stripe's own recommendation. A recorded request can be replayed for this long; the event's id stops that. */
const TOLERANCE_SECONDS = 300;

/** The provider's ids: printable, so they fit into a column and a log line. */
const Id = Type.String({ pattern: "^[\\x21-\\x7e]{1,255}$" });
const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const shared = {
  id: Id,
  currency: Type.String({ pattern: "^[A-Za-z]{3}$" }),
  amount: Amount,
  metadata: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
};

/**
 * In Bun the SDK's own class uses WebCrypto, which costs several times the CPU. Not `Bun.CryptoHasher` with a key: after a key was refused
 * anywhere in the process, it throws that error, once (Bun 1.4.5; findings/bun-keyed-hasher-throws-an-old-error.sh).
 */
const signatures = new (class extends Stripe.CryptoProvider {
  override computeHMACSignature(payload: string, secret: string): string {
    return createHmac("sha256", secret).update(payload).digest("hex");
  }
})();

/** The parts of an event that this service reads; the rest may be anything. */
const readable = {
  event: TypeCompiler.Compile(
    Type.Object({ id: Id, type: Type.String(), data: Type.Object({ object: Type.Unknown() }) }),
  ),
  charge: TypeCompiler.Compile(Type.Object({ ...shared, status: Type.String(), amount_received: Amount })),
  refund: TypeCompiler.Compile(
    Type.Object({
      ...shared,
      status: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      payment_intent: Type.Optional(Type.Union([Id, Type.Object({ id: Id }), Type.Null()])),
      failure_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      pending_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
  dispute: TypeCompiler.Compile(
    Type.Object({
      ...shared,
      status: Type.String(),
      reason: Type.String(),
      payment_intent: Type.Optional(Type.Union([Id, Type.Object({ id: Id }), Type.Null()])),
      evidence_details: Type.Optional(
        Type.Object({ due_by: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])) }),
      ),
    }),
  ),
};

/** Checks and reads one request. `signature` is its `Stripe-Signature` header, null if it has none; `now` in epoch ms. */
function openStripeEvent(
  body: Uint8Array,
  signature: string | null,
  { secrets, mark }: StripeEndpoint,
  now: number,
): OpenedEvent {
  const event = signedEvent(body, signature ?? "", secrets, now);
  if (event === "refused") return { kind: "refused" };
  if (event === "no event")
    return { kind: "no_event", fault: "it is not JSON, or an event without its object (a thin event)" };
  const fault = faultOf("event", event);
  if (fault !== null) return { kind: "no_event", fault };
  switch (event.type) {
    case "payment_intent.succeeded":
    case "payment_intent.amount_capturable_updated":
    case "payment_intent.payment_failed":
    case "payment_intent.canceled": {
      const object = event.data.object;
      const unreadable = faultOf("charge", object);
      if (unreadable !== null) return { kind: "unreadable", fault: unreadable };
      return opened({ kind: "charge", event_id: event.id, charge: chargeOf(object, mark) });
    }
    // `charge.refunded` says the same but lacks the refund's id, which our row needs.
    case "refund.created":
    case "refund.updated":
    case "refund.failed":
    // The same for some methods of payment, as an endpoint of an older version gets it.
    case "charge.refund.updated": {
      const object = event.data.object;
      const unreadable = faultOf("refund", object);
      if (unreadable !== null) return { kind: "unreadable", fault: unreadable };
      return opened({ kind: "refund", event_id: event.id, refund: refundOf(object, mark) });
    }
    case "charge.dispute.created":
    case "charge.dispute.updated":
    case "charge.dispute.closed": {
      const object = event.data.object;
      const unreadable = faultOf("dispute", object);
      if (unreadable !== null) return { kind: "unreadable", fault: unreadable };
      return opened({ kind: "dispute", event_id: event.id, dispute: disputeOf(object) });
    }
    default:
      return { kind: "ignored", type: event.type };
  }
}

/** One secret that fits is enough: during a rotation there are two. */
function signedEvent(
  body: Uint8Array,
  signature: string,
  secrets: readonly string[],
  now: number,
): Stripe.Event | "refused" | "no event" {
  for (const secret of secrets) {
    try {
      return Stripe.webhooks.constructEvent(body, signature, secret, TOLERANCE_SECONDS, signatures, now);
    } catch (error) {
      // The signature is checked first, so any other error is about a signed text.
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) return "no event";
    }
  }
  return "refused";
}

/** Null if `value` is readable. The SDK's types are not checked at run time. */
function faultOf(kind: keyof typeof readable, value: unknown): string | null {
  const check = readable[kind];
  if (check.Check(value)) return null;
  const fault = check.Errors(value).First();
  return `its ${kind}${fault?.path ?? ""}: ${fault?.message ?? "does not match its schema"}`;
}

function opened(event: WebhookEvent): OpenedEvent {
  return { kind: "event", event };
}

interface StripeEndpoint {
  /** Its signing secrets: during a rotation the new one and the old one. */
  readonly secrets: readonly string[];
  /** See StripeOptions. */
  readonly mark: string;
}

/** Reads the events of one webhook endpoint. */
export function stripeWebhooks(endpoint: StripeEndpoint) {
  return {
    open: (body, headers, now) => openStripeEvent(body, headers.get("stripe-signature"), endpoint, now),
  } satisfies WebhookReader;
}
