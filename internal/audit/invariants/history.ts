// A saga's history rows against the rules of the saga. The audit has its own table of legal transitions: the orchestrator's table
// would only prove that the orchestrator agrees with itself.
import { type Invariant, ofEachSaga } from "../invariant.ts";

const MAY_FOLLOW: Readonly<Record<string, readonly string[]>> = {
  // Straight to COMPENSATED: the first step was refused, so there is nothing to undo.
  STARTED: ["INVENTORY_RESERVED", "COMPENSATING", "COMPENSATED", "FAILED"],
  // Twice: the bank wanted the shopper to confirm the payment.
  INVENTORY_RESERVED: ["INVENTORY_RESERVED", "PAYMENT_CHARGED", "COMPENSATING"],
  // Twice: charged, then the reservation confirmed.
  PAYMENT_CHARGED: ["PAYMENT_CHARGED", "ORDER_CREATED", "COMPENSATING"],
  ORDER_CREATED: ["COMPLETED"],
  COMPENSATING: ["COMPENSATING", "COMPENSATED", "FAILED"],
  COMPLETED: [],
  COMPENSATED: [],
  FAILED: [],
};
const TERMINAL = new Set(["COMPLETED", "COMPENSATED", "FAILED"]);

export const history: readonly Invariant[] = [
  ofEachSaga("terminal-stays", "No status follows a terminal status.", function* ({ saga }) {
    const end = saga.way.findIndex(({ to }) => TERMINAL.has(to));
    const after = saga.way[end + 1];
    if (end !== -1 && after !== undefined) {
      yield `${saga.way[end]?.to} was followed by ${after.from} to ${after.to}`;
    }
  }),
  ofEachSaga(
    "history-is-legal",
    "A saga's history begins at STARTED, every step is a legal transition, and the last step ends at the saga's status.",
    function* ({ saga }) {
      const [first, ...rest] = saga.way;
      if (first === undefined) {
        yield "it has no history";
        return;
      }
      if (first.from !== "STARTED" || first.to !== "STARTED")
        yield `it began with ${first.from} to ${first.to}`;
      let at = first.to;
      for (const { from, to } of rest) {
        if (from !== at) yield `it left ${from} although it was at ${at}`;
        else if (!TERMINAL.has(from) && !MAY_FOLLOW[from]?.includes(to))
          yield `it went from ${from} to ${to}`;
        at = to;
      }
      if (at !== saga.status) yield `its history ends at ${at}, its status is ${saga.status}`;
    },
  ),
];
