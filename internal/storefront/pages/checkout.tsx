// `/checkout`: contact, address, payment and review on one page, with the one button that orders.
import { PAYPAL } from "../../../schemas/http.ts";
import { assets } from "../assets.ts";
import { cartText } from "../cart.ts";
import { ADDRESS_FIELDS, AUTOCOMPLETE, type Details, type Field } from "../checkout-form.ts";
import { countriesIn } from "../countries.ts";
import { money } from "../format.ts";
import type { StorefrontOptions } from "../options.ts";
import { ArtDefinitions, Icon, Picture } from "../parts/art.tsx";
import { Notice, Page } from "../parts/layout.tsx";
import { nameOf } from "../parts/names.ts";
import { pricesText } from "../price-changes.ts";
import { type PricedCart, pricesIn } from "../priced-cart.ts";
import type { Frame } from "../visit.ts";
import { TEST_CARDS } from "../test-cards.ts";

export type FieldErrors = Readonly<Partial<Record<Field, string>>>;

/** A change of language or theme goes through this route, which shows the form again with what was typed. */
export const DRAFT_PATH = "/checkout/draft";
export const KEPT_FORM = { id: "checkout-form", action: DRAFT_PATH };

interface Props {
  readonly frame: Frame;
  readonly cart: PricedCart;
  readonly idempotencyKey: string;
  readonly details: Details;
  readonly errors: FieldErrors;
  readonly cards: StorefrontOptions["cards"];
  readonly offersPayPal: boolean;
  /** The test card that was chosen before. */
  readonly chosen?: string | undefined;
  /** Why the page is shown again. */
  readonly note: string;
  /** The order that was placed with this page before. */
  readonly placedSaga?: string | undefined;
}

export function Checkout(props: Props) {
  const { frame, cart, idempotencyKey, details, errors, cards, offersPayPal, chosen, note, placedSaga } =
    props;
  const { words } = frame;
  return (
    <Page
      frame={frame}
      title={words.checkout.title}
      keepsForm={KEPT_FORM}
      ownStatus
      scripts={cards.kind === "stripe" ? <StripeScripts frame={frame} /> : null}
    >
      <h1>{words.checkout.title}</h1>
      {note === "" ? null : (
        <Notice>
          <p>
            {note}{" "}
            {placedSaga === undefined ? null : <a href={`/checkout/${placedSaga}`}>{words.open.look}</a>}
          </p>
        </Notice>
      )}
      <ErrorSummary frame={frame} errors={errors} />
      <form
        id={KEPT_FORM.id}
        method="post"
        action="/checkout"
        class="two-columns checkout"
        data-checkout
        data-placing={words.checkout.placing}
        data-placing-text={words.checkout.placingText}
        data-ask={words.checkout.ask}
        data-silent={words.checkout.silentText}
        noValidate
      >
        <input type="hidden" name="key" value={idempotencyKey} />
        <Offer cart={cart} />
        <div class="fields">
          <WhoAndWhere frame={frame} details={details} errors={errors} />
          {cart.total_cents === 0 ? (
            <input type="hidden" name="payment_method" value="free" />
          ) : (
            <Payment
              frame={frame}
              cards={cards}
              offersPayPal={offersPayPal}
              chosen={chosen}
              error={errors.payment_method}
            />
          )}
        </div>
        <Summary frame={frame} cart={cart} />
      </form>
    </Page>
  );
}

function WhoAndWhere({ frame, details, errors }: Pick<Props, "frame" | "details" | "errors">) {
  const { words } = frame;
  return (
    <>
      <fieldset>
        <legend>{words.checkout.contact}</legend>
        <TextField
          frame={frame}
          field="email"
          details={details}
          errors={errors}
          hint={words.checkout.emailHint}
        />
      </fieldset>
      <fieldset class="address">
        <legend>{words.checkout.delivery}</legend>
        {ADDRESS_FIELDS.map((field) =>
          field === "country" ? (
            <CountryField key={field} frame={frame} details={details} errors={errors} />
          ) : (
            <TextField key={field} frame={frame} field={field} details={details} errors={errors} />
          ),
        )}
      </fieldset>
    </>
  );
}

