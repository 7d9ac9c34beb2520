// What our adapter sees at each implementation of Stripe's API, by question (observations.ts), and what Stripe documents. docs/payment-provider.md
// has the table; main.ts checks it against stripe-mock and localstripe, a test against the simulator.

export interface Expected {
  readonly question: string;
  /** By Stripe's documentation of API version 2026-10-28. */
  readonly stripe: string;
  readonly simulator: string;
  readonly stripeMock: string;
  readonly localstripe: string;
}

/** stripe-mock answers every question about an intent with the same fixture, which was never confirmed. */
const FIXTURE = "declined CARD_DECLINED";

const row = (
  question: string,
  stripe: string,
  simulator: string,
  stripeMock: string,
  localstripe: string,
): Expected => ({
  question,
  stripe,
  simulator,
  stripeMock,
  localstripe,
});

export const EXPECTED: readonly Expected[] = [
  row("a charge as we request it", "succeeded", "succeeded", FIXTURE, "request_refused request_malformed"),
  row(
    "a parameter that is not in the API",
    "refused: 400 parameter_unknown, with its name",
    "refused: 400 parameter_unknown wibble",
    "refused: 400",
    "refused: 400",
  ),
  row(
    "`payment_method_types`",
    "refused since 2026-09-30",
    "refused: 400 parameter_unknown payment_method_types",
    "accepted",
    "accepted",
  ),
  row("a charge", "succeeded", "succeeded", FIXTURE, "succeeded"),
  row("the same request with the same key", "the same charge", "the same charge", FIXTURE, "another charge"),
  row(
    "the same key with another amount",
    "400 idempotency_error",
    "unknown key_reused",
    FIXTURE,
    "succeeded",
  ),
  row("a card that is declined", "402 card_declined", FIXTURE, FIXTURE, FIXTURE),
  row(
    "a payment method that does not exist",
    "400 resource_missing payment_method",
    "declined PAYMENT_METHOD_INVALID",
    FIXTURE,
    "request_refused request_malformed",
  ),
  row(
    "3-D Secure, the shopper present",
    "requires_action, redirect_to_url",
    "action_required true",
    FIXTURE,
    "action_required false",
  ),
  row("look-up by id", "the intent", "the same charge", FIXTURE, "the same charge"),
  row(
    "look-up of an id that does not exist",
    "404 resource_missing",
    "request_refused resource_missing",
    FIXTURE,
    "request_refused request_malformed",
  ),
  row("search by metadata", "found, within about a minute", "found", "others", "refused: 404"),
  row("the saga's charge", "by search, else by list", "the same charge", FIXTURE, "the same charge"),
  row("list of charges by time", "found", "found", "others", "found"),
  row(
    "cancel of a charge that succeeded",
    "400 payment_intent_unexpected_state",
    "succeeded",
    FIXTURE,
    "request_refused request_malformed",
  ),
  row("a refund larger than its charge", "400, param amount", "refused: 400 amount", "accepted", "accepted"),
  row("a refund", "succeeded", "succeeded", "succeeded", "succeeded"),
  row(
    "the same refund with the same key",
    "the same refund",
    "the same refund",
    "another refund",
    "another refund",
  ),
  row(
    "a second refund of all, with another key",
    "400 charge_already_refunded",
    "the same refund",
    "another refund",
    "another refund",
  ),
  row("refunds of the charge", "the refund", "the same refund", "another refund", "the same refund"),
  row("list of refunds by time", "found", "found", "others", "found"),
  row(
    "a dispute",
    "404 resource_missing",
    "unknown id",
    "a fixture",
    "fails: StripeAPIError, HTTP status none, request none",
  ),
];

/** As Markdown. */
export function differencesTable(): string {
  const head = ["what is asked", "Stripe", "our simulator", "stripe-mock", "localstripe"];
  const rows = EXPECTED.map((one) => [
    one.question,
    one.stripe,
    one.simulator,
    one.stripeMock,
    one.localstripe,
  ]);
  const widths = head.map((text, column) =>
    Math.max(text.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
