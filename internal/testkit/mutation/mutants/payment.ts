// Mutants of payments: the meaning of a provider result, the next request, and its key.
import type { Mutant } from "../mutant.ts";

const ATTEMPTS = "internal/services/payment/attempts/attempts.ts";
const BREAKER = "internal/services/payment/providers/circuit-breaker.ts";
const BREAKER_TEST = "internal/services/payment/providers/circuit-breaker.unit.test.ts";
const DECIDE = "internal/services/payment/decide.ts";
const DECIDE_TEST = "internal/services/payment/decide.unit.test.ts";
const STRIPE = "internal/services/payment/providers/stripe/stripe.ts";
const STRIPE_ERRORS = "internal/services/payment/providers/stripe/stripe-errors.ts";
const HOLDS = "internal/services/payment/attempts/holds.ts";
const HOLDS_TEST = "internal/services/payment/holds.unit.test.ts";
const HOLDS_INT_TEST = "internal/services/payment/attempts/holds.int.test.ts";
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
      test: "a payment method that the provider quotes in its refusal is in no table",
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
      test: "a card number gets its own problem type",
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
      test: "is retried with growing pauses, and never fails",
    },
  },
  {
    id: "breaker-fails-the-attempted",
    title: "The open breaker replies PaymentFailed for a payment whose first attempt has an unknown result.",
    edits: [{ file: ATTEMPTS, find: "mayBeAtProvider(left)", replace: "payment.attempts < 1" }],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "an attempt without effect says nothing about earlier attempts",
    },
  },
  {
    id: "not-found-is-never",
    title:
      "A charge that the provider's search does not find counts as never made, although it is still in progress.",
    edits: [
      {
        file: ATTEMPTS,
        find: "attempt === payment.attempts &&\n        isAbsenceProof(payment, outcome.execution_over, policy)",
        replace: "attempt === payment.attempts",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "proves nothing while an attempt may be in progress or the ledger may lag",
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
      test: "a deferred charge is not sent any more once its saga is compensating",
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
        find: 'return result.kind === "request_refused" ? this.#findInList(request, limits) : result;',
        replace: "return result;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "an account without search finds in its list the charge that a stored error hides",
    },
  },
  {
    id: "charged-after-its-undo",
    title: "A charge without a result is requested again although its saga is compensating.",
    edits: [
      {
        file: ATTEMPTS,
        find: 'return payment.undo_requested ? "search" : nextCall(',
        replace: "return nextCall(",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a charge without a result is only searched once its saga is compensating",
    },
  },
  {
    id: "key-past-its-life",
    title: "A charge is requested again with its key after a day, when the provider has forgotten the key.",
    edits: [{ file: ATTEMPTS, find: '  if (ageMs >= policy.keyTrustedMs) return "search";\n', replace: "" }],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "is also searched after a few attempts, and only searched once the key may be forgotten",
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
    id: "cancel-answers-at-once",
    title:
      "A cancel during the charge gets its reply before the charge ends: the stock is released, then the money is taken.",
    edits: [
      {
        file: DECIDE,
        find: "if (mayBeAtProvider(payment)) return withoutMessages({ ...payment, undo_requested: true });",
        replace:
          "if (mayBeAtProvider(payment))\n" +
          "    return { payment: { ...payment, undo_requested: true }, out: [paymentCancelled(payment.saga_id)] };",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "SENT, cancel -> [], PENDING" },
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
      test: "after an undo in the meantime, a charge is refunded and a decline completes the undo",
    },
  },
  {
    id: "early-cancel-forgotten",
    title: "A cancel that overtakes its charge leaves no tombstone, so the late charge takes the money.",
    edits: [
      {
        file: DECIDE,
        find: "if (payment.undo_requested) return refused(payment, command);",
        replace: "",
      },
      {
        file: DECIDE,
        find: '    case "VOID_PENDING":\n    case "CANCELLED":\n    case "REFUND_PENDING":',
        replace:
          '    case "CANCELLED":\n      return begin(command, payment.created_at, () => true);\n    case "VOID_PENDING":\n    case "REFUND_PENDING":',
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "a charge after its undo is refused" },
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
      test: "is retried after a process died, when the lease expires",
    },
  },
  {
    id: "asked-before-it-is-written",
    title: "A new charge is requested before the transaction that claims it is committed.",
    edits: [
      {
        file: "internal/services/payment/handler.ts",
        find: "for (const executor of executors) executor.claimNew(rows, now);",
        replace:
          "for (const executor of executors) executor.claimNew(rows, now);\n      for (const executor of executors) executor.send(rows.claimed);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a claim whose transaction fails does not count",
    },
  },
  {
    id: "late-charge-claimed-at-once",
    title: "A new charge is requested although it comes too late for its saga.",
    edits: [
      {
        file: "internal/services/payment/attempts/executor.ts",
        find: "    if (comesTooLate(payment, now, policy)) return null;\n",
        replace: "",
      },
    ],
    caughtBy: {
      layer: "int",
      file: EXECUTOR_TEST,
      test: "a new charge whose saga no longer waits",
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
      test: "a charge that another process is claiming is skipped",
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
      test: "a reply that does not come in time",
    },
  },
  {
    id: "breaker-counts-refusals",
    title: "Declined cards open the circuit breaker, and all other payments fail.",
    edits: [
      {
        file: BREAKER,
        find: 'if (typeof result !== "object" || result === null) return false;',
        replace: 'if (typeof result !== "object" || result === null || "error_code" in result) return true;',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: BREAKER_TEST,
      test: "any other result between them, even a decline, keeps it closed",
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
      test: "timeouts during a stall of this process do not count",
    },
  },
  {
    id: "slow-cards-open-the-breaker",
    title: "At low traffic a few slow cards open the breaker, and then all charges are refused.",
    edits: [{ file: BREAKER, find: " && this.#lastResultAt <= sentAt", replace: "" }],
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
      test: "it probes in time if the clock was an hour fast when it opened",
    },
  },
  {
    id: "held-back-charge-waits-longer",
    title: "A charge that the breaker defers waits longer each time, although no request was sent.",
    edits: [
      {
        file: ATTEMPTS,
        find: "? retrySoon(left, attempt, now, policy)",
        replace: "? wait(left, attempt, now, policy)",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "is retried soon, however many there were" },
  },
  {
    id: "late-question-asked",
    title: "A process that was suspended sends a request whose lease has expired.",
    edits: [
      {
        file: "internal/services/payment/attempts/executor.ts",
        find: "    if (leftMs < SHORTEST_ATTEMPT_MS) return null;\n",
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
    title: "The provider's own units are ignored: ISK and UGX are charged a hundredth of the amount.",
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
  {
    id: "unknown-capture-is-failed",
    title: "A capture without an answer counts as failed, although the money may have been taken.",
    edits: [
      {
        file: HOLDS,
        find: '        : withoutMessages(startVoid(payment, now, { error_code, error_message }));\n    }\n    case "deferred":\n    case "request_refused":\n    case "unknown":\n',
        replace:
          '        : withoutMessages(startVoid(payment, now, { error_code, error_message }));\n    }\n    case "unknown":\n      return fail(payment, { error_code: "PROVIDER_UNAVAILABLE", error_message: "" });\n    case "deferred":\n    case "request_refused":\n',
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "with an unknown outcome is repeated with its key" },
  },
  {
    id: "void-gives-up",
    title:
      "A hold that cannot be released is given up after ten requests, and the shopper's money stays held.",
    edits: [
      {
        file: HOLDS,
        find: 'if (payment.status !== "VOID_PENDING" || !isDue(payment.next_attempt_at, now)) return null;',
        replace:
          'if (payment.status !== "VOID_PENDING" || !isDue(payment.next_attempt_at, now)) return null;\n' +
          "  if (payment.hold_attempts >= 10) return null;",
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "is never given up" },
  },
  {
    id: "captured-after-undo-kept",
    title: "Money that was captured although its saga wanted it undone is not refunded.",
    edits: [
      {
        file: HOLDS,
        find: "  if (payment.undo_requested) return withoutMessages(startRefund(succeeded, now));\n",
        replace: "",
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "that finds the money taken refunds it" },
  },
  {
    id: "late-hold-kept",
    title: "Money that is held after its undo stays held: nothing was taken, so nothing is given back.",
    edits: [
      {
        file: ATTEMPTS,
        find: "  if (payment.undo_requested) return withoutMessages(startVoid(authorized, now, null));\n",
        replace: "",
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "UNDONE, any result" },
  },
  {
    id: "capture-key-for-ever",
    title:
      "A capture always uses the same key, so the provider replays its stored error until the hold ends.",
    edits: [
      {
        file: HOLDS,
        find: "idempotency_key: generation === 0 ? key : `${key}:${generation}`,",
        replace: "idempotency_key: key,",
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "with an unknown outcome is repeated with its key" },
  },
  {
    id: "refused-capture-keeps-the-hold",
    title: "A capture that the bank refuses ends the payment, and the money stays held for a week.",
    edits: [
      {
        file: HOLDS,
        find: "        : withoutMessages(startVoid(payment, now, { error_code, error_message }));",
        replace: "        : fail(payment, { error_code, error_message });",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: HOLDS_TEST,
      test: "that the bank refuses releases the hold before the saga hears of it",
    },
  },
  {
    id: "undo-of-a-capture-answers-at-once",
    title:
      "An undo during a capture gets its reply before the capture ends: the saga is over, then the money is taken.",
    edits: [
      {
        file: DECIDE,
        find: "return withoutMessages(startVoid({ ...payment, undo_requested: true }, now, null));",
        replace:
          "return {\n        payment: startVoid({ ...payment, undo_requested: true }, now, null),\n        out: [paymentCancelled(payment.saga_id)],\n      };",
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "CAPTURE_SENT, any command" },
  },
  {
    id: "authorization-takes-the-money",
    title: "The provider is not told to hold the money only, so it takes it before the stock is confirmed.",
    edits: [
      {
        file: STRIPE,
        find: '...(request.capture === "manual" ? { capture_method: "manual" as const } : {}),',
        replace: "",
      },
    ],
    caughtBy: { layer: "int", file: HOLDS_INT_TEST, test: "money is held, then taken" },
  },
  {
    id: "old-hold-believed",
    title: "The key's first answer is believed: it says that the money is held, long after it was taken.",
    edits: [
      {
        file: STRIPE,
        find: 'answer.kind === "authorized" && isReplayed(intent)',
        replace: 'answer.kind === "authorized" && isReplayed(intent) && intent.id === ""',
      },
    ],
    caughtBy: {
      layer: "int",
      file: HOLDS_INT_TEST,
      test: "the key of an authorization tells what has become of it since",
    },
  },
];
