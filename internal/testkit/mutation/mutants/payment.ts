// Mutants of payments: the meaning of a provider result, the next request, and its key.
import type { Mutant } from "../mutant.ts";

const ATTEMPTS = "internal/services/payment/attempts/attempts.ts";
const BREAKER = "internal/services/payment/providers/circuit-breaker.ts";
const BREAKER_TEST = "internal/services/payment/providers/circuit-breaker.unit.test.ts";
const DECIDE = "internal/services/payment/decide.ts";
const DECIDE_TEST = "internal/services/payment/decide.unit.test.ts";
const STRIPE = "internal/services/payment/providers/stripe/stripe.ts";
const STRIPE_ERRORS = "internal/services/payment/providers/stripe/stripe-errors.ts";
const EXECUTOR_TEST = "internal/services/payment/attempts/executor.int.test.ts";

export const PAYMENT_MUTANTS: readonly Mutant[] = [
  {
    id: "keeps-provider-words",
    title: "The provider's decline text, which quotes the request, is stored and forwarded.",
    edits: [
      {
        file: STRIPE_ERRORS,
        find: 'return declined("payment_method_invalid");',
        replace: 'return { ...declined("payment_method_invalid"), error_message: error.message };',
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a method that the provider quotes in its refusal is in no table",
    },
  },
  {
    id: "card-number-is-a-token",
    title: "The gateway accepts a card number as the provider's token and forwards it.",
    edits: [
      {
        file: "internal/gateway/checkout-request.ts",
        find: "if (hasCardNumber(body)) throw",
        replace: "if (hasCardNumber(null)) throw",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/gateway/app.unit.test.ts",
      test: "a card number is refused in words of its own",
    },
  },
  {
    id: "unknown-is-failed",
    title: "A timeout counts as a failed payment, although the money may have moved.",
    edits: [
      {
        file: ATTEMPTS,
        find: '    case "unknown":\n      return wait(payment, attempt, now, policy);',
        replace: '    case "unknown":\n      return fail(payment, "TIMEOUT", "no answer in time");',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "is asked again with growing pauses, and never fails",
    },
  },
  {
    id: "breaker-fails-the-attempted",
    title: "The open breaker replies PaymentFailed for a payment whose first attempt has an unknown result.",
    edits: [{ file: ATTEMPTS, find: "mayBeAtProvider(left)", replace: "payment.attempts < 1" }],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "says nothing of attempts before it" },
  },
  {
    id: "not-found-is-never",
    title:
      "A charge that the provider's search does not find counts as never made, although it is still in progress.",
    edits: [
      {
        file: ATTEMPTS,
        find: "return attempt === payment.attempts && isAbsenceProof(payment, outcome.execution_over, policy)",
        replace: "return attempt === payment.attempts",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "proves nothing while an attempt may be under way or the ledger may lag",
    },
  },
  {
    id: "put-off-is-unknown",
    title: "A charge that the provider deferred counts as possibly made, and is made after its undo.",
    edits: [
      {
        file: STRIPE_ERRORS,
        find: 'putOff(error.code === "lock_timeout" ? "locked" : "rate_limited", error, facts),',
        replace: 'unknown("server_error", error.code === "lock_timeout" && facts.resent),',
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "what the provider has no time for is not charged any more once its saga is compensating",
    },
  },
  {
    id: "our-fault-is-the-cards",
    title: "A request that the provider calls malformed counts as a declined card.",
    edits: [
      {
        file: STRIPE_ERRORS,
        find: 'return requestRefused(error, "request_malformed");',
        replace: 'return declined(code || "payment_rejected", message);',
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a request that the provider calls malformed is our fault",
    },
  },
  {
    id: "no-search-no-end",
    title: "An account without the search API never finds a charge that a stored error hides.",
    edits: [
      {
        file: STRIPE,
        find: 'return answer.kind === "request_refused" ? this.#findInList(request) : answer;',
        replace: "return answer;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "an account without the search finds in its list what a stored error hides",
    },
  },
  {
    id: "charged-after-its-undo",
    title: "A charge without a result is requested again although its saga is compensating.",
    edits: [
      {
        file: ATTEMPTS,
        find: 'const ask = payment.undo_requested\n    ? "search"\n    : nextCall(',
        replace: "const ask = nextCall(",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a charge without an answer is only looked up once its saga is compensating",
    },
  },
  {
    id: "key-past-its-life",
    title: "A charge is requested again with its key after a day, when the provider has forgotten the key.",
    edits: [{ file: ATTEMPTS, find: '  if (ageMs >= policy.keyTrustedMs) return "search";\n', replace: "" }],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "the ledger are searched after a few attempts, and alone once the key may be forgotten",
    },
  },
  {
    id: "new-key-each-attempt",
    title: "Each attempt of a charge has a different key.",
    edits: [
      {
        file: "internal/services/payment/attempts/provider-call.ts",
        find: "idempotency_key: chargeKey(saga_id),",
        replace: "idempotency_key: `${chargeKey(saga_id)}:${payment.attempts}`,",
      },
    ],
    caughtBy: { layer: "int", file: EXECUTOR_TEST, test: "pm_sim_reply_lost is unknown, never failed" },
  },
  {
    id: "refund-gives-up",
    title: "A failing refund stops after an hour.",
    edits: [
      {
        file: ATTEMPTS,
        find: 'if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;',
        replace:
          'if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;\n' +
          "  if (now - payment.refund.created_at >= 60 * 60 * 1_000) return null;",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "goes on for as long as the provider fails" },
  },
  {
    id: "refund-key-for-ever",
    title: "A refund always uses the same key, so the provider replays its stored error.",
    edits: [
      {
        file: ATTEMPTS,
        find: "idempotency_key: generation === 0 ? key : `${key}:${generation}`,",
        replace: "idempotency_key: key,",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "never gives up, and its key changes because an error may be stored under it",
    },
  },
  {
    id: "cancel-answers-at-once",
    title: "A cancel during the charge gets its reply before the charge ends: the stock is released, then the money is taken.",
    edits: [
      {
        file: DECIDE,
        find: "if (mayBeAtProvider(payment)) return withoutMessages({ ...payment, undo_requested: true });",
        replace:
          "if (mayBeAtProvider(payment))\n" +
          "    return { payment: { ...payment, undo_requested: true }, out: [paymentCancelled(payment.saga_id)] };",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "ASKED, cancel -> [], PENDING" },
  },
  {
    id: "late-success-kept",
    title: "A charge that succeeds after its cancel is not refunded.",
    edits: [
      {
        file: ATTEMPTS,
        find: "  if (payment.undo_requested) return withoutMessages(startRefund(succeeded, now));\n",
        replace: "",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "given an undo in the meantime, a charge is given back and a decline is the undo's answer",
    },
  },
  {
    id: "early-cancel-forgotten",
    title: "A cancel that overtakes its charge leaves no tombstone, so the late charge takes the money.",
    edits: [
      {
        file: DECIDE,
        find: "return payment.undo_requested ? refused(payment, command) : withoutMessages(payment);",
        replace: "return withoutMessages(payment);",
      },
      {
        file: DECIDE,
        find: '    case "CANCELLED":\n    case "REFUND_PENDING":',
        replace:
          '    case "CANCELLED":\n      return begin(command, payment.created_at);\n    case "REFUND_PENDING":',
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "undo before do, and do after undo: refused" },
  },
  {
    id: "late-answer-ends-a-lease",
    title:
      "The result of an old attempt ends the lease of a newer one, so the provider gets two requests at once.",
    edits: [
      {
        file: ATTEMPTS,
        find: "  if (attempt !== payment.attempts) return withoutMessages(payment);\n",
        replace: "",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "given a process that died, the request is asked again when its lease is over",
    },
  },
  {
    id: "asked-before-it-is-written",
    title: "A new charge is requested before the transaction that claims it is committed.",
    edits: [
      {
        file: "internal/services/payment/handler.ts",
        find: "options.executor?.claimNew(rows, now);",
        replace: "options.executor?.claimNew(rows, now);\n      options.executor?.send(rows.claimed);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a claim whose transaction fails is none",
    },
  },
  {
    id: "late-charge-claimed-at-once",
    title: "A new charge is requested although it comes too late for its saga.",
    edits: [
      {
        file: "internal/services/payment/attempts/executor.ts",
        find: "if (payment === undefined || comesTooLate(payment, now, policy)) continue;",
        replace: "if (payment === undefined) continue;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a new charge whose saga does not wait for it any more",
    },
  },
  {
    id: "charge-claimed-twice",
    title: "Two processes claim the same payment and both call the provider.",
    edits: [
      {
        file: "internal/services/payment/store.ts",
        find: "${dueFrom}::timestamptz and next_attempt_at <= ${now}::timestamptz\n                    order by next_attempt_at limit ${limit} for no key update skip locked)",
        replace:
          "${dueFrom}::timestamptz and next_attempt_at <= ${now}::timestamptz\n                    order by next_attempt_at limit ${limit})",
      },
      {
        file: "internal/services/payment/store.ts",
        find: "     order by next_attempt_at\n       for no key update`;",
        replace: "     order by next_attempt_at`;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a charge that another process is claiming is left to it",
    },
  },
  {
    id: "timeout-read-as-decline",
    title: "A broken connection counts as a decline by the bank.",
    edits: [
      {
        file: STRIPE_ERRORS,
        find: 'unknown(isTimeout(error) ? "timeout" : "connection_lost"),',
        replace: 'declined("unreachable", error.message),',
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/providers/stripe/stripe.int.test.ts",
      test: "an answer that does not come",
    },
  },
  {
    id: "breaker-counts-refusals",
    title: "Declined cards open the circuit breaker, and all other payments fail.",
    edits: [
      {
        file: BREAKER,
        find: 'if (typeof answer !== "object" || answer === null) return false;',
        replace: 'if (typeof answer !== "object" || answer === null || "error_code" in answer) return true;',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: BREAKER_TEST,
      test: "any answer between them, even a refusal, keeps it closed",
    },
  },
  {
    id: "own-standstill-blamed",
    title:
      "A suspended process blames the provider for its own timeouts, and the breaker refuses all charges.",
    edits: [
      {
        file: BREAKER,
        find: "countsAsTimeout: this.#options.resumedAt() < sentAt && ",
        replace: "countsAsTimeout: ",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: BREAKER_TEST,
      test: "timeouts that this process slept through say nothing about the provider",
    },
  },
  {
    id: "slow-cards-open-the-breaker",
    title: "At low traffic a few slow cards open the breaker, and then all charges are refused.",
    edits: [{ file: BREAKER, find: " && this.#answeredAt <= sentAt", replace: "" }],
    caughtBy: { layer: "unit", file: BREAKER_TEST, test: "slow calls that time out in a row" },
  },
  {
    id: "breaker-by-wall-clock",
    title:
      "If it opens while the clock is an hour ahead, the breaker stays open for an hour after the clock is corrected.",
    edits: [
      {
        file: BREAKER,
        find: "if (performance.now() - this.#openedAt < this.#options.probeAfterMs) return whenOpen;",
        replace: "if (Date.now() - this.#openedAt < this.#options.probeAfterMs) return whenOpen;",
      },
      {
        file: BREAKER,
        find: "    this.#openedAt = performance.now();\n    this.#options.onChange",
        replace: "    this.#openedAt = Date.now();\n    this.#options.onChange",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: BREAKER_TEST,
      test: "opened by a clock that ran an hour ahead",
    },
  },
  {
    id: "held-back-charge-waits-longer",
    title: "A charge that the breaker defers waits longer each time, although no request was sent.",
    edits: [
      {
        file: ATTEMPTS,
        find: "? askAgainSoon(left, attempt, now, policy)",
        replace: "? wait(left, attempt, now, policy)",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "is made up for soon, however many there were" },
  },
  {
    id: "late-question-asked",
    title: "A process that was suspended sends a request whose lease has expired.",
    edits: [
      {
        file: "internal/services/payment/attempts/executor.ts",
        find: "    if (asked >= leaseEnd) return null;\n",
        replace: "",
      },
    ],
    caughtBy: { layer: "int", file: EXECUTOR_TEST, test: "a process that was suspended" },
  },
  {
    id: "charge-rounded",
    title: "The amount is sent to the provider in whole euros.",
    edits: [
      {
        file: STRIPE,
        find: "amount: money.amount,",
        replace: "amount: Math.ceil(money.amount / 100) * 100,",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
  {
    id: "charge-in-hundredths",
    title:
      "The provider's own units are ignored: ISK and UGX are charged a hundredth of the amount.",
    edits: [
      {
        file: "internal/services/payment/providers/stripe/stripe-amounts.ts",
        find: 'new Set(["ISK", "UGX"])',
        replace: "new Set()",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
  {
    id: "charge-in-dollars",
    title: "Every charge is in dollars, in any currency of the cart.",
    edits: [{ file: STRIPE, find: "currency: money.currency,", replace: 'currency: "usd",' }],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
];
