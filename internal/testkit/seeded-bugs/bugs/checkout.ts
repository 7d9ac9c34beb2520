// Mistakes in the saga: its table, its decisions, its way into the database.
import type { SeededBug } from "../bug.ts";

const SAGA = "internal/checkout/saga.ts";
const SAGA_TEST = "internal/checkout/saga.unit.test.ts";

export const CHECKOUT_BUGS: readonly SeededBug[] = [
  {
    id: "deadline-trusts-silence",
    title: "A deadline undoes only the steps that answered, so a charge that succeeds late is kept.",
    edits: [
      {
        file: SAGA,
        find: "turnRound(saga, at, indexOf(at) + 1, failure, now, policy);",
        replace: "turnRound(saga, at, indexOf(at), failure, now, policy);",
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
    title: "A refusal that comes again after COMPENSATED compensates again.",
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
    title: "Compensation goes forwards: the stock is released while the payment may still succeed.",
    edits: [
      {
        file: "internal/checkout/steps.ts",
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
    title: "Compensation gives the money back and forgets the stock.",
    edits: [
      {
        file: "internal/checkout/steps.ts",
        find: 'undo: { command: "ReleaseInventory", replies: ["InventoryReleased"] },',
        replace: "undo: null,",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "money first" },
  },
  {
    id: "lost-reservation-confirmed",
    title: "A confirm that finds the stock gone counts as confirmed.",
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
    title:
      "A command in the dead-letter queue counts as refused, although it may be replayed, or took effect.",
    edits: [
      {
        file: SAGA,
        find: "      return flagged(saga, now);\n    case",
        replace:
          '      return turnRound(saga, at, indexOf(at), { code: "DEAD", message: "" }, now, policy);\n    case',
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
    title: "An undo without an answer is not sent again: the saga hangs in COMPENSATING.",
    edits: [
      {
        file: SAGA,
        find: "    const resends = position.resends + 1;",
        replace:
          '    if (now > 0) return ignore(saga, "waiting");\n    const resends = position.resends + 1;',
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "an undo without an answer is sent again" },
  },
  {
    id: "refund-unasked-for",
    title: "A charge known to have succeeded is cancelled like one whose outcome is unknown.",
    edits: [
      {
        file: "internal/checkout/commands.ts",
        find: 'const known = step === "charge" && saga.payment_succeeded;',
        replace: "const known = false;",
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
    title:
      "A shopper is charged less than they were shown, instead of being told that the price has changed.",
    edits: [
      {
        file: SAGA,
        find: "expected_total_cents !== null && expected_total_cents !== total_cents",
        replace: "expected_total_cents !== null && expected_total_cents < total_cents",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "a total the shopper did not expect ends the saga" },
  },
  {
    id: "row-without-command",
    title:
      "The saga is committed first and its command written afterwards: a crash in between loses the checkout.",
    edits: [
      {
        file: "internal/checkout/intake.ts",
        find: "const { started, owners } = await",
        replace: "const { started, owners, later } = await",
      },
      {
        file: "internal/checkout/intake.ts",
        find: "        ...outboxStatements(tx, envelopes),\n      ]);\n      return { started: fresh,",
        replace: "      ]);\n      return { later: envelopes, started: fresh,",
      },
      {
        file: "internal/checkout/intake.ts",
        find: "    if (started.size > 0) onStarted(started.size);",
        replace:
          "    await this.#options.database.transaction(async ({ tx, finish }) => finish(outboxStatements(tx, later)));\n" +
          "    if (started.size > 0) onStarted(started.size);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/checkout/intake.int.test.ts",
      test: "is there with its command or not at all",
    },
  },
  {
    id: "client-key-ignores-body",
    title: "Another checkout under a used Idempotency-Key is answered with the old one's saga.",
    edits: [
      {
        file: "internal/checkout/intake.ts",
        find: "if (owner.body_hash !== request.body_hash) reject(new ClientKeyReused());\n      else resolve(",
        replace: "resolve(",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/checkout/intake.int.test.ts",
      test: "used again with another body is refused",
    },
  },
  {
    id: "body-hash-without-lines",
    title: "The gateway's hash of a checkout leaves out the cart.",
    edits: [
      {
        file: "internal/gateway/checkout-request.ts",
        find: "JSON.stringify(checkout, withSortedFields)",
        replace: "JSON.stringify({ ...checkout, items: [] }, withSortedFields)",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/gateway/checkout-request.unit.test.ts",
      test: "two carts hash alike only when they are alike",
    },
  },
  {
    id: "deadline-claimed-twice",
    title: "Two replicas claim the same overdue saga and both undo it.",
    edits: [
      {
        file: "internal/checkout/store.ts",
        find: "order by deadline_at limit ${limit} for update skip locked`",
        replace: "order by deadline_at limit ${limit}`",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/checkout/timers.int.test.ts",
      test: "replicas that sweep at once move each saga once",
    },
  },
  {
    id: "prices-forgotten",
    title: "A transition that does not carry the prices wipes them out.",
    edits: [
      {
        file: "internal/checkout/store.ts",
        find: "coalesce(c.priced_items, s.priced_items)",
        replace: "c.priced_items",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/checkout/store.int.test.ts",
      test: "prices that are saved once stay when later changes do not carry them",
    },
  },
  {
    id: "amount-in-wrong-unit",
    title: "The charge is a hundred times the total: cents taken for euros.",
    edits: [
      {
        file: "internal/checkout/commands.ts",
        find: "amount_cents: total_cents, currency, payment_method };",
        replace: "amount_cents: total_cents * 100, currency, payment_method };",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/shop/shop.sim.test.ts" },
  },
  {
    id: "repeated-sku-reserved-once",
    title: "A cart that names a product twice is reserved, and charged, for one of its lines.",
    edits: [
      {
        file: "internal/checkout/commands.ts",
        find: "items: [...saga.items],",
        replace: "items: [...new Map(saga.items.map((item) => [item.sku_id, item])).values()],",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/shop/shop.sim.test.ts" },
  },
  {
    id: "late-checkout-written",
    title:
      "A checkout that has waited too long for its turn is written all the same, when nobody waits for it any more.",
    edits: [
      {
        file: "internal/checkout/intake.ts",
        find: "    for (const { since, reject } of group) if (since < oldest) reject(late);\n",
        replace: "",
      },
      {
        file: "internal/checkout/intake.ts",
        find: "group.filter(({ since }) => since >= oldest),",
        replace: "group,",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/checkout/intake.int.test.ts",
      test: "who has waited too long for a turn is refused, and no saga comes of it",
    },
  },
  {
    id: "second-answer-alarms",
    title:
      "The second answer to an undo that was sent twice raises an alarm, once the saga has gone on to the next.",
    edits: [
      {
        file: SAGA,
        find: "const later = STEPS.slice(indexOf(position.undoing) + 1);",
        replace: "const later = STEPS.slice(indexOf(position.undoing) + 2);",
      },
    ],
    caughtBy: {
      layer: "model",
      file: "internal/testkit/model/model.sim.test.ts",
      test: "one saga with one trouble of each kind breaks nothing",
    },
  },
  {
    id: "total-of-first-line",
    title: "The total is the price of the cart's first line.",
    edits: [
      {
        file: SAGA,
        find: "total_cents: totalCents(priced_items) };",
        replace: "total_cents: totalCents(priced_items.slice(0, 1)) };",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/shop/shop.sim.test.ts" },
  },
];
