// PayPal's objects, as far as this service reads them, and what they say about the money. Called by paypal.ts, paypal-ledger.ts
// and paypal-events.ts.
//
// Sources: the schemas `order`, `capture`, `authorization` and `refund` of PayPal's OpenAPI documents of Orders v2 and Payments v2. Their
// statuses are open lists: one that is not here is unknown, never final.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { UUID } from "../../../../kernel/uuid.ts";
import type { ProviderChargeResult, RefundResult } from "../provider.ts";
import { HOLD_EXPIRED, NOT_APPROVED, NOT_CAPTURED, unknown } from "./paypal-errors.ts";

/** PayPal's ids: printable, so they fit into a column and a log line. */
export const Id = Type.String({ pattern: "^[A-Za-z0-9-]{1,100}$" });
export const Money = Type.Object({ currency_code: Type.String(), value: Type.String({ maxLength: 32 }) });
export const Text = Type.Optional(Type.String());
const Links = Type.Optional(Type.Array(Type.Object({ href: Type.String(), rel: Type.String() })));

/** Written by us with the order; PayPal repeats both on its captures and authorizations, and on refunds that have none of their own. */
const ours = { custom_id: Text, invoice_id: Text };

/** Absent where the object is a part of its order. */
const related = {
  supplementary_data: Type.Optional(
    Type.Object({ related_ids: Type.Optional(Type.Object({ order_id: Type.Optional(Id) })) }),
  ),
};

const Capture = Type.Object({ id: Id, status: Type.String(), amount: Money, ...ours, ...related });
const Authorization = Type.Object({
  id: Id,
  status: Type.String(),
  amount: Type.Optional(Money),
  expiration_time: Text,
  ...ours,
  ...related,
});
const Refund = Type.Object({ id: Id, status: Type.String(), amount: Money, ...ours, links: Links });
const Order = Type.Object({
  id: Id,
  status: Type.String(),
  intent: Type.String(),
  links: Links,
  purchase_units: Type.Array(
    Type.Object({
      reference_id: Text,
      amount: Type.Optional(Money),
      ...ours,
      payments: Type.Optional(
        Type.Object({
          authorizations: Type.Optional(Type.Array(Authorization)),
          captures: Type.Optional(Type.Array(Capture)),
          refunds: Type.Optional(Type.Array(Refund)),
        }),
      ),
    }),
    { minItems: 1 },
  ),
});

export type PayPalCapture = Static<typeof Capture>;
export type PayPalAuthorization = Static<typeof Authorization>;
export type PayPalRefund = Static<typeof Refund>;
export type PayPalOrder = Static<typeof Order>;

const readers = {
  order: TypeCompiler.Compile(Order),
  capture: TypeCompiler.Compile(Capture),
  authorization: TypeCompiler.Compile(Authorization),
  refund: TypeCompiler.Compile(Refund),
};

export const orderIn = (body: unknown): PayPalOrder | null => (readers.order.Check(body) ? body : null);
export const captureIn = (body: unknown): PayPalCapture | null => (readers.capture.Check(body) ? body : null);
export const authorizationIn = (body: unknown): PayPalAuthorization | null =>
  readers.authorization.Check(body) ? body : null;
export const refundIn = (body: unknown): PayPalRefund | null => (readers.refund.Check(body) ? body : null);

/** Why `body` is no such object, without a value of it; null if it is one. */
export function faultIn(kind: keyof typeof readers, body: unknown): string | null {
  const check: { Check(value: unknown): boolean; Errors: (typeof readers)["order"]["Errors"] } =
    readers[kind];
  if (check.Check(body)) return null;
  const fault = check.Errors(body).First();
  return `its ${kind}${fault?.path ?? ""}: ${fault?.message ?? "does not match its schema"}`;
}

/**
 * The id of a charge that took no money yet is that of its order, with this before it: PayPal's ids do not show what they name. Once
 * money was taken, the charge has the id of the capture, which is what PayPal's reports and refunds name.
 */
const ORDER_PREFIX = "order:";

/** The intent that a closed order has instead of `intent`. */
export function otherIntent(intent: string): string {
  return intent === INTENT_OF.automatic ? INTENT_OF.manual : INTENT_OF.automatic;
}

