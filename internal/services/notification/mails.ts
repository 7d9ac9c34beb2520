// The texts that shoppers read. Pure: one command always becomes the same mail. Called by notifier.ts and waiting-mails.ts.
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

/** Reasons that a shopper can act on. For other failures the mail gives no reason. */
const REASONS: Readonly<Record<string, string>> = {
  UNKNOWN_SKU: "Something in your cart is not sold in this shop.",
  CURRENCY_MISMATCH: "Something in your cart is not sold in the currency of your checkout.",
  INSUFFICIENT_STOCK: "Something in your cart is not in stock any more.",
  RESERVATION_LOST: "Something in your cart was sold while your checkout was being worked on.",
  TOTAL_TOO_SMALL: "Your cart costs less than the smallest amount that can be paid.",
  TOTAL_TOO_LARGE: "Your cart costs more than one order can.",
  PRICE_CHANGED: "A price has changed since you filled your cart.",
  CARD_DECLINED: "Your card was declined.",
  INSUFFICIENT_FUNDS: "Your bank says that the card does not have enough money.",
  EXPIRED_CARD: "Your card has expired.",
  INCORRECT_CVC: "The security code of your card was not right.",
  PAYMENT_METHOD_INVALID: "Your payment method could not be used.",
  AUTHENTICATION_REQUIRED: "Your bank wants you to confirm the payment. Please try again and confirm it.",
  PAYMENT_INTENT_AUTHENTICATION_FAILURE: "The payment was not confirmed at your bank.",
  PAYMENT_NOT_CONFIRMED: "The payment was not confirmed at your bank in time.",
  PROVIDER_UNAVAILABLE: "Payments are not available at the moment. Please try again a little later.",
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
  const reason = REASONS[failure_code];
  return {
    subject: "Your checkout could not be completed",
    paragraphs: [
      ["We are sorry: your checkout could not be completed.", ...(reason === undefined ? [] : [reason])],
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
