// The mail texts word for word, and what must never be in a mail.
import { expect, test } from "bun:test";
import type { SendNotification } from "../../../schemas/notification.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import { CONFIRMATION } from "../../testkit/confirmation.ts";
import { mailOf as mailFor } from "./mails.ts";
import type { NamedProducts } from "./product-names.ts";
import { de } from "./words/de.ts";
import { en } from "./words/en.ts";

const command = CONFIRMATION;
const SAGA = command.saga_id;

const mailOf = (one: SendNotification, link: string | null = null, products: NamedProducts = new Map()) =>
  mailFor(one, { name: "Larkfield", linkOf: () => link }, products);

test("a confirmed order lists what was bought and what it cost", () => {
  const order_id = "01900000-0000-7000-8000-000000000003";
  const items = [{ sku_id: "apple", quantity: 2, unit_price_cents: 250 }];
  expect(mailOf({ ...command, order_id, items, total_cents: 500 })).toMatchObject({
    message_id: `<${SAGA}.order_confirmed@checkout>`,
    to: "ada@example.com",
    subject: "Your order at Larkfield is confirmed",
    text: `Thank you for your order.\n\n2 x apple, 2.50 EUR each\nTotal: 5.00 EUR\n\nOrder ${orderNumberOf(order_id)}\n\nLarkfield\n`,
  });
});

test.each([
  ["en", "mastercard", "Paid with: Mastercard ending 4444"],
  ["de", "mastercard", "Bezahlt mit: Mastercard, Endziffern 4444"],
  ["en", "brand_of_2031", "Paid with: card ending 4444"],
  ["de", "brand_of_2031", "Bezahlt mit: Karte, Endziffern 4444"],
])("a confirmed order says what was charged, if that is known: %s, %s", (language, brand, line) => {
  const paid = { ...command, language, total_cents: 500, card: { brand, last4: "4444" } };
  expect(mailOf(paid).text).toContain(`5${language === "de" ? "," : "."}00 EUR\n${line}\n\n`);
  expect(mailOf(paid).html).toContain(`<br>${line}</p>`);
});

const APPLE = new Map([["apple", { name: "Apple, green", names: { de: "Apfel, grün" } }]]);

test("a product has its name in the mail, in the shopper's language", () => {
  const items = [
    { sku_id: "apple", quantity: 2, unit_price_cents: 250 },
    { sku_id: "gone", quantity: 1, unit_price_cents: 1 },
  ];
  const bought = { ...command, items, total_cents: 501 };
  expect(mailOf(bought, null, APPLE).text).toContain(
    "2 x Apple, green, 2.50 EUR each\n1 x gone, 0.01 EUR each\n",
  );
  for (const language of ["de", "de-AT"])
    expect(mailOf({ ...bought, language }, null, APPLE)).toMatchObject({
      message_id: `<${SAGA}.order_confirmed@checkout>`,
      subject: "Ihre Bestellung bei Larkfield ist bestätigt",
      text: `Vielen Dank für Ihre Bestellung.\n\n2 x Apfel, grün, je 2,50 EUR\n1 x gone, je 0,01 EUR\nSumme: 5,01 EUR\n\nVorgang ${SAGA}\n\nLarkfield\n`,
      html: expect.stringContaining('<html lang="de">'),
    });
  // The mails are not written in it.
  expect(mailOf({ ...bought, language: "fr" }, null, APPLE)).toEqual(mailOf(bought, null, APPLE));
});

test("every language has a reason for each failure, and texts of its own", () => {
  for (const [kind, reason] of Object.entries(de.reasons)) {
    expect(reason).toEndWith(".");
    expect(Object.entries(en.reasons)).not.toContainEqual([kind, reason]);
  }
  for (const template of ["checkout_failed", "order_shipped", "order_cancelled"] as const) {
    const mail = mailOf({ ...command, language: "de", template, total_cents: 500 });
    expect(mail.subject).toContain("Ihre Bestellung");
    expect(mail.text).not.toContain("our order");
  }
});

