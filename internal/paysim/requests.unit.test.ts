// Form bodies: what is accepted, and what is refused with the name of the parameter.
import { describe, expect, test } from "bun:test";
import { parseCancel, parseCreate, parseRefund } from "./requests.ts";

const form = (text: string) => new Map(new URLSearchParams(text));
const GOOD = "amount=100&currency=usd";

test("an intent's parameters are read, metadata included", () => {
  const body = `${GOOD}&confirm=true&payment_method=pm_card_visa&metadata[saga_id]=s1&error_on_requires_action=true&off_session=true`;
  expect(parseCreate(form(body))).toEqual({
    request: {
      kind: "create",
      amountCents: 100,
      currency: "USD",
      confirm: true,
      paymentMethod: "pm_card_visa",
      isManual: false,
      errorOnAction: true,
      returnUrl: null,
      description: null,
      metadata: { saga_id: "s1" },
    },
  });
});

describe("refused by name", () => {
  test.each([
    ["currency=usd", "amount"],
    ["amount=1.5&currency=usd", "amount"],
    ["amount=0&currency=usd", "amount"],
    ["amount=100000000&currency=usd", "amount"],
    ["amount=100", "currency"],
    ["amount=100&currency=dollars", "currency"],
    ["amount=100&currency=xts", "currency"],
    ["amount=150&currency=isk", "amount"],
    ["amount=150&currency=ugx", "amount"],
    ["amount=5124&currency=kwd", "amount"],
    [`${GOOD}&confirm=true`, "payment_method"],
    // Gone from Stripe's API since 2026-09-30.
    [`${GOOD}&payment_method_types[0]=card`, "payment_method_types"],
    [`${GOOD}&return_url=nowhere`, "return_url"],
    [
      `${GOOD}&confirm=true&payment_method=pm_card_visa&automatic_payment_methods[enabled]=true`,
      "return_url",
    ],
    [`${GOOD}&payment_method=pm_1Unknown`, "payment_method"],
    [`${GOOD}&capture_method=later`, "capture_method"],
    [`${GOOD}&colour=red`, "colour"],
    [`${GOOD}&metadata[a]=${"x".repeat(501)}`, "metadata[a]"],
  ])("intent %s", (text, param) => {
    expect(parseCreate(form(text))).toMatchObject({ error: { status: 400, param } });
  });

  test.each([
    ["amount=1", "payment_intent"],
    ["payment_intent=pi_1&amount=-1", "amount"],
    ["payment_intent=pi_1&reason=bored", "reason"],
    ["payment_intent=pi_1&charge=ch_1", "charge"],
  ])("refund %s", (text, param) => {
    expect(parseRefund(form(text))).toMatchObject({ error: { status: 400, param } });
  });

  test("cancellation with an unknown reason", () => {
    expect(parseCancel("pi_1", form("cancellation_reason=bored"))).toMatchObject({
      error: { param: "cancellation_reason" },
    });
    expect(parseCancel("pi_1", form("cancellation_reason=abandoned"))).toMatchObject({
      request: { intentId: "pi_1", reason: "abandoned" },
    });
  });
});
