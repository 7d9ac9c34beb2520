// Reads a checkout from an HTTP request. Strict: unknown input is rejected, never ignored. Called by routes/checkout.ts.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import isEmail from "validator/lib/isEmail.js";
import { EMAIL_LENGTH } from "../../schemas/fields.ts";
import { CheckoutRequest, IDEMPOTENCY_KEY, PAYPAL } from "../../schemas/http.ts";
import { mediaTypeOf } from "../../schemas/media-type.ts";
import { chargeFault } from "../kernel/charge-limits.ts";
import { payPalFault } from "../kernel/paypal-charges.ts";
import { shopCurrencyFault } from "../kernel/shop-currencies.ts";
import { addressFaults } from "./address.ts";
import { holdsCardNumber } from "./card-number.ts";
import { ProblemError } from "./problem.ts";

/** A cart of 50 lines with an address is below 8 KB. */
export const MAX_BODY_BYTES = 64 * 1_024;
/** Maximum listed faults of one body; more are usually consequences of these. */
const MAX_BODY_FAULTS = 20;
const idempotencyKey = new RegExp(IDEMPOTENCY_KEY);

/**
 * A pattern cannot find this fault: `ada,smith@example.com` is not an address, and software that reads it as a list of two sends
 * mail to a stranger. Quoted local parts and other scripts are valid.
 */
const NO_ADDRESS = { path: "/email", message: "Expected one e-mail address, for example ada@example.com" };

/** Names the path, not the value: the client may log the answer. */
const CARD_NUMBER = {
  path: "/payment_method",
  message:
    "Expected the payment provider's token for the card, for example pm_1MqLiJLkdIwHu7ix, and got a card number",
};

const checkoutRequest = TypeCompiler.Compile(CheckoutRequest);

export function idempotencyKeyOf({ headers }: Request): string {
  const key = headers.get("idempotency-key");
  if (key !== null && idempotencyKey.test(key)) return key;
  throw new ProblemError("missing-idempotency-key", {
    detail:
      "send 1 to 200 printable characters, for example a UUID: a new key for each checkout, the same key for each retry",
  });
}

/** `currencies`: those in which the shop sells. */
export async function checkoutOf(
  request: Request,
  currencies: ReadonlySet<string>,
): Promise<CheckoutRequest> {
  const body = parse(await textOf(request));
  // Checked first: a card number with spaces also violates the schema, but the schema's message would not explain it.
  if (hasCardNumber(body)) throw new ProblemError("card-number", { errors: [CARD_NUMBER] });
  const checkout = checkoutRequest.Check(body) ? body : null;
  const errors = checkout === null ? faultsOf(body) : faultsOfMeaning(checkout, currencies);
  if (checkout !== null && errors.length === 0) return checkout;
  throw new ProblemError("invalid-body", { errors: errors.slice(0, MAX_BODY_FAULTS) });
}

/** The schema's faults, and those of e-mail and address that it cannot find: who corrects a form wants to see all at once. */
function faultsOf(body: unknown): readonly Fault[] {
  const faults = Iterator.from(checkoutRequest.Errors(body))
    .take(MAX_BODY_FAULTS)
    .map(({ path, message }) => ({ path: path === "" ? "/" : path, message }))
    .toArray();
  const found = new Set(faults.map(({ path }) => path));
  const { email, shipping_address } = fieldsOf(body);
  const address = textsOf(fieldsOf(shipping_address));
  const others = [
    ...(typeof email !== "string" || isAddress(email) ? [] : [NO_ADDRESS]),
    ...(shipping_address === undefined ? [] : addressFaults(address)),
  ];
  return [...faults, ...others.filter(({ path }) => !found.has(path))];
}

/** `isEmail` throws at half a surrogate pair (validator 13.15.35), and a text without a limit would take it long. */
function isAddress(email: string): boolean {
  return email.length <= EMAIL_LENGTH && email.isWellFormed() && isEmail(email);
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === "string"),
  );
}

function hasCardNumber(body: unknown): boolean {
  if (typeof body !== "object" || body === null || !("payment_method" in body)) return false;
  const { payment_method } = body;
  const isText = typeof payment_method === "string" || typeof payment_method === "number";
  return isText && holdsCardNumber(String(payment_method));
}

/** Faults that a schema cannot find. */
function faultsOfMeaning(
  { email, currency, expected_total_cents, payment_method, shipping_address }: CheckoutRequest,
  currencies: ReadonlySet<string>,
) {
  // A sum that the provider cannot charge is rejected before stock is reserved.
  const wrongCurrency = shopCurrencyFault(currency, currencies);
  const wrongTotal =
    wrongCurrency === null && expected_total_cents !== undefined
      ? chargeFault({ amount_cents: expected_total_cents, currency })
      : null;
  const notPayable =
    payment_method === PAYPAL && wrongCurrency === null
      ? payPalFault({ amount_cents: expected_total_cents ?? 0, currency })
      : null;
  return [
    ...(isAddress(email) ? [] : [NO_ADDRESS]),
    ...(wrongCurrency === null ? [] : [{ path: "/currency", message: wrongCurrency }]),
    ...(wrongTotal === null ? [] : [{ path: "/expected_total_cents", message: wrongTotal.message }]),
    ...(notPayable === null ? [] : [{ path: "/payment_method", message: notPayable }]),
    ...addressFaults(shipping_address),
  ];
}

/**
 * SHA-256 of the checkout, hex. Shows whether an Idempotency-Key comes with the same checkout as before. Field order and white
 * space do not count, because a client may serialise the same checkout differently when it retries.
 */
export function hashOf(checkout: CheckoutRequest): string {
  return Bun.CryptoHasher.hash("sha256", JSON.stringify(withSortedFields(checkout)), "hex");
}

async function textOf(request: Request): Promise<string> {
  if (mediaTypeOf(request) !== "application/json") throw new ProblemError("unsupported-media-type");
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES)
    throw new ProblemError("body-too-large");
  const text = await request.text();
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) throw new ProblemError("body-too-large");
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProblemError("invalid-json", { cause });
  }
}

/** Copies: a replacer for `JSON.stringify` took twice as long. The schema rejects `__proto__` before this. */
function withSortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedFields);
  if (typeof value !== "object" || value === null) return value;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const sorted: Record<string, unknown> = {};
  for (const name of Object.keys(fields).toSorted()) sorted[name] = withSortedFields(fields[name]);
  return sorted;
}
