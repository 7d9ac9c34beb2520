// @ts-check
// Only on the checkout page, and only with the real payment provider: mounts Stripe's card field, which lives in Stripe's own frame, and
// turns the card into a PaymentMethod id before the form is sent. The number never touches this page or this server.

/**
 * @typedef {{ mount(target: Element): void }} CardField
 * @typedef {{ elements(options: object): { create(kind: string, options: object): CardField },
 *   createPaymentMethod(options: object): Promise<{ paymentMethod?: { id: string }, error?: { message?: string } }> }} Stripe
 */

mount();
document.addEventListener("page-shown", mount);

function mount() {
  const target = document.querySelector("#card[data-stripe-key]");
  if (!(target instanceof HTMLElement)) return;
  /** @type {((key: string) => Stripe) | undefined} */
  const load = Reflect.get(window, "Stripe");
  const form = target.closest("form");
  if (load === undefined || !form) return;
  const stripe = load(target.dataset["stripeKey"] ?? "");
  const style = getComputedStyle(document.body);
  const card = stripe.elements({ locale: target.dataset["language"] }).create("card", {
    style: { base: { color: style.color, fontFamily: style.fontFamily, fontSize: "16px" } },
  });
  card.mount(target);
  form.addEventListener("card-wanted", (event) => {
    if (event instanceof CustomEvent) event.detail.ready = paymentMethod(stripe, card, form);
  });
}

/** Whether the form now holds a payment method. @param {Stripe} stripe @param {CardField} card @param {HTMLFormElement} form */
async function paymentMethod(stripe, card, form) {
  const field = form.elements.namedItem("payment_method");
  if (!(field instanceof HTMLInputElement)) return false;
  // The card field is not wanted.
  if (new FormData(form).get("pay_with") === "paypal") return true;
  // Kept for a second try: another payment method would be another order under the same key.
  if (field.value !== "") return true;
  const { paymentMethod: made, error } = await stripe.createPaymentMethod({ type: "card", card });
  const message = document.getElementById("card-error");
  if (message) message.textContent = error?.message ?? "";
  field.value = made?.id ?? "";
  return made !== undefined;
}
