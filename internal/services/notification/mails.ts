// The texts that shoppers read. Pure: one command always becomes the same mail. Called by notifier.ts and waiting-mails.ts.
import { type FailureKind, failureKind } from "../../../schemas/failures.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { assertNever } from "../../kernel/errors.ts";
import { moneyText } from "../../kernel/money.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import type { MailShop } from "./mail-shop.ts";

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
  not_confirmed_in_time: "The payment was not confirmed at your bank in time.",
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

export function mailOf(command: SendNotification, { name, linkOf }: MailShop): Mail {
  const { subject, paragraphs, look } = wordsOf(command, name);
  const link = linkOf(command);
  const shown = link === null ? [] : [[{ text: look, href: link }]];
  const all = [...paragraphs, ...shown, [name]];
  return {
    message_id: `<${mailKey(command)}@checkout>`,
    to: command.email,
    subject,
    text: `${all.map((lines) => lines.map(plain).join("\n")).join("\n\n")}\n`,
    html: `<!doctype html>\n<html lang="en">\n<title>${escaped(subject)}</title>\n${all
      .map((lines) => `<p>${lines.map(marked).join("<br>")}</p>`)
      .join("\n")}\n`,
  };
}

/** A line of text, or a link. */
type Line = string | { readonly text: string; readonly href: string };

interface Words {
  readonly subject: string;
  readonly paragraphs: readonly (readonly Line[])[];
  /** Text of the link to the shop's page of this checkout. */
  readonly look: string;
}

function plain(line: Line): string {
  return typeof line === "string" ? line : `${line.text}:\n${line.href}`;
}

function marked(line: Line): string {
  return typeof line === "string"
    ? escaped(line)
    : `<a href="${escaped(line.href)}">${escaped(line.text)}</a>`;
}

function wordsOf(command: SendNotification, shop: string): Words {
  switch (command.template) {
    case "order_confirmed":
      return orderConfirmed(command, shop);
    case "checkout_failed":
      return checkoutFailed(command, shop);
    case "order_shipped":
      return orderShipped(command, shop);
    case "order_cancelled":
      return orderCancelled(command, shop);
    default:
      return assertNever(command.template);
  }
}

function orderConfirmed(command: SendNotification, shop: string): Words {
  const { items = [], total_cents, currency } = command;
  const lines = items.map(
    ({ sku_id, quantity, unit_price_cents }) =>
      `${quantity} x ${sku_id}, ${moneyText(unit_price_cents, currency)} each`,
  );
  const total = total_cents === undefined ? [] : [`Total: ${moneyText(total_cents, currency)}`];
  return {
    subject: `Your order at ${shop} is confirmed`,
    look: "See your order",
    paragraphs: [["Thank you for your order."], [...lines, ...total], [orderLine(command)]].filter(
      (paragraph) => paragraph.length > 0,
    ),
  };
}

function orderShipped(command: SendNotification, shop: string): Words {
  const { tracking } = command;
  const parcel =
    tracking === undefined
      ? []
      : [
          [
            `Carrier: ${tracking.carrier}`,
            `Tracking number: ${tracking.number}`,
            ...(tracking.url === undefined ? [] : [{ text: "Follow the parcel", href: tracking.url }]),
          ],
        ];
  return {
    subject: `Your order from ${shop} has been shipped`,
    look: "See your order",
    paragraphs: [["Your order is on its way."], ...parcel, [orderLine(command)]],
  };
}

function orderCancelled(command: SendNotification, shop: string): Words {
  const { total_cents = 0, currency } = command;
  const refund =
    total_cents === 0
      ? []
      : [
          [
            `You get ${moneyText(total_cents, currency)} back the way you paid it.`,
            "Banks need 5 to 10 working days to show it.",
          ],
        ];
  return {
    subject: `Your order from ${shop} has been cancelled`,
    look: "See the order",
    paragraphs: [["Your order has been cancelled and will not be sent."], ...refund, [orderLine(command)]],
  };
}

function checkoutFailed({ saga_id, failure_code = "" }: SendNotification, shop: string): Words {
  const reason = REASONS[failureKind(failure_code)];
  return {
    subject: `Your checkout at ${shop} could not be completed`,
    look: "Look at what happened",
    paragraphs: [
      ["We are sorry: your checkout could not be completed.", reason],
      [NO_MONEY],
      [`Checkout ${saga_id}`],
    ],
  };
}

/** The number that the shop's pages show, too. */
function orderLine({ saga_id, order_id }: SendNotification): string {
  return order_id === undefined ? `Checkout ${saga_id}` : `Order ${orderNumberOf(order_id)}`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
