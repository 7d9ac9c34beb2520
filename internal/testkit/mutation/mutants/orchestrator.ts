// Mutants of the saga's storage: the client key, the intake, deadlines, rows.
import type { Mutant } from "../mutant.ts";

const INTAKE = "internal/orchestrator/intake.ts";
const INTAKE_TEST = "internal/orchestrator/intake.int.test.ts";

export const ORCHESTRATOR_MUTANTS: readonly Mutant[] = [
  {
    id: "row-without-command",
    title: "The saga is committed before its command is written: a crash in between loses the checkout.",
    edits: [
      {
        file: INTAKE,
        find: "import { eventOf,",
        replace: "import { append, eventOf,",
      },
      {
        file: INTAKE,
        find: "startSagas(tx, sagas, { lines, events, now })",
        replace: "startSagas(tx, sagas, { lines, events: [], now })",
      },
      {
        file: INTAKE,
        find: "      appended?.push(...events.filter(({ partition_key }) => started.has(partition_key)).map(eventOf));\n",
        replace: "",
      },
      {
        file: INTAKE,
        find: "    if (started.size > 0) {\n",
        replace:
          "    const later = candidates.filter(({ saga }) => started.has(saga.saga_id)).map(({ out }) => ({ out }));\n" +
          "    await this.#options.database.transaction(async ({ tx, finish, appended }) => finish(append({ tx, appended }, later, { newId, now })));\n" +
          "    if (started.size > 0) {\n",
      },
    ],
    caughtBy: {
      layer: "int",
      file: INTAKE_TEST,
      test: "is written with its command or not at all",
    },
  },
  {
    id: "client-key-ignores-body",
    title: "A different checkout with a used Idempotency-Key gets the saga of the first one.",
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
      test: "used again with another body is rejected",
    },
  },
  {
    id: "body-hash-without-lines",
    title: "The gateway's hash of a checkout does not include the cart.",
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
      test: "two carts have the same hash only if they are equal",
    },
  },
  {
    id: "deadline-claimed-twice",
    title: "Two replicas claim the same overdue saga and both compensate it.",
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
    title: "A transition without prices deletes the stored prices.",
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
      test: "prices that are saved once stay when later changes do not contain them",
    },
  },
  {
    id: "everything-admitted",
    title: "Checkouts are accepted without a limit, and queue until they pass their deadline.",
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
      test: "when too many are in progress or too many messages wait for Kafka",
    },
  },
  {
    id: "charge-backlog-not-heard",
    title:
      "Checkouts are accepted while the provider has no capacity for their charges, and fail later although they were accepted.",
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
      test: "the wait comes from the replies of payment",
    },
  },
  {
    id: "late-checkout-written",
    title: "A checkout that has waited too long is still written, although its caller no longer waits.",
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
      test: "a checkout that has waited too long for its turn is rejected",
    },
  },
];
