// Turns a ledger entry into the webhook events that Stripe would send for it. Pure. Called by the simulator for each entry that it records;
// webhooks.ts delivers the events.
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import { objectId } from "./ids.ts";
import type { Ledger } from "./ledger.ts";
import { renderDispute, renderIntent, renderRefund } from "./render.ts";

export interface WebhookEvent {
  readonly id: string;
  /** JSON, the same at every delivery: it shows the object at the time of the event. */
  readonly body: string;
}

/** The events of an entry of the ledger; none if Stripe would send none. */
export function webhookEventsOf(
  ledger: Ledger,
  entry: ProviderLedgerEntry,
  seed: number,
  bankUrl: string,
): readonly WebhookEvent[] {
  const object = objectOf(ledger, entry, bankUrl);
  if (object === null) return [];
  const idempotency_key = "idempotency_key" in entry ? entry.idempotency_key : null;
  return typesOf(entry).map((type, index) => {
    const id = objectId("evt", { nowMs: entry.at_ms, seq: entry.seq, seed: seed + index });
    const body = {
      id,
      object: "event",
      api_version: null,
      created: Math.floor(entry.at_ms / 1_000),
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key },
      type,
    };
    return { id, body: JSON.stringify(body) };
  });
}

/** https://docs.stripe.com/api/events/types */
function typesOf(entry: ProviderLedgerEntry): readonly string[] {
  switch (entry.kind) {
    case "charge":
      return ["payment_intent.succeeded"];
    case "hold":
      return ["payment_intent.amount_capturable_updated"];
    case "action":
      return ["payment_intent.requires_action"];
    case "decline":
      return ["payment_intent.payment_failed"];
    case "cancel":
      return ["payment_intent.canceled"];
    case "refund_pending":
      return ["refund.created"];
    case "refund":
      // One that was pending ends without a request.
      return entry.fingerprint === "" ? ["refund.updated", "charge.refund.updated"] : ["refund.created"];
    case "refund_failed":
      return ["refund.updated", "charge.refund.updated", "refund.failed"];
    case "dispute":
      return ["charge.dispute.created"];
    case "dispute_closed":
      return ["charge.dispute.closed"];
    case "intent":
      return ["payment_intent.created"];
    case "refusal":
    case "keys_expired":
      return [];
    default:
      return assertNever(entry);
  }
}

function objectOf(ledger: Ledger, entry: ProviderLedgerEntry, bankUrl: string) {
  switch (entry.kind) {
    case "keys_expired":
      return null;
    case "refund":
    case "refund_pending":
    case "refund_failed": {
      const refund = ledger.refunds.get(entry.refund);
      return refund === undefined ? null : renderRefund(refund);
    }
    case "dispute":
    case "dispute_closed": {
      const dispute = ledger.disputes.get(entry.dispute);
      return dispute === undefined ? null : renderDispute(dispute);
    }
    default: {
      const intent = entry.payment_intent === null ? undefined : ledger.intents.get(entry.payment_intent);
      return intent === undefined ? null : renderIntent(intent, bankUrl);
    }
  }
}
