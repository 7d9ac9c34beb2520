// The ledger of the simulated PayPal as entries of a provider's ledger, which the audit judges: money that moved, and money that is held. As
// a judge, the audit has its own list of the currencies that are whole at PayPal. Pure.
//
// A charge has the id of PayPal's capture there, as in the payments. Money that is held has no such id before it is taken, so a hold
// is told together with its end, and one that is open at the end of the ledger under the id of its order.
import type { PayPalLedgerEntry } from "../../schemas/paypal-ledger.ts";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import type { Stream } from "./sources.ts";

/** Whole at PayPal, and with hundredths here. */
const WHOLE_AT_PAYPAL: ReadonlySet<string> = new Set(["HUF", "TWD"]);

type Hold = Extract<PayPalLedgerEntry, { kind: "authorization" }>;

export async function* payPalEntries(
  entries: Stream<PayPalLedgerEntry>,
): AsyncGenerator<ProviderLedgerEntry> {
  const holds = new Map<string, Hold>();
  for await (const entry of entries) {
    switch (entry.kind) {
      case "authorization":
        holds.set(entry.order, entry);
        break;
      case "void":
        yield* ended(holds, entry.order, orderId(entry));
        yield { ...common(entry), kind: "cancel", payment_intent: orderId(entry), reason: null };
        break;
      case "capture":
        yield* ended(holds, entry.order, entry.capture);
        yield { ...common(entry), ...card, ...moneyOf(entry), kind: "charge", payment_intent: entry.capture };
        break;
      case "refund":
        yield {
          ...common(entry),
          ...moneyOf(entry),
          kind: "refund",
          payment_intent: entry.capture,
          refund: entry.refund,
          reason: null,
          metadata: {},
        };
        break;
      default:
    }
  }
  for (const hold of holds.values()) yield* ended(holds, hold.order, orderId(hold));
}

const card = { payment_method: "paypal", description: null, metadata: {} } as const;

/** The hold of an order, under the id that its end has. */
function* ended(holds: Map<string, Hold>, order: string, id: string): Generator<ProviderLedgerEntry> {
  const hold = holds.get(order);
  if (hold === undefined) return;
  holds.delete(order);
  const told = { ...common(hold), ...card, ...moneyOf(hold), payment_intent: id };
  yield { ...told, kind: "hold", capture_before_ms: hold.at_ms };
}

function orderId({ order }: { readonly order: string }): string {
  return `order:${order}`;
}

function common(entry: Exclude<PayPalLedgerEntry, { kind: "keys_expired" }>) {
  const { seq, at_ms, saga_id, request_id, fingerprint, reply_lost } = entry;
  return { seq, at_ms, saga_id, idempotency_key: request_id, fingerprint, reply_lost, error: null };
}

/** PayPal's text of an amount in minor units. */
function moneyOf({ value, currency }: { readonly value: string; readonly currency: string }) {
  const [whole = "", decimals = ""] = value.split(".");
  const digits = decimals === "" && WHOLE_AT_PAYPAL.has(currency) ? "00" : decimals;
  return { amount_cents: Number(whole + digits), currency };
}
