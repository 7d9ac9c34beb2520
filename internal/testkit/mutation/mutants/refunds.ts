// Mutants of refunds: what counts as given back, and what is requested again.
import type { Mutant } from "../mutant.ts";

const REFUNDS = "internal/services/payment/attempts/refund-attempts.ts";
const REFUNDS_TEST = "internal/services/payment/attempts/refund-attempts.unit.test.ts";
const DECIDE_TEST = "internal/services/payment/decide.unit.test.ts";

const caught = (test: string) => ({ layer: "unit", file: REFUNDS_TEST, test }) as const;

export const REFUND_MUTANTS: readonly Mutant[] = [
  {
    id: "refund-gives-up",
    title: "A failing refund stops after an hour.",
    edits: [
      {
        file: REFUNDS,
        find: 'if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;',
        replace:
          'if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;\n' +
          "  if (now - payment.refund.created_at >= 60 * 60 * 1_000) return null;",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "is retried while the provider fails" },
  },
  {
    id: "refund-key-for-ever",
    title: "A refund always uses the same key, so the provider replays its stored error.",
    edits: [
      {
        file: REFUNDS,
        find: "const key = generation === 0 ? refundKey(saga_id) : `${refundKey(saga_id)}:${generation}`;",
        replace: "const key = refundKey(saga_id);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "is always retried, and its key changes because an error may be stored under it",
    },
  },
  {
    id: "refund-pending-is-done",
    title: "A refund that is pending at the provider is reported as given back.",
    edits: [
      {
        file: REFUNDS,
        find: 'if (outcome.kind === "succeeded" && !isStale)',
        replace: 'if ((outcome.kind === "succeeded" || outcome.kind === "pending") && !isStale)',
      },
    ],
    caughtBy: caught("is not done, keeps the provider's id, and is looked up rarely"),
  },
  {
    id: "refund-believes-old-success",
    title: "What the provider said before a refund failed still counts: the shopper gets nothing.",
    edits: [
      {
        file: REFUNDS,
        find: 'const isStale = "provider_refund_id" in outcome && refund.failed.includes(outcome.provider_refund_id);',
        replace: "const isStale = false;",
      },
    ],
    caughtBy: caught("is not done by an event or a stored answer from before its failure"),
  },
  {
    id: "refund-requested-after-failure",
    title: "A refund that failed is requested again, while a person pays the shopper in another way.",
    edits: [{ file: REFUNDS, find: "search_only: hasFailed,", replace: "search_only: false," }],
    caughtBy: caught("by its event or a look-up is an alert, once, and no other is requested"),
  },
  {
    id: "refund-fails-late-unnoticed",
    title: "A refund that fails after it was reported is ignored.",
    edits: [
      {
        file: REFUNDS,
        find: 'if (outcome.kind === "failed" && payment.status === "REFUNDED")',
        replace: 'if (outcome.kind === "failed" && payment.status !== payment.status)',
      },
    ],
    caughtBy: caught("after it was reported is open again, and the saga hears of no second success"),
  },
  {
    id: "refund-reported-twice",
    title: "The saga hears twice that its money is back, the second time after its end.",
    edits: [
      {
        file: REFUNDS,
        find: "out: reported ? [] : [refundCompleted(refunded)]",
        replace: "out: [refundCompleted(refunded)]",
      },
    ],
    caughtBy: caught("after it was reported is open again, and the saga hears of no second success"),
  },
  {
    id: "refund-of-others-fails-ours",
    title: "The failure of a refund that somebody made at the provider counts as the failure of ours.",
    edits: [
      {
        file: "internal/services/payment/webhooks/webhook-event.ts",
        find: "(isRequestedHere || payment.refund.provider_refund_id === provider_refund_id)",
        replace: 'provider_refund_id !== ""',
      },
    ],
    caughtBy: caught("of somebody else says nothing about ours"),
  },
  {
    id: "resend-has-a-timeout-of-its-own",
    title: "A call whose connection closes takes twice its timeout, longer than the lease of its attempt.",
    edits: [
      {
        file: "internal/services/payment/providers/stripe/resends.ts",
        find: "return fetchLast(input, init);",
        replace: "throw error;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/payment/providers/stripe/stripe.int.test.ts",
      test: "a resend shares the timeout of its request, which fits into the lease of an attempt",
    },
  },
  {
    id: "audit-excuses-any-refund",
    title: "The audit leaves out a refund that nobody noticed.",
    edits: [
      {
        file: "internal/audit/collect.ts",
        find: " && elsewhere.has(entry.refund)",
        replace: "",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/audit/audit.int.test.ts",
      test: "a refund that somebody made at the provider, once a payment alert names it",
    },
  },
];
