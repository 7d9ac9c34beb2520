// What is hidden before a person sees a message.
import { expect, test } from "bun:test";
import { masked } from "./mask.ts";

const MESSAGE = {
  type: "CreateOrder",
  email: "ada@example.com",
  payment_method: "eyJhbGciOi.sealed.text",
  items: [{ sku_id: "mug-red", quantity: 2 }],
  checkout: {
    email: "ada@example.com",
    shipping_address: { name: "Ada", line1: "Main St 1", country: "DE" },
  },
  shipping_address: { name: "Ada", line1: "Main St 1", city: "Berlin", country: "DE" },
  tracking: { carrier: "Post", number: "RB1" },
  card: { brand: "visa", last4: "4242" },
};

test("e-mail, address, tracking and card are masked at any depth; the rest and the country stay", () => {
  expect(masked(MESSAGE, false)).toEqual({
    type: "CreateOrder",
    email: "(masked)",
    payment_method: "(sealed)",
    items: [{ sku_id: "mug-red", quantity: 2 }],
    checkout: {
      email: "(masked)",
      shipping_address: { name: "(masked)", line1: "(masked)", country: "DE" },
    },
    shipping_address: { name: "(masked)", line1: "(masked)", city: "(masked)", country: "DE" },
    tracking: "(masked)",
    card: "(masked)",
  });
});

test("the card is masked in each message that has one, wherever it is in it; a payment without one stays as it is", () => {
  for (const type of ["PaymentSucceeded", "CreateOrder", "SendNotification"])
    expect(JSON.stringify(masked({ original_command: { type, card: MESSAGE.card } }, false))).not.toMatch(
      /visa|4242/,
    );
  expect(masked({ type: "PaymentSucceeded", card: null }, false)).toEqual({
    type: "PaymentSucceeded",
    card: null,
  });
});

test("the bytes of a dead letter's message are masked, in its value, its key and its headers", () => {
  const bytes = Buffer.from(JSON.stringify(MESSAGE)).toString("base64");
  const letter = {
    error_code: "HANDLER_FAILED",
    original_command: null,
    original: {
      topic: "checkout-commands",
      key_base64: bytes,
      value_base64: bytes,
      headers: [{ name: "email", value_base64: bytes }],
    },
  };
  expect(JSON.stringify(masked(letter, false))).not.toContain(bytes.slice(0, 20));
  expect(masked(letter, false)).toMatchObject({
    error_code: "HANDLER_FAILED",
    original: { topic: "checkout-commands" },
  });
  expect(masked(letter, true)).toEqual(letter);
});

test("a reveal shows all but the sealed token", () => {
  expect(masked(MESSAGE, true)).toEqual({ ...MESSAGE, payment_method: "(sealed)" });
});

test("what is no object stays as it is", () => {
  expect([null, 1, "text", [1, null]].map((value) => masked(value, false))).toEqual([
    null,
    1,
    "text",
    [1, null],
  ]);
});
