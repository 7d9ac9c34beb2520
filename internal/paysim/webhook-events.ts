// Turns a ledger entry into the webhook event that Stripe would send for it. Pure. Called by the simulator for each entry it books;
// webhooks.ts delivers the events.
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import { objectId } from "./ids.ts";
import type { Ledger } from "./ledger.ts";
import { renderIntent, renderRefund } from "./render.ts";

export interface WebhookEvent {
  readonly id: string;
  /** JSON, the same at every delivery: it shows the object at the time of the event. */
  readonly body: string;
}

/** The event of an entry of the ledger; null if Stripe would send none. */
export function webhookEventOf(
  ledger: Ledger,
  entry: ProviderLedgerEntry,
  seed: number,
  bankUrl: string,
): WebhookEvent | null {
  const type = typeOf(entry);
  if (type === null || entry.kind === "keys_expired") return null;
  const object = objectOf(ledger, entry, bankUrl);
  if (object === null) return null;
  const id = objectId("evt", { nowMs: entry.at_ms, seq: entry.seq, seed });
  const body = {
    id,
    object: "event",
    api_version: null,
    created: Math.floor(entry.at_ms / 1_000),
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: entry.idempotency_key },
    type,
  };
  return { id, body: JSON.stringify(body) };
}

/** https://docs.stripe.com/api/events/types */
function typeOf(entry: ProviderLedgerEntry): string | null {
  switch (entry.kind) {
    case "charge":
      return "payment_intent.succeeded";
    case "action":
      return "payment_intent.requires_action";
    case "decline":
      return "payment_intent.payment_failed";
    case "cancel":
      return "payment_intent.canceled";
    case "refund":
      return "refund.created";
    case "intent":
      return "payment_intent.created";
    case "refusal":
    case "keys_expired":
      return null;
    default:
      return assertNever(entry);
  }
}

function objectOf(
  ledger: Ledger,
  entry: Exclude<ProviderLedgerEntry, { kind: "keys_expired" }>,
  bankUrl: string,
) {
  if (entry.kind === "refund") {
    const refund = ledger.refunds.get(entry.refund);
    return refund === undefined ? null : renderRefund(refund);
  }
  const intent = entry.payment_intent === null ? undefined : ledger.intents.get(entry.payment_intent);
  return intent === undefined ? null : renderIntent(intent, bankUrl);
}