export function chargeIdOf(order: Pick<PayPalOrder, "id">): string {
  return `${ORDER_PREFIX}${order.id}`;
}

/** The order that a charge's id names; null if it names a capture. */
export function orderIdOf(provider_txn_id: string): string | null {
  return provider_txn_id.startsWith(ORDER_PREFIX) ? provider_txn_id.slice(ORDER_PREFIX.length) : null;
}

/** The id under which a list names a hold: it does not name the order. */
const HOLD_PREFIX = "authorization:";

export function listedHoldId(authorizationId: string): string {
  return `${HOLD_PREFIX}${authorizationId}`;
}

/** The authorization that a listed hold's id names; null if it names something else. */
export function authorizationIdOf(provider_txn_id: string): string | null {
  return provider_txn_id.startsWith(HOLD_PREFIX) ? provider_txn_id.slice(HOLD_PREFIX.length) : null;
}

/** How we want an order to be settled. The reference of its purchase unit says it, because a closed order has the other intent. */
export const INTENT_OF = { automatic: "CAPTURE", manual: "AUTHORIZE" } as const;

/**
 * A closed order can take no money any more: PayPal refuses the capture that fits the old intent (ACTION_DOES_NOT_MATCH_INTENT), and
 * nobody sends the other. PayPal has no call that cancels an order; replacing the intent is among what a PATCH may do while the
 * order is CREATED or APPROVED (the description of `PATCH /v2/checkout/orders/{id}` in PayPal's OpenAPI document).
 */
export function isClosed({ intent, purchase_units: [unit] }: PayPalOrder): boolean {
  const reference = unit?.reference_id ?? "";
  return isReference(reference) && INTENT_OF[reference] !== intent;
}

function isReference(text: string): text is keyof typeof INTENT_OF {
  return Object.hasOwn(INTENT_OF, text);
}

/** The result of an order's charge. `approved`: the shopper agreed, and the money waits for our capture or authorization. */
export function answerOf(order: PayPalOrder): ProviderChargeResult | { readonly kind: "approved" } {
  const captures = capturesOf(order);
  const taken = captures.find(({ status }) => TAKEN.has(status));
  if (taken !== undefined) return captureAnswer(taken);
  if (captures.some(({ status }) => !FAILED.has(status))) return unknown("processing");
  const [hold] = authorizationsOf(order);
  // It cannot be paid again: an order of which a capture failed is completed. But what it holds may have to be released.
  if (captures.length > 0)
    return hold?.status === "CREATED"
      ? { kind: "declined", ...NOT_CAPTURED }
      : { kind: "declined", closed: true, ...NOT_CAPTURED };
  if (hold !== undefined) return holdAnswer(chargeIdOf(order), hold);
  if (isClosed(order) || order.status === "VOIDED")
    return { kind: "declined", closed: true, ...NOT_APPROVED };
  switch (order.status) {
    case "CREATED":
    case "SAVED":
    case "PAYER_ACTION_REQUIRED":
      return { kind: "action_required", provider_txn_id: chargeIdOf(order), redirects: true };
    case "APPROVED":
      return { kind: "approved" };
    default:
      return unknown("unexpected");
  }
}

export function holdAnswer(
  provider_txn_id: string,
  { status, expiration_time }: PayPalAuthorization,
): ProviderChargeResult {
  switch (status) {
    case "CREATED": {
      const capture_before = Date.parse(expiration_time ?? "");
      const held = { kind: "authorized", provider_txn_id } as const;
      return Number.isNaN(capture_before) ? held : { ...held, capture_before };
    }
    case "VOIDED":
    case "DENIED":
      return { kind: "declined", closed: true, ...(status === "VOIDED" ? NOT_APPROVED : NOT_CAPTURED) };
    // In older documents of PayPal; a newer one says that an authorization at its end is VOIDED.
    case "EXPIRED":
      return { kind: "declined", closed: true, ...HOLD_EXPIRED };
    default:
      return unknown("processing");
  }
}

/** Captures that took money, also if it went back since. */
const TAKEN: ReadonlySet<string> = new Set(["COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED"]);
/** The event is called DENIED, and its capture DECLINED; either says that nothing was taken. */
const FAILED: ReadonlySet<string> = new Set(["DECLINED", "DENIED", "FAILED"]);

