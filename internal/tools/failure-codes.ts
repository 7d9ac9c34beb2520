// Generates docs/failure-codes.md from the table of failures and the words of the shop. Run by `bun run references`; a test fails if it is
// stale.
import {
  FAILURE_CODES,
  failureKind,
  isDecline,
  isRetryable,
  isShopsFailure,
  type NextStep,
  nextStepOf,
} from "../../schemas/failures.ts";
import { en } from "../storefront/words/en.ts";
import { code, table } from "./markdown.ts";

const NEXT: Readonly<Record<NextStep, string>> = {
  pay_again: "the same again",
  other_card: "another card, or the same again",
  edit_cart: "another cart",
  new_price: "agree to `new_total_cents`",
  new_address: "another address",
  wait: "ask the shop",
};

/** The content of docs/failure-codes.md, ending with a newline. */
export function failureCodesDocument(): string {
  const rows = FAILURE_CODES.toSorted().map((name) => {
    const kind = failureKind(name);
    return [
      code(name),
      en.status.failures[kind].title,
      NEXT[nextStepOf(kind)],
      isRetryable(name) ? "yes" : "no",
      isDecline(name) ? "yes" : "no",
      isShopsFailure(name) ? "yes" : "no",
    ];
  });
  return `# Failure codes

<!-- Generated from schemas/failures.ts and the words of the shop by \`bun run references\`. Do not edit. -->

The \`failure_code\` of a checkout that ended without an order. Treat a code that is not listed as a fault of the shop; codes are added
without a new version of the API. \`retryable\` is the field of the status: whether the same checkout may succeed, with a new
Idempotency-Key. Declines count towards the limits against card testing. Failures of the shop count against its
[objectives](runbook.md#alerts): many of them raise an alert. What an operator does about many of one code is in the
[runbook](runbook.md#many-checkouts-fail).

${table(["failure_code", "what the shop says", "what can be done", "retryable", "decline", "shop's failure"], rows)}
`;
}
