// Mutants of a shop with two providers: the meaning of PayPal's answers, its own times and units, and what must not be shared.
import type { Mutant } from "../mutant.ts";

const PAYPAL = "internal/services/payment/providers/paypal";
const ADAPTER = `${PAYPAL}/paypal.ts`;
const ADAPTER_TEST = `${PAYPAL}/paypal.int.test.ts`;
const ANSWERS = `${PAYPAL}/paypal-answers.ts`;
const ERRORS_TEST = `${PAYPAL}/paypal-errors.int.test.ts`;
const ATTEMPTS = "internal/services/payment/attempts/attempts.ts";
const FORGOTTEN_TEST = "internal/services/payment/attempts/forgotten-charges.unit.test.ts";
const HOLDS_TEST = "internal/services/payment/holds.unit.test.ts";
const PROVIDERS = "cmd/payment/providers.ts";
const PROVIDERS_TEST = {
  layer: "unit",
  file: "cmd/payment/providers.unit.test.ts",
  test: "does not limit the other",
} as const;

export const SECOND_PROVIDER_MUTANTS: readonly Mutant[] = [
  {
    id: "order-key-trusted-for-a-day",
    title:
      "The key of a PayPal order is trusted as long as Stripe's, although PayPal keeps it for six hours.",
    edits: [
      { file: `${PAYPAL}/paypal-policy.ts`, find: "  keyTrustedMs: CREATE_TRUSTED_MS,\n", replace: "" },
    ],
    caughtBy: {
      layer: "unit",
      file: `${PAYPAL}/paypal-policy.unit.test.ts`,
      test: "an order's key is not trusted as long as PayPal keeps it",
    },
  },
  {
    id: "holds-are-not-listed",
    title:
      "PayPal's transactions are read as it gives them by default: without what does not change the balance.",
    edits: [
      {
        file: `${PAYPAL}/paypal-transactions.ts`,
        find: 'balance_affecting_records_only: "N"',
        replace: 'balance_affecting_records_only: "Y"',
      },
    ],
    caughtBy: { layer: "int", file: ADAPTER_TEST, test: "finds one that is there, long after the key" },
  },
  {
    id: "refund-of-the-dashboard-is-ours",
    title:
      "Every refund at PayPal with the saga's id counts as requested by us, also one that somebody made there.",
    edits: [
      {
        file: ANSWERS,
        find: "return custom_id.endsWith(OUR_REFUND) && sagaOf({ custom_id }) !== null;",
        replace: "return sagaOf({ custom_id }) !== null;",
      },
    ],
    caughtBy: { layer: "int", file: ERRORS_TEST, test: "a search finds our refund that failed" },
  },
  {
    id: "call-outlasts-the-lease",
    title: "A call of Stripe's adapter has its own timeout, and may end after the lease of its attempt.",
    edits: [
      {
        file: "internal/services/payment/providers/stripe/call-time.ts",
        find: "Math.min(until, performance.now() + timeoutMs)",
        replace: "Math.max(0, performance.now() + timeoutMs)",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/attempts/attempt-time.int.test.ts",
      test: "a charge, then a search, at stripe",
    },
  },
  {
    id: "order-made-after-its-key",
    title: "A search asks for the order again when PayPal has forgotten its key, which makes a second one.",
    edits: [
      {
        file: ADAPTER,
        find: "now - asked.firstMs < CREATE_TRUSTED_MS",
        replace: "now - asked.firstMs < 5 * CREATE_TRUSTED_MS",
      },
    ],
    caughtBy: { layer: "int", file: ADAPTER_TEST, test: "later looks for a capture in the transactions" },
  },
  {
    id: "order-captured-under-new-keys",
    title: "Each look-up of an approved order captures it under a key of its own.",
    edits: [
      {
        file: ADAPTER,
        find: "key: `${order.id}:${act}` }",
        replace: "key: `${order.id}:${act}:${crypto.randomUUID()}` }",
      },
    ],
    caughtBy: { layer: "int", file: ADAPTER_TEST, test: "two captures at once" },
  },
  {
    id: "hold-closed-like-an-order",
    title: "An undo of money that PayPal holds changes the order's intent and releases nothing.",
    edits: [
      {
        file: ADAPTER,
        find: "  if (hold !== undefined)\n    return {",
        replace: '  if (hold !== undefined && order.status === "APPROVED")\n    return {',
      },
    ],
    caughtBy: { layer: "int", file: ADAPTER_TEST, test: "is released by an undo, once" },
  },
  {
    id: "failed-capture-is-money",
    title: "A capture that PayPal declined counts as money that was taken.",
    edits: [
      {
        file: ANSWERS,
        find: 'new Set(["COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED"])',
        replace: 'new Set(["COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED", "DECLINED"])',
      },
    ],
    caughtBy: { layer: "int", file: ERRORS_TEST, test: "an order: a capture that failed" },
  },
  {
    id: "reviewed-capture-is-money",
    title: "A capture under review, which may still be denied, counts as money that was taken.",
    edits: [
      {
        file: ANSWERS,
        find: 'new Set(["COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED"])',
        replace: 'new Set(["COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED", "PENDING"])',
      },
    ],
    caughtBy: { layer: "int", file: ERRORS_TEST, test: "an order: a capture under review" },
  },
  {
    id: "failed-capture-forgets-its-hold",
    title: "A capture that failed ends the payment, and what its authorization holds stays held.",
    edits: [
      {
        file: ANSWERS,
        find: 'return hold?.status === "CREATED"',
        replace: 'return hold?.status === ""',
      },
    ],
    caughtBy: {
      layer: "int",
      file: ERRORS_TEST,
      test: "at once, or after a review, may still hold the money",
    },
  },
  {
    id: "denied-transaction-is-money",
    title: "A denied transaction counts as a capture that took the money.",
    edits: [
      {
        file: `${PAYPAL}/paypal-transactions.ts`,
        find: 'new Set(["S", "V", "F"])',
        replace: 'new Set(["S", "V", "F", "D"])',
      },
    ],
    caughtBy: { layer: "int", file: ERRORS_TEST, test: "finds that PayPal denied the payment" },
  },
  {
    id: "search-ends-with-the-request",
    title:
      "A search looks only at the moment of the request, not at the hours in which the payer may approve.",
    edits: [
      {
        file: ADAPTER,
        find: "Math.min(asked.lastMs + CREATE_TRUSTED_MS, now + 1_000)",
        replace: "Math.min(asked.lastMs + 60_000, now + 1_000)",
      },
    ],
    caughtBy: { layer: "int", file: ADAPTER_TEST, test: "finds one that is there, long after the key" },
  },
  {
    id: "absent-before-the-lag",
    title: "A transaction that is not listed counts as never made, although the list is three hours late.",
    edits: [
      {
        file: ADAPTER,
        find: "const mayLag = now < asked.lastMs + TRANSACTION_LAG_MS;",
        replace: "const mayLag = now < asked.lastMs;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: ADAPTER_TEST,
      test: "from where no orders are made says nothing until the transactions have had their time",
    },
  },
  {
    id: "refund-of-another-capture",
    title: "Any refund of the order counts as the refund of this capture.",
    edits: [
      {
        file: ADAPTER,
        find: "refundsOf(order).filter((refund) => captureIdOf(refund) === provider_txn_id)",
        replace: "refundsOf(order)",
      },
    ],
    caughtBy: { layer: "int", file: ERRORS_TEST, test: "a search finds our refund that failed" },
  },
  {
    id: "refund-of-the-hold",
    title: "Taken money keeps the id of its hold, so its refund names an order and not the capture.",
    edits: [
      {
        file: "internal/services/payment/payment.ts",
        find: 'status: "SUCCEEDED", currency: payment.currency, provider_txn_id };',
        replace:
          'status: "SUCCEEDED", currency: payment.currency, provider_txn_id: provider_txn_id && payment.provider_txn_id };',
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "that finds money of another id refunds that" },
  },
  {
    id: "paypal-in-hundredths",
    title: "HUF and TWD are sent to PayPal with decimals, as to Stripe.",
    edits: [
      {
        file: "internal/kernel/paypal-charges.ts",
        find: 'new Set(["HUF", "JPY", "TWD"])',
        replace: 'new Set(["JPY"])',
      },
    ],
    caughtBy: { layer: "unit", file: `${PAYPAL}/paypal-amounts.unit.test.ts`, test: "1045 HUF" },
  },
  {
    id: "event-settles-the-others-payment",
    title: "An event of one provider settles the payment that another provider has.",
    edits: [
      {
        file: "internal/services/payment/lookup-store.ts",
        find: "rows.filter((row) => row.provider === provider)",
        replace: "rows.filter((row) => row.provider !== null)",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/webhooks/webhook-intake.int.test.ts",
      test: "an event of one provider settles no payment of another",
    },
  },
  {
    id: "denied-capture-ends-its-hold",
    title: "The event of a denied capture ends its hold, which PayPal may still have.",
    edits: [
      {
        file: "internal/services/payment/webhooks/webhook-event.ts",
        find: 'if (isHold && answer.kind === "declined"',
        replace: 'if (answer.kind === "declined"',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/services/payment/webhooks/webhook-event.unit.test.ts",
      test: "held money CAPTURE_PENDING",
    },
  },
  {
    id: "sent-to-the-other-provider",
    title: "A new payment is claimed by whichever provider's executor comes first.",
    edits: [
      {
        file: "internal/services/payment/attempts/executor.ts",
        find: "if (payment === undefined || payment.provider !== provider.name) continue;",
        replace: 'if (payment === undefined || provider.name === "") continue;',
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/attempts/executor.int.test.ts",
      test: "claims and sends a new payment of its own provider alone",
    },
  },
  {
    id: "limits-shared-by-providers",
    title: "Both providers share one rate limit and one charge hold.",
    edits: [
      {
        file: PROVIDERS,
        find: "/** A provider behind its rate limit (pace)",
        replace: "const ONE = new Pace();\n\n/** A provider behind its rate limit (pace)",
      },
      {
        file: PROVIDERS,
        find: "const pace = new Pace();\n  const hold",
        replace: "const pace = ONE;\n  const hold",
      },
    ],
    caughtBy: PROVIDERS_TEST,
  },
  {
    id: "breaker-shared-by-providers",
    title: "Both providers share one circuit breaker, the first one's.",
    edits: [
      {
        file: PROVIDERS,
        find: "/** A provider behind its rate limit (pace)",
        replace: "let one: PaymentProvider | undefined;\n\n/** A provider behind its rate limit (pace)",
      },
      {
        file: PROVIDERS,
        find: "return { provider: breaker, pace,",
        replace: "one ??= breaker;\n  return { provider: one, pace,",
      },
    ],
    caughtBy: PROVIDERS_TEST,
  },
  {
    id: "forgotten-order-asked-for-ever",
    title: "A waiting order that PayPal has forgotten is asked for by its id, forever.",
    edits: [
      {
        file: "internal/services/payment/attempts/provider-call.ts",
        find: 'found.kind === "not_found" ? await provider.findCharge(findRequest(payment), until) : found,',
        replace:
          'found.kind === "not_found" ? { kind: "unknown", reason: "unexpected", replayed: false } : found,',
      },
    ],
    caughtBy: { layer: "unit", file: FORGOTTEN_TEST, test: "it is searched" },
  },
  {
    id: "waiting-charge-believed-gone",
    title: "A waiting charge that a provider which forgets nothing does not find counts as never made.",
    edits: [
      {
        file: ATTEMPTS,
        find: "payment.action === null || policy.forgetsWaiting",
        replace: "payment.status !== null",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: FORGOTTEN_TEST,
      test: "is never believed of a provider that forgets nothing",
    },
  },
  {
    id: "released-after-the-capture",
    title: "An undo that finds the money taken counts as a release: nothing is refunded.",
    edits: [
      {
        file: "internal/services/payment/attempts/holds.ts",
        find: '    case "voided":\n      return released(payment);\n    case "succeeded":\n      return captured(payment, outcome, now);',
        replace: '    case "voided":\n    case "succeeded":\n      return released(payment);',
      },
    ],
    caughtBy: { layer: "unit", file: HOLDS_TEST, test: "that finds the money taken refunds it" },
  },
  {
    id: "capture-begins-again",
    title: "A repeated command begins the capture anew while the first request is in flight.",
    edits: [
      {
        file: "internal/services/payment/decide.ts",
        find: '    case "CAPTURE_PENDING":\n      return withoutMessages(payment);\n    case "VOID_PENDING":\n      // Without',
        replace:
          '    case "CAPTURE_PENDING":\n      return withoutMessages({ ...payment, hold_attempts: 0, next_attempt_at: now });\n    case "VOID_PENDING":\n      // Without',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: HOLDS_TEST,
      test: "is not requested again while its request is in flight",
    },
  },
  {
    id: "holds-crowd-the-look-ups",
    title: "Reconciliation looks up every hold in each run, and a hundred that stay take all other places.",
    edits: [
      {
        file: "internal/services/payment/reconciliation/run-store.ts",
        find: "and provider = ${provider} and status not in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')\n     order by",
        replace: "and provider = ${provider}\n     order by",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/reconciliation/reconciler.int.test.ts",
      test: "held money that stays is looked up ever more rarely",
    },
  },
];
