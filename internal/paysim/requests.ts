// Parses form bodies to typed requests, as strictly as Stripe: an unknown parameter is refused, so that a client that works here does
// not fail at Stripe. Such a refusal is not stored with the idempotency key. Pure. Called by the server.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import { badCurrency, badSum } from "./currencies.ts";
import { invalidRequest, missing, noSuch, parameterUnknown } from "./errors.ts";
import { badExpand } from "./expand.ts";
import { isKnownPaymentMethod } from "./payment-methods.ts";

const MAX_METADATA_KEYS = 50;
const MAX_METADATA_KEY_LENGTH = 40;
const MAX_METADATA_VALUE_LENGTH = 500;

export interface CreateIntent {
  readonly kind: "create";
  /** In the API's unit of the currency (currencies.ts), as all amounts here. */
  readonly amountCents: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly confirm: boolean;
  readonly paymentMethod: string | null;
  /** The money is only held; a capture takes it. */
  readonly isManual: boolean;
  /** Whatever needs the shopper is a decline. */
  readonly errorOnAction: boolean;
  /** Where the bank's page sends the shopper back to. */
  readonly returnUrl: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The shopper's answer at the bank's page. */
export interface ConfirmAction {
  readonly kind: "confirm";
  readonly intentId: string;
  readonly isConfirmed: boolean;
}

export interface CancelIntent {
  readonly kind: "cancel";
  readonly intentId: string;
  readonly reason: string | null;
}

/** Takes the whole amount that is held. */
export interface CaptureIntent {
  readonly kind: "capture";
  readonly intentId: string;
}

export interface CreateRefund {
  readonly kind: "refund";
  readonly intentId: string;
  /** Null refunds all that is left. */
  readonly amountCents: number | null;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export type ProviderRequest = CreateIntent | ConfirmAction | CaptureIntent | CancelIntent | CreateRefund;
export type Parsed<T> = { readonly request: T } | { readonly error: ProviderError };
/** Decoded form fields with their names as sent, for example `metadata[saga_id]`. */
export type Form = ReadonlyMap<string, string>;

const CREATE_PARAMS = new Set([
  "amount",
  "automatic_payment_methods",
  "capture_method",
  "confirm",
  "currency",
  "description",
  "error_on_requires_action",
  "expand",
  "metadata",
  "payment_method",
  "return_url",
]);
/** Accepted and ignored: they mean something to Stripe but nothing to the simulator. */
const CREATE_IGNORED = new Set([
  "confirmation_method",
  "off_session",
  "receipt_email",
  "statement_descriptor",
  "statement_descriptor_suffix",
]);
const CAPTURE_METHODS = ["automatic", "automatic_async", "manual"];
const CAPTURE_PARAMS = new Set(["expand"]);
const CANCEL_PARAMS = new Set(["cancellation_reason"]);
const REFUND_PARAMS = new Set(["amount", "metadata", "payment_intent", "reason"]);
const CANCEL_REASONS = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
const REFUND_REASONS = ["duplicate", "fraudulent", "requested_by_customer"];

export function parseCreate(form: Form): Parsed<CreateIntent> {
  const paymentMethod = form.get("payment_method") ?? null;
  const confirm = form.get("confirm") === "true";
  const currency = form.get("currency") ?? "";
  const error =
    unknownParam(form, CREATE_PARAMS, CREATE_IGNORED) ??
    badAmount(form, true) ??
    (form.has("currency") ? null : missing("currency")) ??
    badCurrency(currency) ??
    badSum(Number(form.get("amount")), currency) ??
    badChoice("capture_method", form.get("capture_method") ?? null, CAPTURE_METHODS) ??
    (confirm && paymentMethod === null ? missing("payment_method") : null) ??
    (paymentMethod === null || isKnownPaymentMethod(paymentMethod)
      ? null
      : noSuch("PaymentMethod", paymentMethod, "payment_method", 400)) ??
    badReturn(form, confirm) ??
    badExpand(form, "") ??
    badMetadata(form);
  if (error !== null) return { error };
  return {
    request: {
      kind: "create",
      isManual: form.get("capture_method") === "manual",
      errorOnAction: form.get("error_on_requires_action") === "true",
      returnUrl: form.get("return_url") ?? null,
      amountCents: Number(form.get("amount")),
      currency: currency.toUpperCase(),
      confirm,
      paymentMethod,
      description: form.get("description") ?? null,
      metadata: metadataOf(form),
    },
  };
}

export function parseCancel(intentId: string, form: Form): Parsed<CancelIntent> {
  const reason = form.get("cancellation_reason") ?? null;
  const error = unknownParam(form, CANCEL_PARAMS) ?? badChoice("cancellation_reason", reason, CANCEL_REASONS);
  return error === null ? { request: { kind: "cancel", intentId, reason } } : { error };
}

export function parseCapture(intentId: string, form: Form): Parsed<CaptureIntent> {
  const error = unknownParam(form, CAPTURE_PARAMS) ?? badExpand(form, "");
  return error === null ? { request: { kind: "capture", intentId } } : { error };
}

export function parseRefund(form: Form): Parsed<CreateRefund> {
  const reason = form.get("reason") ?? null;
  const intentId = form.get("payment_intent") ?? "";
  const error =
    unknownParam(form, REFUND_PARAMS) ??
    (intentId === "" ? missing("payment_intent") : null) ??
    badAmount(form, false) ??
    badChoice("reason", reason, REFUND_REASONS) ??
    badMetadata(form);
  if (error !== null) return { error };
  const amount = form.get("amount");
  const amountCents = amount === undefined ? null : Number(amount);
  return { request: { kind: "refund", intentId, amountCents, reason, metadata: metadataOf(form) } };
}

function unknownParam(form: Form, ...known: readonly ReadonlySet<string>[]): ProviderError | null {
  for (const name of form.keys()) {
    const top = name.split("[", 1)[0] ?? name;
    if (!known.some((names) => names.has(top))) {
      return parameterUnknown(top);
    }
  }
  return null;
}

function badAmount(form: Form, required: boolean): ProviderError | null {
  const text = form.get("amount");
  if (text === undefined) return required ? missing("amount") : null;
  if (!/^\d+$/.test(text)) {
    return invalidRequest(`Invalid integer: ${text}`, "amount", "parameter_invalid_integer");
  }
  if (Number(text) < 1) {
    return invalidRequest(
      "This value must be greater than or equal to 1.",
      "amount",
      "parameter_invalid_integer",
    );
  }
  return null;
}

/** With automatic methods, some of which send the shopper away, a confirmation says where they come back to. */
function badReturn(form: Form, confirm: boolean): ProviderError | null {
  const url = form.get("return_url");
  if (url !== undefined)
    return URL.canParse(url) ? null : invalidRequest(`Not a valid URL: ${url}`, "return_url", "url_invalid");
  const isAutomatic = form.get("automatic_payment_methods[enabled]") === "true";
  if (!confirm || !isAutomatic || form.get("automatic_payment_methods[allow_redirects]") === "never")
    return null;
  return invalidRequest(
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`.",
    "return_url",
  );
}

function badChoice(param: string, value: string | null, choices: readonly string[]): ProviderError | null {
  if (value === null || choices.includes(value)) return null;
  return invalidRequest(`Invalid ${param}: must be one of ${choices.join(", ")}`, param);
}

function badMetadata(form: Form): ProviderError | null {
  const entries = Object.entries(metadataOf(form));
  if (entries.length > MAX_METADATA_KEYS) {
    return invalidRequest(`Metadata can have at most ${MAX_METADATA_KEYS} keys.`, "metadata");
  }
  for (const [key, value] of entries) {
    if (key.length > MAX_METADATA_KEY_LENGTH || value.length > MAX_METADATA_VALUE_LENGTH) {
      return invalidRequest(`Metadata key or value too long: ${key.slice(0, 40)}`, `metadata[${key}]`);
    }
  }
  return null;
}

function metadataOf(form: Form): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of form) {
    const key = /^metadata\[([^\]]+)\]$/.exec(name)?.[1];
    if (key !== undefined) metadata[key] = value;
  }
  return metadata;
}
