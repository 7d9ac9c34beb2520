// Checks that a webhook event is PayPal's and fresh, and reads what it says about an approval, a capture, a refund or a dispute. Called by
// webhook-http.ts for each request.
//
// The signature is RSA with SHA-256 over `transmission id|time|webhook id|crc32 of the body` (PayPal's guide "Integrate webhooks",
// https://developer.paypal.com/api/rest/webhooks/rest/). A CRC-32 is no cryptographic hash: whoever has read the headers of a genuine
// transmission, for example in a proxy's log, can make another body that fits them. So the body of a transmission counts for a few minutes
// only, and reconciliation compares every capture and refund with PayPal's own ledger. PayPal repeats a transmission for three days with its
// first id and time; after those minutes it only names the object to ask PayPal about.
import { crc32 } from "node:zlib";
import { verify } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { OpenedEvent, WebhookEvent, WebhookReader } from "../webhook-reader.ts";
import { captureIn, faultIn, orderIn, refundIn } from "./paypal-answers.ts";
import type { Certificates } from "./paypal-certificates.ts";
import { disputeIn, reversalIn } from "./paypal-disputes.ts";
import { approvalOf, chargeOf, type PayPalLedger, refundOf } from "./paypal-ledger.ts";

/** The body of a transmission counts for this long. A recorded one can be replayed meanwhile; the event's id stops that. */
const TOLERANCE_MS = 300_000;
/** How long PayPal may repeat a transmission: three days, and a while for the last attempt. */
const REPEATED_MS = 3.5 * 24 * 60 * 60 * 1_000;

const Event = TypeCompiler.Compile(
  Type.Object({
    id: Type.String({ pattern: "^[\\x21-\\x7e]{1,100}$" }),
    event_type: Type.String({ maxLength: 200 }),
    resource: Type.Unknown(),
  }),
);

/** Of a capture: what its status says counts, not the name of the event. */
const CAPTURES: ReadonlySet<string> = new Set([
  "PAYMENT.CAPTURE.COMPLETED",
  "PAYMENT.CAPTURE.DECLINED",
  "PAYMENT.CAPTURE.DENIED",
]);
const REFUNDED = "PAYMENT.CAPTURE.REFUNDED";
const APPROVED = "CHECKOUT.ORDER.APPROVED";
/** PayPal has taken a capture's money back without us. */
const REVERSED = "PAYMENT.CAPTURE.REVERSED";
const DISPUTES: ReadonlySet<string> = new Set([
  "CUSTOMER.DISPUTE.CREATED",
  "CUSTOMER.DISPUTE.UPDATED",
  "CUSTOMER.DISPUTE.RESOLVED",
]);

export interface PayPalEndpoint {
  /** The webhook's id in PayPal's dashboard; it is not sent with events, and a part of what is signed. */
  readonly webhookId: string;
  /** See PayPalOptions. */
  readonly mark: string;
  readonly certificates: Pick<Certificates, "at">;
  /** For what late transmissions name. */
  readonly ledger: Pick<PayPalLedger, "charge" | "refund" | "dispute">;
}

/** Reads the events of one webhook endpoint. */
export function paypalWebhooks(endpoint: PayPalEndpoint): WebhookReader {
  return { open: (body, headers, now) => openPayPalEvent(body, headers, endpoint, now) };
}

async function openPayPalEvent(
  body: Uint8Array,
  headers: Headers,
  { webhookId, mark, certificates, ledger }: PayPalEndpoint,
  now: number,
): Promise<OpenedEvent> {
  const of = (name: string) => headers.get(`paypal-${name}`) ?? "";
  const ageMs = now - Date.parse(of("transmission-time"));
  if (!(ageMs >= -TOLERANCE_MS && ageMs <= REPEATED_MS) || of("auth-algo") !== "SHA256withRSA")
    return { kind: "refused" };
  const certificate = await certificates.at(of("cert-url"));
  if (certificate === "unavailable") return { kind: "unavailable" };
  if (certificate === "refused") return { kind: "refused" };
  const signed = `${of("transmission-id")}|${of("transmission-time")}|${webhookId}|${crc32(body)}`;
  const signature = Buffer.from(of("transmission-sig"), "base64");
  const isRsa = certificate.publicKey.asymmetricKeyType === "rsa";
  if (!isRsa || !verify("sha256", Buffer.from(signed), certificate.publicKey, signature))
    return { kind: "refused" };
  const opened = paypalEventIn(body, mark);
  return ageMs <= TOLERANCE_MS || opened.kind !== "event" ? opened : lookedUp(opened.event, ledger);
}

/** The event with its object as PayPal has it now. */
async function lookedUp(event: WebhookEvent, ledger: PayPalEndpoint["ledger"]): Promise<OpenedEvent> {
  try {
    const found = await withPresent(event, ledger);
    if (found !== null) return { kind: "event", event: found };
    return { kind: "unreadable", fault: `a late event's ${event.kind}: PayPal does not know it` };
  } catch {
    return { kind: "unavailable" };
  }
}

async function withPresent(
  event: WebhookEvent,
  ledger: PayPalEndpoint["ledger"],
): Promise<WebhookEvent | null> {
  if (event.kind === "charge") {
    const charge = await ledger.charge(event.charge.provider_txn_id);
    return charge === null ? null : { ...event, charge };
  }
  if (event.kind === "refund") {
    const refund = await ledger.refund(event.refund.provider_refund_id);
    return refund === null ? null : { ...event, refund };
  }
  if (event.kind !== "dispute") return event;
  const dispute = await ledger.dispute(event.dispute.provider_dispute_id);
  if (dispute !== null) return { ...event, dispute };
  // Not shown: a reversal, or the app may not see it. It may open an alert, and end none.
  return event.dispute.status === "won" ? null : event;
}

/** The event in the body of a transmission that PayPal has signed. */
export function paypalEventIn(body: Uint8Array, mark: string): OpenedEvent {
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return { kind: "no_event", fault: "it is not JSON" };
  }
  if (!Event.Check(event)) {
    const fault = Event.Errors(event).First();
    return {
      kind: "no_event",
      fault: `its event${fault?.path ?? ""}: ${fault?.message ?? "does not match"}`,
    };
  }
  const { event_type, resource } = event;
  // Ids of events are remembered across providers.
  const event_id = `paypal:${event.id}`;
  if (CAPTURES.has(event_type)) {
    const capture = captureIn(resource);
    const charge = capture === null ? null : chargeOf(capture, mark);
    if (charge !== null) return { kind: "event", event: { kind: "charge", event_id, charge } };
    return { kind: "unreadable", fault: faultIn("capture", resource) ?? "its amount" };
  }
  if (event_type === REFUNDED) {
    const object = refundIn(resource);
    const refund = object === null ? null : refundOf(object, mark);
    if (refund !== null) return { kind: "event", event: { kind: "refund", event_id, refund } };
    return { kind: "unreadable", fault: faultIn("refund", resource) ?? "its amount" };
  }
  if (event_type === APPROVED) {
    const order = orderIn(resource);
    if (order !== null)
      return { kind: "event", event: { kind: "approval", event_id, approval: approvalOf(order, mark) } };
    return { kind: "unreadable", fault: faultIn("order", resource) ?? "its order" };
  }
  if (event_type === REVERSED || DISPUTES.has(event_type)) {
    const dispute = event_type === REVERSED ? reversalIn(resource) : disputeIn(resource);
    if (dispute !== null) return { kind: "event", event: { kind: "dispute", event_id, dispute } };
    return { kind: "unreadable", fault: `its ${event_type}` };
  }
  return { kind: "ignored", type: event_type };
}
