// Mutants of what happens to an order after its checkout: its cancellation, and the recovery of the order database.
import type { Mutant } from "../mutant.ts";

const CANCELLATION = "internal/orchestrator/order-cancellation.ts";
const MODEL_TEST = "internal/testkit/model/model.sim.test.ts";
const IN_THE_MODEL = "is cancelled at every point";

export const ORDER_CANCELLATION_MUTANTS: readonly Mutant[] = [
  {
    id: "cancellation-begins-with-the-refund",
    title: "A cancellation refunds before the order is cancelled: an order on its way is given away.",
    edits: [
      {
        file: CANCELLATION,
        find: '    step: "order",\n    order_status: null,\n    resend_count: 0,',
        replace: '    step: "refund",\n    order_status: null,\n    resend_count: 0,',
      },
    ],
    caughtBy: { layer: "model", file: MODEL_TEST, test: IN_THE_MODEL },
  },
  {
    id: "refused-cancellation-stays-refused",
    title:
      "A late command cancels an order that came back, and nobody refunds it: its cancellation was refused before.",
    edits: [
      {
        file: CANCELLATION,
        find: 'cancellation.status === "REFUSED" && event.type === "OrderCancelled";',
        replace: 'cancellation.order_id === "" && event.type === "OrderCancelled";',
      },
    ],
    caughtBy: { layer: "model", file: MODEL_TEST, test: IN_THE_MODEL },
  },
  {
    id: "resend-dismisses-the-operator",
    title:
      "A cancellation whose payment says that it took no money calls no operator any more once it is resent.",
    edits: [
      {
        file: CANCELLATION,
        find: "needs_operator: cancellation.needs_operator || resend_count >= policy.resendsBeforeOperator,",
        replace: "needs_operator: resend_count >= policy.resendsBeforeOperator,",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/orchestrator/order-cancellation.unit.test.ts",
      test: "an operator who is needed for another reason stays needed",
    },
  },
  {
    id: "rebuilt-payment-ends-open",
    title:
      "After a restore the payment of a refused charge ends without a cancel: its shopper can still pay it.",
    edits: [
      {
        file: "internal/services/payment/attempts/shopper-action.ts",
        find: 'return status === "UNKNOWN" && shopper_present && action === null;',
        replace: 'return status === "PENDING" && shopper_present && action === null;',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/services/payment/decide.unit.test.ts",
      test: "is cancelled if the shopper may have been at the bank",
    },
  },
  {
    id: "rebuilt-order-goes-back",
    title: "The rebuild of the orders sets a delivered order back to SHIPPED.",
    edits: [
      {
        file: "internal/operations/order-rebuild-plan.ts",
        find: "status: reached !== null && RANK[reached] > RANK[start.status] ? reached : start.status,",
        replace: "status: reached ?? start.status,",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/operations/order-rebuild-plan.unit.test.ts",
      test: "never goes back",
    },
  },
];
