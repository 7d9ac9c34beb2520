// The texts that shoppers read. Pure: one command always becomes the same mail. Called by notifier.ts and waiting-mails.ts.
import { type FailureKind, failureKind } from "../../../schemas/failures.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { assertNever } from "../../kernel/errors.ts";
import { moneyText } from "../../kernel/money.ts";

export interface Mail {
  /** Depends only on saga, template and tracking number, so a mail that is sent twice is the same mail to its receiver (RFC 5322, 3.6.4). */
  readonly message_id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Why there is no order. */
const REASONS: Readonly<Record<FailureKind, string>> = {
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
  card_not_accepted: "Your payment method cannot be used for this order.",
  bank_trouble: "Your bank could not process the payment. Please try again a little later.",
  payments_down: "Payments are not available at the moment. Please try again a little later.",
  address_not_served: "We do not ship to your address.",
  our_fault: "Something went wrong on our side.",
};
const NO_MONEY = "You pay nothing: no money was taken, or it has been given back.";

/**
 * Identifies the mail of one (saga, template), however often it is requested. Corrected tracking is another mail: the shopper has the
 * wrong number.
 */
export function mailKey({ saga_id, template, tracking }: SendNotification): string {
  return [saga_id, template, ...(tracking === undefined ? [] : [tracking.number])].join(".");
}

/** `link`: where the shopper sees the checkout without signing in; null if the shop has no such pages. */
export function mailOf(command: SendNotification, link: string | null = null): Mail {
  const { subject, paragraphs } = wordsOf(command);
  const shown = link === null ? "" : `<p><a href="${escaped(link)}">See how it is going</a></p>\n`;
  return {
    message_id: `<${mailKey(command)}@checkout>`,
    to: command.email,
    subject,
    text: `${[...paragraphs, ...(link === null ? [] : [["See how it is going:", link]])]
      .map((lines) => lines.join("\n"))
      .join("\n\n")}\n`,
    html: `<!doctype html>\n<title>${escaped(subject)}</title>\n${paragraphs
      .map((lines) => `<p>${lines.map(escaped).join("<br>")}</p>`)
      .join("\n")}\n${shown}`,
  };
}

interface Words {
  readonly subject: string;
  /** Each a list of lines. */
  readonly paragraphs: readonly (readonly string[])[];
}

function wordsOf(command: SendNotification): Words {
  switch (command.template) {
    case "order_confirmed":
      return orderConfirmed(command);
    case "checkout_failed":
      return checkoutFailed(command);
    case "order_shipped":
      return orderShipped(command);
    case "order_cancelled":
      return orderCancelled(command);
    default:
      return assertNever(command.template);
  }
}

function orderConfirmed({ saga_id, order_id, items = [], total_cents, currency }: SendNotification): Words {
  const lines = items.map(
    ({ sku_id, quantity, unit_price_cents }) =>
      `${quantity} x ${sku_id}, ${moneyText(unit_price_cents, currency)} each`,
  );
  const total = total_cents === undefined ? [] : [`Total: ${moneyText(total_cents, currency)}`];
  return {
    subject: "Your order is confirmed",
    paragraphs: [
      ["Thank you for your order."],
      [...lines, ...total],
      [`Order ${order_id ?? saga_id}`],
    ].filter((paragraph) => paragraph.length > 0),
  };
}

function orderShipped({ saga_id, order_id, tracking }: SendNotification): Words {
  const parcel =
    tracking === undefined
      ? []
      : [
          [
            `Carrier: ${tracking.carrier}`,
            `Tracking number: ${tracking.number}`,
            ...(tracking.url === undefined ? [] : [tracking.url]),
          ],
        ];
  return {
    subject: "Your order has been shipped",
    paragraphs: [["Your order is on its way."], ...parcel, [`Order ${order_id ?? saga_id}`]],
  };
}

function orderCancelled({ saga_id, order_id, total_cents = 0, currency }: SendNotification): Words {
  const refund =
    total_cents === 0 ? [] : [[`You get ${moneyText(total_cents, currency)} back the way you paid it.`]];
  return {
    subject: "Your order has been cancelled",
    paragraphs: [
      ["Your order has been cancelled and will not be sent."],
      ...refund,
      [`Order ${order_id ?? saga_id}`],
    ],
  };
}

function checkoutFailed({ saga_id, failure_code = "" }: SendNotification): Words {
  const reason = REASONS[failureKind(failure_code)];
  return {
    subject: "Your checkout could not be completed",
    paragraphs: [
      ["We are sorry: your checkout could not be completed.", reason],
      [NO_MONEY],
      [`Checkout ${saga_id}`],
    ],
  };
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