test("a mail leads to its checkout where the shop has pages", () => {
  const link = "https://shop.example/checkout/1?k=a&b";
  const { text, html } = mailOf(command, link);
  expect(text).toEndWith(`\n\nSee your order:\n${link}\n\nLarkfield\n`);
  expect(html).toContain('<a href="https://shop.example/checkout/1?k=a&amp;b">See your order</a>');
  expect(mailOf(command).text).not.toContain("See your order");
  const failed = mailOf({ ...command, template: "checkout_failed" }, link);
  expect(failed.text).toContain(`Look at what happened:\n${link}`);
  expect(failed.subject).toBe("Your checkout at Larkfield could not be completed");
});

test.each([
  ["JPY", 50_000, "50000 JPY"],
  ["KWD", 1_860, "1.860 KWD"],
])("the mail of an order in %s says what was paid", (currency, total_cents, text) => {
  const items = [{ sku_id: "apple", quantity: 1, unit_price_cents: total_cents }];
  const mail = mailOf({ ...command, currency, items, total_cents });
  expect(mail.text).toContain(`1 x apple, ${text} each\nTotal: ${text}\n`);
});

test.each([
  ["CARD_DECLINED", "Your bank refused the payment."],
  ["INSUFFICIENT_FUNDS", "Your bank says that the card does not have enough money."],
  ["SOMETHING_INTERNAL", "could not be completed.\nSomething went wrong on our side.\n\nYou pay nothing"],
])("the mail of a checkout that failed with %s says what the shopper needs", (failure_code, words) => {
  const mail = mailOf({ ...command, template: "checkout_failed", failure_code });
  expect(mail.text).toContain(words);
  expect(mail.text).toContain("You pay nothing");
  expect(mail.text).not.toContain(failure_code);
});

test("a shipped order says where the parcel is", () => {
  const order_id = "01900000-0000-7000-8000-000000000003";
  const tracking = { carrier: "DHL", number: "JD0146", url: "https://dhl.example/?id=JD0146&lang=de" };
  const shipped = { ...command, template: "order_shipped", order_id } as const;
  const mail = mailOf({ ...shipped, tracking });
  expect(mail).toMatchObject({
    message_id: `<${SAGA}.order_shipped.JD0146@checkout>`,
    subject: "Your order from Larkfield has been shipped",
    text: `Your order is on its way.\n\nCarrier: DHL\nTracking number: JD0146\nFollow the parcel:\n${tracking.url}\n\nOrder ${orderNumberOf(order_id)}\n\nLarkfield\n`,
  });
  expect(mail.html).toContain('<a href="https://dhl.example/?id=JD0146&amp;lang=de">Follow the parcel</a>');
  expect(mailOf(shipped)).toMatchObject({
    message_id: `<${SAGA}.order_shipped@checkout>`,
    text: `Your order is on its way.\n\nOrder ${orderNumberOf(order_id)}\n\nLarkfield\n`,
  });
});

test("a cancelled order says what comes back, if anything was paid", () => {
  const order_id = "01900000-0000-7000-8000-000000000003";
  const cancelled = { ...command, template: "order_cancelled", order_id } as const;
  expect(mailOf({ ...cancelled, total_cents: 500 })).toMatchObject({
    subject: "Your order from Larkfield has been cancelled",
    text: `Your order has been cancelled and will not be sent.\n\nYou get 5.00 EUR back the way you paid it.\nBanks need 5 to 10 working days to show it.\n\nOrder ${orderNumberOf(order_id)}\n\nLarkfield\n`,
  });
  expect(mailOf({ ...cancelled, total_cents: 0 }).text).not.toContain("back");
});

test("input from the network is text in the mail, never markup", () => {
  const items = [{ sku_id: '<img src="x">', quantity: 1, unit_price_cents: 1 }];
  const { html } = mailOf({ ...command, items });
  expect(html).toContain("&lt;img src=&quot;x&quot;&gt;");
  expect(html).not.toContain("<img");
  const shop = mailFor(command, { name: "Tea & <Cups>", linkOf: () => null }, new Map());
  expect(shop.html).toContain("Tea &amp; &lt;Cups&gt;");
});

test("the same command gives the same mail, another template another mail", () => {
  expect(mailOf(command)).toEqual(mailOf({ ...command, message_id: SAGA }));
  const tracked = (number: string) => mailOf({ ...command, tracking: { carrier: "DHL", number } }).message_id;
  const ids = [mailOf(command), mailOf({ ...command, template: "checkout_failed" })].map(
    ({ message_id }) => message_id,
  );
  expect(new Set([...ids, tracked("1"), tracked("2"), tracked("2")]).size).toBe(4);
});
