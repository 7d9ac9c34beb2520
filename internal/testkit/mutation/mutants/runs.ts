// Mutants of plans and runs: bulk acts of operators.
import type { Mutant } from "../mutant.ts";

const RUNS_TEST = "internal/operations/runs.int.test.ts";
const PLAN_TEST = "internal/operations/plan.unit.test.ts";

export const RUN_MUTANTS: readonly Mutant[] = [
  {
    id: "replay-put-back-twice",
    title: "An executor that wakes up after its lease puts a message back that the next one has sent.",
    edits: [
      {
        file: "internal/operations/replay-store.ts",
        find: "and created_at = written_at and published",
        replace: "and written_at is not null and published",
      },
    ],
    caughtBy: { layer: "int", file: RUNS_TEST, test: "a message is put back once" },
  },
  {
    id: "recovery-sends-again",
    title: "After a crash all messages in flight are sent again, also those that were put back before it.",
    edits: [
      {
        file: "internal/operations/run-verdict.ts",
        find: 'item.outcome === "in flight" &&',
        replace: 'item.outcome === "sent" &&',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/operations/run-verdict.unit.test.ts",
      test: "only watched if an executor that died has put it back",
    },
  },
  {
    id: "plan-is-forced",
    title: "A run sends what its plan says, although the saga has moved on since.",
    edits: [
      {
        file: "internal/operations/run-verdict.ts",
        find: 'return ended("refused", "refused", decision.why);\n    default:',
        replace:
          'return kept === undefined ? ended("refused", "refused", decision.why) : { kind: "send", sent: kept, lost: null };\n    default:',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/operations/run-verdict.unit.test.ts",
      test: "refused if its saga has moved on",
    },
  },
  {
    id: "any-count-starts",
    title: "Any typed number starts a plan.",
    edits: [
      {
        file: "internal/operations/plan.ts",
        find: "if (request.typedCount === plan.totals.units) return null;",
        replace: "if (request.typedCount !== null) return null;",
      },
    ],
    caughtBy: { layer: "unit", file: PLAN_TEST, test: "needs the typed count" },
  },
];
