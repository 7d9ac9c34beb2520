// The checkout form and the one POST that orders.
import { chargeFault } from "../../kernel/charge-limits.ts";
import { payPalFault } from "../../kernel/paypal-charges.ts";
import { AppError } from "../../kernel/errors.ts";
import { isKeyFor, keyFor } from "../checkout-key.ts";
import {
  checkoutRequest,
  type Details,
  detailsFrom,
  detailsText,
  type Field,
  fieldOfFault,
  FIELDS,
  maxLengthOf,
  type PostedCheckout,
  postedCheckout,
} from "../checkout-form.ts";
import { countryName } from "../countries.ts";
import { setCookie } from "../../web/cookies.ts";
import { DETAILS } from "../cookies.ts";
import { Checkout, DRAFT_PATH, type FieldErrors } from "../pages/checkout.tsx";
import { UNANSWERED, Unanswered } from "../pages/unanswered.tsx";
import { keyCookie, placedCookies, placedOf, settlePlaced, unspentKey } from "../placed.ts";
import { type StartResult, TooManyRequests } from "../port.ts";
import { type PricedCart, priced } from "../priced-cart.ts";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import { preferencesCookie, type Visit, withCart } from "../visit.ts";
import { wordsOf } from "../words/words.ts";
import { failureKind } from "../../../schemas/failures.ts";
import { productsIn } from "./catalogue.tsx";
import { openCheckouts, type ShopRoute, signInFirst } from "./route.ts";
import { chosenPreferences } from "./session.tsx";

export const checkoutRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/checkout", name: "checkout", handle: checkoutPage },
  {
    method: "POST",
    path: "/checkout",
    name: "checkout_place",
    handle: place,
    limited,
    pageOf: () => "/checkout",
  },
  { method: "POST", path: DRAFT_PATH, name: "checkout_draft", handle: draft, pageOf: () => "/checkout" },
  // The answer to the POST has this address, and somebody may load it again.
  { method: "GET", path: DRAFT_PATH, name: "checkout", handle: () => seeOther("/checkout") },
];

async function checkoutPage(asked: Visit): Promise<Response> {
  if (asked.userId === null) return signInFirst(asked);
  const { visit, cookies, pending } = await settlePlaced(asked);
  // The very cart that is being ordered is not offered again: the way back from the status page ends there.
  if (pending !== null) return seeOther(`/checkout/${pending.saga_id}`);
  const cart = priced(visit.cart, await productsIn(visit));
  if (!cart.isOrderable) return seeOther("/cart", cookies);
  return form(visit, { cart, details: detailsFrom(asked.userId, visit.cookies.get(DETAILS)), cookies });
}

