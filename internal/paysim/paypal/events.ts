// The webhook events of the simulated PayPal: the event of a ledger entry, and the headers that sign it, by
// https://developer.paypal.com/api/rest/webhooks/rest/. ../webhooks.ts delivers them.
import { crc32 } from "node:zlib";
import { sign } from "node:crypto";
import type { PayPalLedgerEntry } from "../../../schemas/paypal-ledger.ts";
import { assertNever } from "../../kernel/errors.ts";
import type { WebhookEvent } from "../webhook-events.ts";
import type { PayPalLedger } from "./ledger.ts";
import { type Addresses, renderNamed } from "./render.ts";

export interface PayPalWebhookTarget {
  readonly url: string;
  /** The webhook's id, which the receiver has too. */
  readonly webhookId: string;
  /** PEM: the certificate that signs, then those that signed it; the receiver has the root. RSA. */
  readonly certificates: string;
  /** PEM. */
  readonly key: string;
}

/** Where the certificates are served, below the API's address. */
export const CERTIFICATE_PATH = "/v1/notifications/certs/CERT-simulator";

/** The event of an entry; null if PayPal would send none that says anything about money. */
export function eventOf(
  ledger: PayPalLedger,
  entry: PayPalLedgerEntry,
  addresses: Addresses,
): WebhookEvent | null {
  const told = toldBy(entry);
  if (told === null) return null;
  const { type, resource_type, named } = told;
  const id = `WH-${entry.at_ms.toString(36)}-${entry.seq}`.toUpperCase();
  const body = {
    id,
    event_version: "1.0",
    create_time: new Date(entry.at_ms).toISOString(),
    resource_type,
    event_type: type,
    resource: renderNamed(ledger, named, addresses),
    links: [],
  };
  return { id, body: JSON.stringify(body) };
}

function toldBy(entry: PayPalLedgerEntry) {
  switch (entry.kind) {
    case "approval": {
      if (entry.answer === "refused") return null;
      const named = { kind: "order", id: entry.order } as const;
      return { type: "CHECKOUT.ORDER.APPROVED", resource_type: "checkout-order", named };
    }
    case "authorization": {
      const named = { kind: "authorization", id: entry.authorization } as const;
      return { type: "PAYMENT.AUTHORIZATION.CREATED", resource_type: "authorization", named };
    }
    case "void": {
      const named = { kind: "authorization", id: entry.authorization } as const;
      return { type: "PAYMENT.AUTHORIZATION.VOIDED", resource_type: "authorization", named };
    }
    case "capture": {
      const named = { kind: "capture", id: entry.capture } as const;
      return { type: "PAYMENT.CAPTURE.COMPLETED", resource_type: "capture", named };
    }
    case "refund": {
      const named = { kind: "refund", id: entry.refund } as const;
      return { type: "PAYMENT.CAPTURE.REFUNDED", resource_type: "refund", named };
    }
    case "order":
    case "intent":
    case "keys_expired":
      return null;
    default:
      return assertNever(entry);
  }
}

/** The headers of one transmission. `nowMs` is epoch ms. */
export function signedHeaders(
  body: string,
  nowMs: number,
  { webhookId, key }: Pick<PayPalWebhookTarget, "webhookId" | "key">,
  certificateUrl: string,
): Record<string, string> {
  const id = crypto.randomUUID();
  const time = `${new Date(nowMs).toISOString().slice(0, -5)}Z`;
  const text = `${id}|${time}|${webhookId}|${crc32(body)}`;
  return {
    "paypal-transmission-id": id,
    "paypal-transmission-time": time,
    "paypal-transmission-sig": sign("sha256", Buffer.from(text), key).toString("base64"),
    "paypal-auth-algo": "SHA256withRSA",
    "paypal-cert-url": certificateUrl,
  };
}
