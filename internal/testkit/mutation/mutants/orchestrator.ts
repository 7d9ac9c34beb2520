// Mistakes on the saga's way into its database and back: the shopper's key, the intake, deadlines, rows.
import type { Mutant } from "../mutant.ts";

const INTAKE = "internal/orchestrator/intake.ts";
const INTAKE_TEST = "internal/orchestrator/intake.int.test.ts";

export const ORCHESTRATOR_MUTANTS: readonly Mutant[] = [
  {
    id: "row-without-command",
    title:
      "The saga is committed first and its command written afterwards: a crash in between loses the checkout.",
    edits: [
      {
        file: INTAKE,
        find: "const { started, owners } = await",
        replace: "const { started, owners, later } = await",
      },
      {
        file: INTAKE,
        find: "          ...append({ tx, appended }, caused, { newId, now }),\n        ]);\n        return { started: fresh,",
        replace: "        ]);\n        return { later: caused, started: fresh,",
      },
      {
        file: INTAKE,
        find: "    if (started.size > 0) {\n",
        replace:
          "    await this.#options.database.transaction(async ({ tx, finish, appended }) => finish(append({ tx, appended }, later, { newId, now })));\n" +
          "    if (started.size > 0) {\n",
      },
    ],
    caughtBy: {
      layer: "int",
      file: INTAKE_TEST,
      test: "is there with its command or not at all",
    },
  },
  {
    id: "client-key-ignores-body",
    title: "Another checkout under a used Idempotency-Key is answered with the old one's saga.",
    edits: [
      {
        file: INTAKE,
        find: "if (owner.body_hash !== request.body_hash) reject(new ClientKeyReused());\n      else resolve(",
        replace: "resolve(",
      },
    ],
    caughtBy: {
      layer: "int",
      file: INTAKE_TEST,
      test: "used again with another body is refused",
    },
  },
  {
    id: "body-hash-without-lines",
    title: "The gateway's hash of a checkout leaves out the cart.",
    edits: [
      {
        file: "internal/gateway/checkout-request.ts",
        find: "withSortedFields(checkout)",
        replace: "withSortedFields({ ...checkout, items: [] })",
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
        file: "internal/orchestrator/store.ts",
        find: "order by deadline_at limit ${limit} for update skip locked`",
        replace: "order by deadline_at limit ${limit}`",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/orchestrator/timers.int.test.ts",
      test: "replicas that sweep at once move each saga once",
    },
  },
  {
    id: "prices-forgotten",
    title: "A transition that does not carry the prices wipes them out.",
    edits: [
      {
        file: "internal/orchestrator/store.ts",
        find: "coalesce(c.priced_items, s.priced_items)",
        replace: "c.priced_items",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/orchestrator/store.int.test.ts",
      test: "prices that are saved once stay when later changes do not carry them",
    },
  },
  {
    id: "everything-admitted",
    title: "Checkouts are taken however many are under way, and run into their deadline behind each other.",
    edits: [
      {
        file: "internal/orchestrator/admission.ts",
        find: "  if (backlog.openSagas >= limits.openSagas * share)",
        replace: "  if (backlog.openSagas < 0)",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/orchestrator/admission.unit.test.ts",
      test: "by too many under way, or too much waiting for Kafka",
    },
  },
  {
    id: "charge-backlog-not-heard",
    title:
      "Checkouts are taken while the provider has no time for their charges, and turned away when their shoppers think they bought.",
    edits: [
      {
        file: "internal/orchestrator/admission.ts",
        find: "      if (input.charge_wait_ms > ageMs) admission",
        replace: "      if (input.charge_wait_ms < 0) admission",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/orchestrator/admission.unit.test.ts",
      test: "the wait is heard from payment's answers",
    },
  },
  {
    id: "late-checkout-written",
    title:
      "A checkout that has waited too long for its turn is written all the same, when nobody waits for it any more.",
    edits: [
      {
        file: INTAKE,
        find: "    for (const { since, reject } of group) if (since < oldest) reject(late);\n",
        replace: "",
      },
      {
        file: INTAKE,
        find: "group.filter(({ since }) => since >= oldest),",
        replace: "group,",
      },
    ],
    caughtBy: {
      layer: "int",
      file: INTAKE_TEST,
      test: "who has waited too long for a turn is refused, and no saga comes of it",
    },
  },
];