/** What the button buys, and at which prices. */
function Offer({ cart }: { readonly cart: PricedCart }) {
  return (
    <>
      <input type="hidden" name="cart" value={cartText(cart.lines)} />
      <input type="hidden" name="prices" value={pricesText(cart.lines, pricesIn(cart))} />
      <input type="hidden" name="total" value={cart.total_cents} />
      <input type="hidden" name="currency" value={cart.currency} />
    </>
  );
}

/** The review before paying, and the button (WCAG 3.3.4). */
function Summary({ frame, cart }: { readonly frame: Frame; readonly cart: PricedCart }) {
  const { words, language } = frame;
  const total = money(cart.total_cents, cart.currency, language);
  return (
    <aside class="summary" aria-label={words.checkout.review}>
      <h2>{words.checkout.review}</h2>
      <Review frame={frame} cart={cart} />
      <p class="sum">
        <span>{words.cart.total}</span>
        <strong>{total}</strong>
      </p>
      <button class="button wide" data-place>
        {cart.total_cents === 0 ? words.checkout.placeFree : words.checkout.place(total)}
      </button>
      <p class="note" role="status" data-progress />
      <p class="note">
        {words.checkout.note} <a href="/cart">{words.checkout.edit}</a>
      </p>
    </aside>
  );
}

function StripeScripts({ frame }: { readonly frame: Frame }) {
  return (
    <>
      {/* Deferred scripts run in this order, after the page is shown: a slow provider delays only its field. */}
      <script defer nonce={frame.nonce} src="https://js.stripe.com/v3/" />
      <script
        type="module"
        nonce={frame.nonce}
        src={assets.cardFields.path}
        integrity={assets.cardFields.integrity}
      />
    </>
  );
}

/** So many fit beside the button in any window. */
const UNSCROLLED_LINES = 2;

function Review({ frame, cart }: { readonly frame: Frame; readonly cart: PricedCart }) {
  const { language } = frame;
  return (
    <>
      <ArtDefinitions products={cart.lines.flatMap(({ product }) => (product === null ? [] : [product]))} />
      {/* A list that scrolls must take the focus, so that the keyboard scrolls it. */}
      <ul class="review" {...(cart.lines.length > UNSCROLLED_LINES ? { tabIndex: 0 } : {})}>
        {cart.lines.map(({ product, quantity }) =>
          product === null ? null : (
            <li key={product.sku_id}>
              <Picture product={product} size="line" />
              <span>
                {quantity} × {nameOf(product, language)}
              </span>
              <span>{money(product.unit_price_cents * quantity, product.currency, language)}</span>
            </li>
          ),
        )}
      </ul>
    </>
  );
}

