// Every failure code that a checkout can end with has a sentence and a next step. The codes are collected from the source that produces
// them, so a new one fails here until it has words.
import { expect, test } from "bun:test";
import { REPOSITORY } from "../../stack/paths.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";
import { failureKind, KIND_OF, nextStepOf } from "./failures.ts";

const source = (path: string) => Bun.file(`${REPOSITORY}/internal/${path}`).text();
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, code = ""]) => code);

async function producedCodes(): Promise<ReadonlySet<string>> {
  const saga = await source("orchestrator/saga.ts");
  const action = await source("orchestrator/action.ts");
  const amounts = await source("kernel/charge-limits.ts");
  const stripe = await source("services/payment/providers/stripe/stripe.ts");
  const order = await source("services/order/decide.ts");
  const attempts = await source("services/payment/attempts/attempts.ts");
  const call = await source("services/payment/attempts/provider-call.ts");
  const byHand = await source("services/payment/attempts/settle-by-hand.ts");
  const declines = await source("services/payment/providers/stripe/decline-reasons.ts");
  const errors = await source("services/payment/providers/stripe/stripe-errors.ts");
  const sentences = /SENTENCES[^{]*\{([^}]*)\}/.exec(declines)?.[1] ?? "";
  return new Set([
    ...[saga, action, amounts].flatMap((text) => all(text, /\bcode: "([A-Z_]+)"/g)),
    ...all(stripe, /"(AMOUNT_[A-Z_]+)"/g),
    ...all(order, /\bfailed\(\s*\w+,\s*"([A-Z_]+)"/g),
    ...all(attempts, /\bfail\(\s*\w+,\s*"([A-Z_]+)"/g),
    ...[call, byHand, declines].flatMap((text) => all(text, /\berror_code: "([A-Z_]+)"/g)),
    ...all(errors, /\berror_code = "([A-Z_]+)"/g),
    ...all(sentences, /^\s*([a-z_]+):/gm).map((code) => code.toUpperCase()),
  ]);
}

test("every failure code has words", async () => {
  const codes = await producedCodes();
  // The sources that were searched still have the shape that the search expects.
  for (const known of [
    "PRICE_CHANGED",
    "PAYMENT_NOT_CONFIRMED",
    "TOTAL_TOO_SMALL",
    "AMOUNT_NOT_CHARGEABLE",
    "ADDRESS_NOT_SERVED",
    "PROVIDER_UNAVAILABLE",
    "PAYMENT_METHOD_INVALID",
    "NOT_CHARGED",
    "PAYMENT_DECLINED",
    "PROVIDER_REJECTED",
    "INSUFFICIENT_FUNDS",
  ])
    expect(codes).toContain(known);
  expect(codes.size).toBeGreaterThan(40);
  expect([...codes].filter((code) => !Object.hasOwn(KIND_OF, code))).toEqual([]);
});

test("every kind has a title, a text and a next step, in each language", () => {
  for (const kind of new Set(Object.values(KIND_OF))) {
    for (const { status } of [en, de]) {
      expect(status.failures[kind].title.length).toBeGreaterThan(5);
      expect(status.failures[kind].text).toEndWith(".");
    }
    expect(nextStepOf(kind)).toBeString();
  }
});

test("a bank's refusal never tells why, and an unknown code is our fault", () => {
  expect(failureKind("CARD_DECLINED")).toBe("bank_refused");
  expect(failureKind("LOST_CARD")).toBe("our_fault");
  expect(failureKind("__proto__")).toBe("our_fault");
});

test("both languages have the same texts", () => {
  expect(shapeOf(de)).toEqual(shapeOf(en));
});

function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shapeOf(part)]));
}
