// Mutants of the saga: its transition table, its decisions, its commands.
import type { Mutant } from "../mutant.ts";

const SAGA = "internal/orchestrator/saga.ts";
const REPLY = "internal/orchestrator/reply.ts";
const SAGA_TEST = "internal/orchestrator/saga.unit.test.ts";

export const SAGA_MUTANTS: readonly Mutant[] = [
  {
    id: "deadline-trusts-silence",
    title: "A deadline undoes only the steps with a reply, so a charge that succeeds late is not refunded.",
    edits: [
      {
        file: SAGA,
        find: "startCompensation(saga, at, indexOf(table, at) + 1, failure, now, policy);",
        replace: "startCompensation(saga, at, indexOf(table, at), failure, now, policy);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "given its deadline passes, then the step itself is undone too",
    },
  },
  {
    id: "terminal-state-moves",
    title: "A repeated failure event after COMPENSATED compensates again.",
    edits: [
      {
        file: SAGA,
        find: 'return ignore(saga, "saga is compensated");',
        replace: "return decideForward(saga, saga.position.at, input, now, policy);",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "terminal states never change, whatever comes" },
  },
  {
    id: "stock-before-money",
    title: "Compensation runs in forward order: the stock is released while the payment may still succeed.",
    edits: [
      {
        file: "internal/orchestrator/steps.ts",
        find: "    .map((row) => row.step)\n    .toReversed();",
        replace: "    .map((row) => row.step);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "money first: stock is released only after the payment is settled",
    },
  },
  {
    id: "release-skipped",
    title: "Compensation refunds the money but does not release the stock.",
    edits: [
      {
        file: "internal/orchestrator/steps.ts",
        find: 'undo: { command: "ReleaseInventory", replies: ["InventoryReleased"] },',
        replace: "undo: null,",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "money first" },
  },
  {
    id: "lost-reservation-confirmed",
    title: "A confirm that finds no stock counts as confirmed.",
    edits: [
      {
        file: SAGA,
        find: "if (input.type === row.success) return succeed(",
        replace: 'if (input.type === row.success || input.type === "ReservationLost") return succeed(',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "given it is refused, then only the steps before it" },
  },
  {
    id: "dead-letter-decides",
    title: "A dead-lettered command counts as refused, although it may be replayed or has taken effect.",
    edits: [
      {
        file: SAGA,
        find: "      return flagged(saga, input.command_type, now);\n    case",
        replace:
          '      return startCompensation(saga, at, indexOf(table, at), { code: "DEAD", message: "" }, now, policy);\n    case',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "its command in the dead-letter queue asks for an operator and leaves the saga where it is",
    },
  },
  {
    id: "undo-not-sent-again",
    title: "An undo without a reply is not sent again: the saga stays in COMPENSATING.",
    edits: [
      {
        file: SAGA,
        find: "    const resends = position.resends + 1;",
        replace:
          '    if (now > 0) return ignore(saga, "waiting");\n    const resends = position.resends + 1;',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "an undo without a reply is sent again" },
  },
  {
    id: "refund-unasked-for",
    title: "A charge known to have succeeded is cancelled like one with an unknown result.",
    edits: [
      {
        file: "internal/orchestrator/commands.ts",
        find: "return (isPaid ? undo.commandOncePaid : undefined) ?? undo.command;",
        replace: "return undo.command;",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SAGA_TEST,
      test: "a charge with unknown outcome is cancelled, one known to have succeeded is refunded",
    },
  },
  {
    id: "only-dearer-is-changed",
    title: "A shopper is charged less than shown, instead of getting PRICE_CHANGED.",
    edits: [
      {
        file: REPLY,
        find: "expected_total_cents !== null && expected_total_cents !== total_cents",
        replace: "expected_total_cents !== null && expected_total_cents < total_cents",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "an unexpected total, higher or lower, ends the saga" },
  },
  {
    id: "amount-in-wrong-unit",
    title: "The charge is a hundred times the total: cents count as euros.",
    edits: [
      {
        file: "internal/orchestrator/commands.ts",
        find: "amount_cents: total_cents, currency, payment_method, ...patience(saga) };",
        replace: "amount_cents: total_cents * 100, currency, payment_method, ...patience(saga) };",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
  {
    id: "nothing-charged",
    title: "A free checkout sends a charge of zero, which no provider accepts.",
    edits: [
      {
        file: "internal/orchestrator/steps.ts",
        find: 'onlyForMoney: true,\n    mayAskShopper: true,\n  },\n  { ...CONFIRM, statusAfter: "PAYMENT_CHARGED" },',
        replace:
          'onlyForMoney: false,\n    mayAskShopper: true,\n  },\n  { ...CONFIRM, statusAfter: "PAYMENT_CHARGED" },',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "a checkout that costs nothing" },
  },
  {
    id: "left-out-charge-undone",
    title: "A skipped step is undone: payment gets a cancel for a charge that was never sent.",
    edits: [
      {
        file: SAGA,
        find: "(step) => step === at || !isLeftOut(rowOf(table, step), saga.total_cents),",
        replace: "(step) => rowOf(table, step).undo !== null,",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "a checkout that costs nothing" },
  },
  {
    id: "repeated-sku-reserved-once",
    title: "A cart with two lines of one product is reserved and charged for only one line.",
    edits: [
      {
        file: "internal/orchestrator/commands.ts",
        find: "items: [...saga.items],",
        replace: "items: [...new Map(saga.items.map((item) => [item.sku_id, item])).values()],",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
  {
    id: "second-answer-alarms",
    title:
      "The second reply to an undo that was sent twice raises an alarm if the saga is already at the next undo.",
    edits: [
      {
        file: SAGA,
        find: "const later = table.slice(indexOf(table, position.undoing) + 1);",
        replace: "const later = table.slice(indexOf(table, position.undoing) + 2);",
      },
    ],
    caughtBy: {
      layer: "model",
      file: "internal/testkit/model/model.sim.test.ts",
      test: "one saga with one fault of each kind breaks nothing",
    },
  },
  {
    id: "total-of-first-line",
    title: "The total is the price of the cart's first line.",
    edits: [
      {
        file: REPLY,
        find: "total_cents: totalCents(priced_items) };",
        replace: "total_cents: totalCents(priced_items.slice(0, 1)) };",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
];