interface Shown {
  readonly cart: PricedCart;
  readonly details: Details;
  readonly errors?: FieldErrors;
  readonly chosen?: string;
  /** The posted one. Kept if the offer is the same; a price that changed meanwhile is another offer, and needs another key. */
  readonly key?: string | undefined;
  readonly note?: string;
  readonly placedSaga?: string | undefined;
  /** The kept key was used for something else. */
  readonly isNewKey?: boolean;
  readonly status?: number;
  readonly cookies?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

function form(visit: Visit, shown: Shown) {
  const { cart, details, errors = {}, chosen, key, placedSaga } = shown;
  const { status = 200, cookies = [], headers = {} } = shown;
  const { cards, offersPayPal = false, uuid } = visit.options;
  const offer = { cart: cart.lines, total_cents: cart.total_cents, currency: cart.currency };
  const kept = unspentKey(visit, offer);
  const posted = key !== undefined && isKeyFor(key, offer) ? key : null;
  const idempotencyKey = posted ?? (shown.isNewKey === true ? null : kept) ?? keyFor(offer, uuid());
  // A posted key is of an older page, and may be spent by now: a cookie with it would make the next order the old one again.
  const isOld = idempotencyKey === posted && posted !== kept;
  // Whatever else is said: what the button buys is not what it bought before.
  const isChanged = key !== undefined && posted === null;
  const note = [shown.note, isChanged ? visit.words.checkout.changed : undefined];
  const content = (
    <Checkout
      frame={visit}
      cart={cart}
      idempotencyKey={idempotencyKey}
      details={details}
      errors={errors}
      cards={cards}
      offersPayPal={
        offersPayPal && payPalFault({ amount_cents: cart.total_cents, currency: cart.currency }) === null
      }
      chosen={chosen}
      note={note.filter((text) => text !== undefined).join(" ")}
      placedSaga={placedSaga}
    />
  );
  return page(visit, content, {
    status,
    headers,
    cookies: isOld ? cookies : [...cookies, keyCookie(idempotencyKey)],
    withStripe: cards.kind === "stripe",
  });
}

/**
 * Orders what the form showed, not what the cart cookie holds by now: the lines, the total and the key are all in the form. So a second
 * press, a reload or a lost answer is the same request, and the orchestrator answers with the same saga.
 */
async function place(visit: Visit): Promise<Response> {
  if (visit.userId === null) return signInFirst(visit);
  const posted = postedCheckout(visit.form);
  if (posted.cart.length === 0 || !isKeyFor(posted.key, posted))
    return again(visit, posted, { status: 409, note: visit.words.checkout.changed });
  let result: StartResult;
  try {
    result = await visit.options.data.startCheckout(visit.userId, posted.key, checkoutRequest(posted), visit);
  } catch (error) {
    if (error instanceof TooManyRequests) return limited(visit, error);
    if (!(error instanceof AppError && error.canRetry)) throw error;
    visit.options.onError(error, visit.request);
    return page(visit, <Unanswered frame={visit} form={visit.form} />, { status: 503 });
  }
  switch (result.kind) {
    case "accepted":
      return seeOther(`/checkout/${result.saga_id}`, [
        ...placedCookies(result.saga_id, posted),
        setCookie(DETAILS, detailsText(visit.userId, posted.details)),
      ]);
    case "key_reused": {
      // The same form, sent before with other details: if that order is open, the shopper means it.
      const [open] = await openCheckouts(visit);
      if (open !== undefined) return seeOther(`/checkout/${open.saga_id}`);
      return again(visit, posted, {
        status: 409,
        note: visit.words.checkout.reused,
        placedSaga: placedOf(visit)?.sagaId,
        isNewKey: true,
      });
    }
    default:
      return again(visit, posted, {
        status: 422,
        key: posted.key,
        errors: errorsOf(visit, posted, result.errors),
      });
  }
}

/**
 * Nothing was ordered now, and nothing that was typed is lost: the same form, with the same key. Also for somebody who is not signed in,
 * or of whom nobody can say it now: the form holds only what they have sent.
 */
function limited(visit: Visit, error: TooManyRequests): Response | Promise<Response> {
  const answer = { status: 429, headers: { "retry-after": String(error.retryAfterSeconds) } };
  const note = visit.words.problem.tooManyText;
  if (visit.form.has(UNANSWERED))
    return page(visit, <Unanswered frame={visit} form={visit.form} note={note} />, answer);
  const posted = postedCheckout(visit.form);
  return again(visit, posted, { ...answer, note, key: posted.key });
}

/**
 * Another language or theme, and the form as it was. What was typed goes to and fro in the bodies and is stored nowhere, so this POST
 * answers with the page itself.
 */
function draft(visit: Visit): Response | Promise<Response> {
  if (visit.userId === null) return signInFirst(visit);
  const { language, theme } = chosenPreferences(visit);
  const changed = { ...visit, language, theme, words: wordsOf(language) };
  const cookies = [preferencesCookie(language, theme)];
  // The order may have been placed: a form at today's prices, with a key of its own, could place it twice.
  if (visit.form.has(UNANSWERED))
    return page(changed, <Unanswered frame={changed} form={visit.form} />, { cookies });
  const posted = postedCheckout(visit.form);
  return again(changed, posted, { key: posted.key, cookies });
}

/** The form with what was typed, over the lines that it showed. */
async function again(
  visit: Visit,
  posted: PostedCheckout,
  shown: Omit<Shown, "cart" | "details" | "chosen">,
): Promise<Response> {
  const shownCart = posted.cart.length === 0 ? visit.cart : posted.cart;
  const cart = priced(shownCart, await productsIn(withCart(visit, shownCart)));
  if (!cart.isOrderable) return seeOther("/cart", shown.cookies);
  return form(visit, { ...shown, cart, details: posted.details, chosen: posted.payment_method });
}

/** In the order of the page. */
function errorsOf(
  visit: Visit,
  posted: PostedCheckout,
  faults: readonly { readonly path: string }[],
): FieldErrors {
  const { errors, status } = visit.words;
  const unpayable = chargeFault({ amount_cents: posted.total_cents, currency: posted.currency });
  const found = new Map<Field, string>();
  for (const { path } of faults) {
    const field = fieldOfFault(path);
    if (field !== null) found.set(field, sentenceOf(visit, field, posted));
    // A fault without a field is about lines or prices; it is shown at the payment, just above the button.
    else if (!found.has("payment_method"))
      found.set(
        "payment_method",
        unpayable === null ? errors.other : status.failures[failureKind(unpayable.code)].text,
      );
  }
  // Whether it is needed depends on the country; asking later would be a second round.
  if (found.has("country") && posted.details.postal_code === undefined)
    found.set("postal_code", visit.words.wrong.postalCodeIfAny);
  return Object.fromEntries(FIELDS.flatMap((field) => (found.has(field) ? [[field, found.get(field)]] : [])));
}

/** What to do about a field: give it, shorten it, or correct it. */
function sentenceOf({ words, language }: Visit, field: Field, { details }: PostedCheckout): string {
  const { errors, wrong } = words;
  const missing = errors[field] ?? errors.other;
  if (field === "payment_method" || field === "country") return missing;
  const text = details[field] ?? "";
  if (text === "") return missing;
  if (text.length > maxLengthOf(field)) return wrong.tooLong(maxLengthOf(field));
  if (field === "email") return missing;
  if (field === "postal_code" && details.country !== undefined)
    return wrong.postalCode(countryName(details.country, language));
  return errors.other;
}
