// Mutants of sagas that have the money held before they take it: table 2 of the saga, and which saga uses it.
import type { Mutant } from "../mutant.ts";

const SAGA = "internal/orchestrator/saga.ts";
const STEPS = "internal/orchestrator/steps.ts";
const SAGA_TEST = "internal/orchestrator/saga.unit.test.ts";

export const AUTHORIZE_FIRST_MUTANTS: readonly Mutant[] = [
  {
    id: "captured-before-confirm",
    title: "The money is taken before the stock is confirmed.",
    edits: [
      {
        file: STEPS,
        find: '  { ...CONFIRM, statusAfter: "INVENTORY_RESERVED" },\n  {\n    step: "capture",',
        replace: '  {\n    step: "capture",',
      },
      {
        file: STEPS,
        find: "    onlyForMoney: true,\n    mayAskShopper: false,\n  },\n  ORDER,",
        replace:
          '    onlyForMoney: true,\n    mayAskShopper: false,\n  },\n  { ...CONFIRM, statusAfter: "PAYMENT_CHARGED" },\n  ORDER,',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "the happy path of table 2" },
  },
  {
    id: "captured-after-release",
    title: "A confirmation that arrives while the saga is undone has the money taken.",
    edits: [
      {
        file: SAGA,
        find: 'return ignore(saga, "the undo in progress settles it");',
        replace:
          'if (input.type === "ReservationConfirmed") return transition(saga, [stepCommand(saga, "capture")], []);\n  return ignore(saga, "the undo in progress settles it");',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "table 2, step confirm a success after the start of the compensation is ignored",
    },
  },
  {
    id: "authorization-is-payment",
    title:
      "Money that is only held counts as taken, so its undo is a refund and the shopper is told that it is returned.",
    edits: [
      {
        file: "internal/orchestrator/reply.ts",
        find: '    case "PaymentAuthorized":\n      return withCard(saga, input);\n',
        replace: '    case "PaymentAuthorized":\n',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "an authorization is no payment" },
  },
  {
    id: "authorization-not-undone",
    title: "A saga that loses its stock leaves the money held at the bank.",
    edits: [
      {
        file: STEPS,
        find: 'statusAfter: "INVENTORY_RESERVED",\n    undo: SETTLE_PAYMENT,',
        replace: 'statusAfter: "INVENTORY_RESERVED",\n    undo: null,',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "a lost reservation costs nothing" },
  },
  {
    id: "refused-capture-not-settled",
    title:
      "A refused capture counts like a refused authorization: nothing is held, so only the stock is released.",
    edits: [
      {
        file: SAGA,
        find: "      indexOf(table, at),\n      failureOf(input, saga),",
        replace:
          '      input.type === "PaymentFailed" ? paymentIndex(table) : indexOf(table, at),\n      failureOf(input, saga),',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "a capture that is refused has its authorization settled",
    },
  },
  {
    id: "capture-during-undo-not-refunded",
    title:
      "The undo of an authorization does not take a refund for its reply, so the stock of captured money is never released.",
    edits: [
      {
        file: STEPS,
        find: 'replies: ["PaymentCancelled", "RefundCompleted"],',
        replace: 'replies: ["PaymentCancelled"],',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "a capture with unknown outcome is settled by payment",
    },
  },
  {
    id: "nothing-captured",
    title: "A free checkout has nothing held, and yet its capture is sent.",
    edits: [
      {
        file: STEPS,
        find: "    onlyForMoney: true,\n    mayAskShopper: false,",
        replace: "    onlyForMoney: false,\n    mayAskShopper: false,",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "a checkout that costs nothing skips both steps about money",
    },
  },
  {
    id: "other-providers-table",
    title: "One provider that authorizes first makes the sagas of all providers do so.",
    edits: [
      {
        file: SAGA,
        find: "return authorizeFirst.has(provider) ? 2 : 1;",
        replace: "return authorizeFirst.size > 0 ? 2 : 1;",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "table 1, unless its provider is named" },
  },
  {
    id: "payment-asked-of-default-provider",
    title: "The command to payment does not name the provider, so the default one takes the money.",
    edits: [
      {
        file: "internal/orchestrator/commands.ts",
        find: "const by = provider === null ? {} : { provider };",
        replace: "const by = provider === null ? { provider: undefined } : {};",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "its payment is asked of its provider" },
  },
  {
    id: "rebuilt-on-table-1",
    title: "A lost saga is rebuilt on table 1, whatever its table was.",
    edits: [
      {
        file: "internal/orchestrator/rebuild.ts",
        find: "return checkout.table_version ?? 1;",
        replace: "return 1;",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/orchestrator/rebuild.unit.test.ts",
      test: "held the money and took it",
    },
  },
  {
    id: "held-money-shown-as-taken",
    title: "The shopper is told that money was taken while it is only held.",
    edits: [
      {
        file: "internal/orchestrator/shopper-view.ts",
        find: 'at < capture ? "authorized" : "unknown"',
        replace: 'at < capture ? "taken" : "unknown"',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/orchestrator/shopper-view.unit.test.ts",
      test: "table 2 in confirm: authorized",
    },
  },
];
