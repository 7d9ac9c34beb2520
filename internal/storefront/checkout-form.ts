// The checkout form: its fields, what the shopper typed, and the checkout request that it becomes. Pure.
import { Email, ShippingAddressInput } from "../../schemas/fields.ts";
import { type CheckoutRequest, PAYPAL } from "../../schemas/http.ts";
import { type Cart, cartOf } from "./cart.ts";
import { type Prices, pricesFrom, totalAt } from "./price-changes.ts";

/** In the order of the page. The names are those of the request, so that its faults find their field. */
export const ADDRESS_FIELDS = [
  "name",
  "company",
  "line1",
  "line2",
  "postal_code",
  "city",
  "region",
  "country",
  "phone",
] as const;
export type AddressField = (typeof ADDRESS_FIELDS)[number];
export type Field = "email" | AddressField | "payment_method";
export const FIELDS: readonly Field[] = ["email", ...ADDRESS_FIELDS, "payment_method"];

/** The tokens by which browsers fill a form (WCAG 1.3.5). */
export const AUTOCOMPLETE: Readonly<Record<Exclude<Field, "payment_method">, string>> = {
  email: "email",
  name: "shipping name",
  company: "shipping organization",
  line1: "shipping address-line1",
  line2: "shipping address-line2",
  postal_code: "shipping postal-code",
  city: "shipping address-level2",
  region: "shipping address-level1",
  country: "shipping country",
  phone: "shipping tel",
};

/** What the shopper typed. Never the payment method: it is chosen again each time. */
export type Details = Readonly<Partial<Record<Exclude<Field, "payment_method">, string>>>;

export interface PostedCheckout {
  readonly key: string;
  readonly cart: Cart;
  /** What the page showed. */
  readonly total_cents: number;
  /** The unit prices that it showed; null if they are not those of this cart and total. */
  readonly prices: Prices | null;
  readonly currency: string;
  readonly details: Details;
  readonly payment_method: string;
}

const MAX_FIELD_LENGTH = 300;

export function postedCheckout(form: URLSearchParams): PostedCheckout {
  const total = form.get("total") ?? "";
  const total_cents = /^\d{1,16}$/.test(total) ? Number(total) : 0;
  const cart = cartOf(form.get("cart") ?? "");
  const prices = pricesFrom(form.get("prices") ?? "", cart);
  return {
    key: form.get("key") ?? "",
    cart,
    total_cents,
    prices: prices !== null && totalAt(cart, prices) === total_cents ? prices : null,
    currency: form.get("currency") ?? "",
    details: detailsOf(form),
    // The card fields send a value of their own; `pay_with` says that another method was chosen.
    payment_method: form.get("pay_with") === PAYPAL ? PAYPAL : (form.get("payment_method") ?? ""),
  };
}

/** The request for the gateway, which checks it. Empty fields are left out. */
export function checkoutRequest(posted: PostedCheckout): CheckoutRequest {
  const { email = "", name = "", line1 = "", country = "", ...rest } = posted.details;
  return {
    items: posted.cart.map(({ sku_id, quantity }) => ({ sku_id, quantity })),
    currency: posted.currency,
    expected_total_cents: posted.total_cents,
    email,
    shipping_address: { name, line1, country, ...rest },
    payment_method: posted.payment_method,
    // The status page shows the way to the bank.
    shopper_present: true,
  };
}

/** `/shipping_address/city` belongs to the field `city`. Null: the fault has no field on the page. */
export function fieldOfFault(path: string): Field | null {
  const name = path.replace(/^\/shipping_address\//, "").replace(/^\//, "");
  return FIELDS.find((field) => field === name) ?? null;
}

/** The longest text that the shop takes. */
export function maxLengthOf(field: Exclude<Field, "payment_method">): number {
  const schema = field === "email" ? Email : ShippingAddressInput.properties[field];
  return schema.maxLength ?? MAX_FIELD_LENGTH;
}

/** For the cookie that remembers the details until the browser closes. Another user of the same browser does not get them. */
export function detailsText(userId: string, details: Details): string {
  const text = new TextEncoder()
    .encode(JSON.stringify(details))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  return `${userId}.${text}`;
}

export function detailsFrom(userId: string, cookie = ""): Details {
  const [owner, text = ""] = cookie.split(".");
  if (owner !== userId) return {};
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== "object" || value === null) return {};
    const fields = new URLSearchParams();
    for (const [name, field] of Object.entries(value)) if (typeof field === "string") fields.set(name, field);
    return detailsOf(fields);
  } catch {
    // The cookie comes from the browser and may be anything.
    return {};
  }
}

function detailsOf(form: URLSearchParams): Details {
  const details: Partial<Record<Exclude<Field, "payment_method">, string>> = {};
  for (const field of ["email", ...ADDRESS_FIELDS] as const) {
    const text = (form.get(field) ?? "").trim().slice(0, MAX_FIELD_LENGTH);
    if (text !== "") details[field] = text;
  }
  return details;
}
