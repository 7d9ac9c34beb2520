// What is read of the charge in Stripe's answer, and that everything else of the card stays behind.
import { expect, test } from "bun:test";
import type { Stripe } from "stripe";
import { chargedCard } from "./stripe-card.ts";

const intentWith = (latest_charge: unknown) => {
  const answer: Stripe.PaymentIntent = JSON.parse(JSON.stringify({ latest_charge }));
  return answer;
};
const paidWith = (card: unknown) =>
  intentWith({ id: "ch_1", payment_method_details: { type: "card", card } });
/** As Stripe answers, shortened. */
const visa = {
  brand: "visa",
  country: "US",
  exp_month: 12,
  exp_year: 2034,
  fingerprint: "Xt5EWLLDS7FJjR1c",
  last4: "4242",
  wallet: null,
};

test("brand and last four digits are read, and nothing else", () => {
  expect(chargedCard(paidWith(visa))).toEqual({ brand: "visa", last4: "4242" });
  expect(chargedCard(paidWith({ ...visa, brand: null }))).toEqual({ brand: "unknown", last4: "4242" });
});

test.each([
  ["no charge", intentWith(null)],
  ["an answer without the field", intentWith(undefined)],
  ["only the charge's id, as in webhook events", intentWith("ch_1")],
  ["a charge without details", intentWith({ id: "ch_1", payment_method_details: null })],
  ["another way to pay", intentWith({ payment_method_details: { type: "klarna", klarna: {} } })],
  ["a card without its digits", paidWith({ ...visa, last4: null })],
  ["more digits than four", paidWith({ ...visa, last4: "4242424242424242" })],
  ["a brand in another form", paidWith({ ...visa, brand: "Visa Infinite" })],
])("unknown with %s", (_, intent) => {
  expect(chargedCard(intent)).toBeUndefined();
});