/** Links to the fields, so that keyboard and screen reader get there at once (WCAG 3.3.1). */
function ErrorSummary({ frame, errors }: { readonly frame: Frame; readonly errors: FieldErrors }) {
  const { words } = frame;
  const found = Object.entries(errors);
  if (found.length === 0) return null;
  return (
    <section class="error-summary" id="errors" tabIndex={-1} aria-labelledby="errors-title">
      <h2 id="errors-title">{words.checkout.errors}</h2>
      <ul>
        {found.map(([field, text]) => (
          <li key={field}>
            <a href={`#f-${field}`}>{text}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface FieldProps {
  readonly frame: Frame;
  readonly details: Details;
  readonly errors: FieldErrors;
}
const REQUIRED: ReadonlySet<Field> = new Set(["email", "name", "line1", "country"]);

function TextField({
  frame,
  field,
  details,
  errors,
  hint,
}: FieldProps & { readonly field: keyof typeof AUTOCOMPLETE; readonly hint?: string }) {
  const { words } = frame;
  const error = errors[field];
  const attributes = {
    id: `f-${field}`,
    name: field,
    autocomplete: AUTOCOMPLETE[field],
    value: details[field] ?? "",
    required: REQUIRED.has(field),
    ...described([hint === undefined ? "" : `h-${field}`, error === undefined ? "" : `e-${field}`]),
    ...(error === undefined ? {} : { "aria-invalid": true }),
  };
  return (
    <div class={`field field-${field}${error === undefined ? "" : " has-error"}`}>
      <label for={`f-${field}`}>{words.checkout[field]}</label>
      {hint === undefined ? null : (
        <p class="hint" id={`h-${field}`}>
          {hint}
        </p>
      )}
      {field === "email" ? (
        <input type="email" {...attributes} />
      ) : field === "phone" ? (
        <input type="tel" {...attributes} />
      ) : (
        <input type="text" {...attributes} />
      )}
      <FieldError field={field} error={error} />
    </div>
  );
}

function CountryField({ frame, details, errors }: FieldProps) {
  const { words, language } = frame;
  const error = errors.country;
  return (
    <div class={`field field-country${error === undefined ? "" : " has-error"}`}>
      <label for="f-country">{words.checkout.country}</label>
      <select
        id="f-country"
        name="country"
        autocomplete={AUTOCOMPLETE.country}
        required
        {...described([error === undefined ? "" : "e-country"])}
        {...(error === undefined ? {} : { "aria-invalid": true })}
      >
        <option value="">{words.checkout.chooseCountry}</option>
        {countriesIn(language).map(({ code, name }) => (
          <option key={code} value={code} selected={code === details.country}>
            {name}
          </option>
        ))}
      </select>
      <FieldError field="country" error={error} />
    </div>
  );
}

function FieldError({ field, error }: { readonly field: Field; readonly error: string | undefined }) {
  return error === undefined ? null : (
    <p class="field-error" id={`e-${field}`}>
      {error}
    </p>
  );
}

function Payment({
  frame,
  cards,
  offersPayPal,
  chosen,
  error,
}: {
  readonly frame: Frame;
  readonly cards: StorefrontOptions["cards"];
  readonly offersPayPal: boolean;
  readonly chosen: string | undefined;
  readonly error: string | undefined;
}) {
  const { words } = frame;
  const isPayPal = offersPayPal && chosen === PAYPAL;
  const checked = isPayPal
    ? -1
    : Math.max(
        0,
        TEST_CARDS.findIndex((card) => card === chosen),
      );
  return (
    <fieldset
      class={error === undefined ? "payment" : "payment has-error"}
      id="f-payment_method"
      tabIndex={-1}
    >
      <legend>{words.checkout.payment}</legend>
      <FieldError field="payment_method" error={error} />
      {cards.kind === "none" && !offersPayPal ? <p>{words.checkout.noPayment}</p> : null}
      {cards.kind === "test_cards" ? (
        <>
          <p class="hint">{words.checkout.testCards}</p>
          <div class="radios">
            {TEST_CARDS.map((card, index) => (
              <label key={card}>
                <input type="radio" name="payment_method" value={card} checked={index === checked} />
                <span>{words.cards[card] ?? card}</span>
              </label>
            ))}
            {offersPayPal ? <PayPalChoice frame={frame} name="payment_method" isChosen={isPayPal} /> : null}
          </div>
        </>
      ) : null}
      {cards.kind === "none" && offersPayPal ? (
        <div class="radios">
          <PayPalChoice frame={frame} name="payment_method" isChosen />
        </div>
      ) : null}
      {cards.kind === "stripe" && offersPayPal ? (
        <div class="radios">
          <label>
            <input type="radio" name="pay_with" value="card" checked={!isPayPal} />
            <span>{words.checkout.payByCard}</span>
          </label>
          <PayPalChoice frame={frame} name="pay_with" isChosen={isPayPal} />
        </div>
      ) : null}
      {cards.kind === "stripe" ? <CardField frame={frame} publishableKey={cards.publishableKey} /> : null}
    </fieldset>
  );
}

function CardField({ frame, publishableKey }: { readonly frame: Frame; readonly publishableKey: string }) {
  const { words } = frame;
  return (
    <>
      <div id="card" data-stripe-key={publishableKey} data-language={frame.language}>
        <noscript>
          <p>{words.checkout.needsScript}</p>
        </noscript>
      </div>
      <p class="field-error" id="card-error" role="alert" />
      <input type="hidden" name="payment_method" value="" />
      <p class="hint">
        <Icon name="check" />
        {words.checkout.cardNote}
      </p>
    </>
  );
}

function PayPalChoice({
  frame,
  name,
  isChosen,
}: {
  readonly frame: Frame;
  readonly name: "payment_method" | "pay_with";
  readonly isChosen: boolean;
}) {
  return (
    <label>
      <input type="radio" name={name} value={PAYPAL} checked={isChosen} />
      <span>{frame.words.checkout.payPal}</span>
    </label>
  );
}

function described(ids: readonly string[]) {
  const text = ids.filter((id) => id !== "").join(" ");
  return text === "" ? {} : { "aria-describedby": text };
}
