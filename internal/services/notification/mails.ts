// The mails that shoppers read, in their language. Pure: one command with the same names always becomes the same mail. Called by
// notifier.ts and waiting-mails.ts.
import { failureKind } from "../../../schemas/failures.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { assertNever } from "../../kernel/errors.ts";
import { brandName } from "../../kernel/charged-card.ts";
import { moneyText } from "../../kernel/money.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import type { MailShop } from "./mail-shop.ts";
import type { NamedProducts } from "./product-names.ts";
import { de } from "./words/de.ts";
import { en, type MailWords } from "./words/en.ts";

const LANGUAGES: readonly MailWords[] = [en, de];

export interface Mail {
  /** Depends only on saga, template and tracking number, so a mail that is sent twice is the same mail to its receiver (RFC 5322, 3.6.4). */
  readonly message_id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * Identifies the mail of one (saga, template), however often it is requested. Corrected tracking is another mail: the shopper has the
 * wrong number.
 */
export function mailKey({ saga_id, template, tracking }: SendNotification): string {
  return [saga_id, template, ...(tracking === undefined ? [] : [tracking.number])].join(".");
}

/** `products`: what the catalogue calls the items; the SKU stands for a product that is missing. */
export function mailOf(command: SendNotification, { name, linkOf }: MailShop, products: NamedProducts): Mail {
  const words = wordsOf(command);
  const { subject, paragraphs, look } = contentOf(command, words, name, products);
  const link = linkOf(command);
  const shown = link === null ? [] : [[{ text: look, href: link }]];
  const all = [...paragraphs, ...shown, [name]];
  return {
    message_id: `<${mailKey(command)}@checkout>`,
    to: command.email,
    subject,
    text: `${all.map((lines) => lines.map(plain).join("\n")).join("\n\n")}\n`,
    html: `<!doctype html>\n<html lang="${words.language}">\n<title>${escaped(subject)}</title>\n${all
      .map((lines) => `<p>${lines.map(marked).join("<br>")}</p>`)
      .join("\n")}\n`,
  };
}

/** English for a language that the mails are not written in, and where none is known. */
function wordsOf({ language = "" }: SendNotification): MailWords {
  const [tongue = ""] = language.split("-");
  return LANGUAGES.find((words) => words.language === tongue) ?? en;
}

/** A line of text, or a link. */
type Line = string | { readonly text: string; readonly href: string };

interface Content {
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

function contentOf(
  command: SendNotification,
  words: MailWords,
  shop: string,
  products: NamedProducts,
): Content {
  switch (command.template) {
    case "order_confirmed":
      return orderConfirmed(command, words, shop, products);
    case "checkout_failed":
      return checkoutFailed(command, words, shop);
    case "order_shipped":
      return orderShipped(command, words, shop);
    case "order_cancelled":
      return orderCancelled(command, words, shop);
    default:
      return assertNever(command.template);
  }
}

function orderConfirmed(
  command: SendNotification,
  words: MailWords,
  shop: string,
  products: NamedProducts,
): Content {
  const { items = [], total_cents, currency, card } = command;
  const lines = items.map(({ sku_id, quantity, unit_price_cents }) => {
    const product = products.get(sku_id);
    const name = product?.names?.[words.language] ?? product?.name ?? sku_id;
    return words.line(quantity, name, amountOf(unit_price_cents, currency, words));
  });
  const total = total_cents === undefined ? [] : [words.total(amountOf(total_cents, currency, words))];
  const paid = card === undefined ? [] : [words.paidWith(brandName(card), card.last4)];
  return {
    subject: words.subject.confirmed(shop),
    look: words.look.order,
    paragraphs: [[words.thanks], [...lines, ...total, ...paid], [orderLine(command, words)]].filter(
      (paragraph) => paragraph.length > 0,
    ),
  };
}

function orderShipped(command: SendNotification, words: MailWords, shop: string): Content {
  const { tracking } = command;
  const parcel =
    tracking === undefined
      ? []
      : [
          [
            words.carrier(tracking.carrier),
            words.tracking(tracking.number),
            ...(tracking.url === undefined ? [] : [{ text: words.followParcel, href: tracking.url }]),
          ],
        ];
  return {
    subject: words.subject.shipped(shop),
    look: words.look.order,
    paragraphs: [[words.onTheWay], ...parcel, [orderLine(command, words)]],
  };
}

function orderCancelled(command: SendNotification, words: MailWords, shop: string): Content {
  const { total_cents = 0, currency } = command;
  const refund =
    total_cents === 0 ? [] : [[words.refund(amountOf(total_cents, currency, words)), words.refundWhen]];
  return {
    subject: words.subject.cancelled(shop),
    look: words.look.order,
    paragraphs: [[words.cancelled], ...refund, [orderLine(command, words)]],
  };
}

function checkoutFailed(
  { saga_id, failure_code = "" }: SendNotification,
  words: MailWords,
  shop: string,
): Content {
  return {
    subject: words.subject.failed(shop),
    look: words.look.happened,
    paragraphs: [
      [words.sorry, words.reasons[failureKind(failure_code)]],
      [words.noMoney],
      [words.checkout(saga_id)],
    ],
  };
}

/** The number that the shop's pages show, too. */
function orderLine({ saga_id, order_id }: SendNotification, words: MailWords): string {
  return order_id === undefined ? words.checkout(saga_id) : words.order(orderNumberOf(order_id));
}

function amountOf(cents: number, currency: string, { decimalPoint }: MailWords): string {
  return moneyText(cents, currency).replace(".", decimalPoint);
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
