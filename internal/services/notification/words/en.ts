// The mails in English. Its type is the list of texts that every language must have.
import type { FailureKind } from "../../../../schemas/failures.ts";

export interface MailWords {
  /** Of the HTML, and the key of names in the catalogue. */
  readonly language: string;
  /** Between the units and the decimals of an amount. */
  readonly decimalPoint: string;
  /** `shop` is its name. */
  readonly subject: Readonly<
    Record<"confirmed" | "shipped" | "cancelled" | "failed", (shop: string) => string>
  >;
  /** Texts of the link to the shop's page of this checkout. */
  readonly look: { readonly order: string; readonly happened: string };
  readonly thanks: string;
  readonly onTheWay: string;
  readonly cancelled: string;
  readonly sorry: string;
  readonly line: (quantity: number, name: string, each: string) => string;
  readonly total: (amount: string) => string;
  /** `brand`: null if it has no name. */
  readonly paidWith: (brand: string | null, last4: string) => string;
  readonly order: (number: string) => string;
  readonly checkout: (id: string) => string;
  readonly carrier: (name: string) => string;
  readonly tracking: (number: string) => string;
  readonly followParcel: string;
  readonly refund: (amount: string) => string;
  readonly refundWhen: string;
  readonly noMoney: string;
  /** Why there is no order. */
  readonly reasons: Readonly<Record<FailureKind, string>>;
}

export const en: MailWords = {
  language: "en",
  decimalPoint: ".",
  subject: {
    confirmed: (shop) => `Your order at ${shop} is confirmed`,
    shipped: (shop) => `Your order from ${shop} has been shipped`,
    cancelled: (shop) => `Your order from ${shop} has been cancelled`,
    failed: (shop) => `Your checkout at ${shop} could not be completed`,
  },
  look: { order: "See your order", happened: "Look at what happened" },
  thanks: "Thank you for your order.",
  onTheWay: "Your order is on its way.",
  cancelled: "Your order has been cancelled and will not be sent.",
  sorry: "We are sorry: your checkout could not be completed.",
  line: (quantity, name, each) => `${quantity} x ${name}, ${each} each`,
  total: (amount) => `Total: ${amount}`,
  paidWith: (brand, last4) => `Paid with: ${brand ?? "card"} ending ${last4}`,
  order: (number) => `Order ${number}`,
  checkout: (id) => `Checkout ${id}`,
  carrier: (name) => `Carrier: ${name}`,
  tracking: (number) => `Tracking number: ${number}`,
  followParcel: "Follow the parcel",
  refund: (amount) => `You get ${amount} back the way you paid it.`,
  refundWhen: "Banks need 5 to 10 working days to show it.",
  noMoney: "You pay nothing: no money was taken, or it has been given back.",
  reasons: {
    price_changed: "A price has changed since you filled your cart.",
    short_of_stock: "Something in your cart is not in stock any more.",
    not_sold: "Something in your cart is not sold in this shop.",
    other_currency: "Something in your cart is not sold in the currency of your checkout.",
    too_large: "Your cart costs more than one payment can be.",
    too_small: "Your cart costs less than the smallest amount that can be paid.",
    odd_amount: "Payments in this currency cannot be made for exactly the amount of your cart.",
    hold_ended: "The payment took longer than we can hold your items.",
    too_slow: "Something on our side did not answer in time. You can try again.",
    cancelled_by_shop: "The shop has stopped this order.",
    lost_after_paying: "Something in your cart was sold while your checkout was being worked on.",
    no_funds: "Your bank says that the card does not have enough money.",
    card_details: "Your bank did not recognise the card as entered.",
    card_expired: "Your card has expired.",
    bank_refused: "Your bank refused the payment.",
    not_confirmed: "The payment was not confirmed at your bank.",
    not_confirmed_in_time: "The payment was not confirmed at your bank in time.",
    card_not_accepted: "Your payment method cannot be used for this order.",
    bank_error: "Your bank could not process the payment. Please try again a little later.",
    payments_down: "Payments are not available at the moment. Please try again a little later.",
    address_not_served: "We do not ship to your address.",
    our_fault: "Something went wrong on our side.",
  },
};