export function captureAnswer({ id, status }: PayPalCapture): ProviderChargeResult {
  if (TAKEN.has(status)) return { kind: "succeeded", provider_txn_id: id };
  return FAILED.has(status) ? { kind: "declined", closed: true, ...NOT_CAPTURED } : unknown("processing");
}

/** The id of the order to which a capture or an authorization belongs, if it says so. */
export function orderIdIn({
  supplementary_data,
}: Pick<PayPalCapture, "supplementary_data">): string | undefined {
  return supplementary_data?.related_ids?.order_id;
}

export function capturesOf({ purchase_units }: PayPalOrder): readonly PayPalCapture[] {
  return purchase_units.flatMap(({ payments }) => payments?.captures ?? []);
}

export function authorizationsOf({ purchase_units }: PayPalOrder): readonly PayPalAuthorization[] {
  return purchase_units.flatMap(({ payments }) => payments?.authorizations ?? []);
}

export function refundsOf({ purchase_units }: PayPalOrder): readonly PayPalRefund[] {
  return purchase_units.flatMap(({ payments }) => payments?.refunds ?? []);
}

export function refundAnswer({ id, status }: PayPalRefund): RefundResult {
  if (status === "COMPLETED") return { kind: "succeeded", provider_refund_id: id };
  const error_code = REFUND_CODES.get(status) ?? "REFUND_UNKNOWN";
  return { kind: "not_yet", error_code };
}

export function isFailedRefund({ status }: PayPalRefund): boolean {
  return status === "FAILED" || status === "CANCELLED";
}

/** A refund in an order: PayPal changes its status when it fails later. */
export function foundRefund(refund: PayPalRefund): RefundResult {
  const { id, status } = refund;
  const error_code = REFUND_CODES.get(status);
  return isFailedRefund(refund) && error_code !== undefined
    ? { kind: "failed", provider_refund_id: id, error_code }
    : refundAnswer(refund);
}

const REFUND_CODES: ReadonlyMap<string, string> = new Map([
  ["PENDING", "REFUND_PENDING"],
  ["FAILED", "REFUND_FAILED"],
  ["CANCELLED", "REFUND_CANCELED"],
]);

/** The capture that a refund belongs to: its link `up`. */
export function captureIdOf({ links = [] }: PayPalRefund): string | null {
  const up = links.find(({ rel }) => rel === "up")?.href ?? "";
  return /\/v2\/payments\/captures\/([A-Za-z0-9-]{1,100})$/.exec(up)?.[1] ?? null;
}

/** The page at which the shopper approves the order. */
export function approvalPage({ links = [] }: PayPalOrder): string | null {
  return links.find(({ rel }) => rel === "approve" || rel === "payer-action")?.href ?? null;
}

/** Any text can be in `custom_id`; only one in the form of a saga's id counts as one, also before what marks our refunds. */
export function sagaOf({ custom_id = "" }: { readonly custom_id?: string }): string | null {
  const text = custom_id.endsWith(OUR_REFUND) ? custom_id.slice(0, -OUR_REFUND.length) : custom_id;
  return UUID.test(text) ? text : null;
}

/**
 * `custom_id` of a refund that this service requests. PayPal may give one that somebody makes in its dashboard the `custom_id` and
 * `invoice_id` of the capture, so neither of those says whose it is.
 */
const OUR_REFUND = ":refund";

export function refundCustomId(saga_id: string): string {
  return `${saga_id}${OUR_REFUND}`;
}

export function isOurRefund({ custom_id = "" }: { readonly custom_id?: string }): boolean {
  return custom_id.endsWith(OUR_REFUND) && sagaOf({ custom_id }) !== null;
}

/**
 * PayPal shows it to the payer, and refuses a second payment with it (DUPLICATE_INVOICE_ID) unless the account's settings allow that: the
 * net below our keys. It carries the mark of the shop too, because an account may be shared.
 */
export function invoiceIdOf(mark: string, saga_id: string): string {
  return `${mark}:${saga_id}`;
}

export function isMarked(mark: string, { invoice_id = "" }: { readonly invoice_id?: string }): boolean {
  return invoice_id.startsWith(`${mark}:`);
}
