// Mutants of a charge that waits for its shopper: the saga, the hold, the payment and the bank's page.
import type { Mutant } from "../mutant.ts";

const SAGA_ACTION = "internal/orchestrator/action.ts";
const SAGA = "internal/orchestrator/saga.ts";
const SAGA_TEST = "internal/orchestrator/action.unit.test.ts";
const MORE_TIME_TEST = "internal/orchestrator/more-time.unit.test.ts";
const MORE_TIME_INT = "internal/orchestrator/more-time.int.test.ts";
const INVENTORY = "internal/services/inventory/decide.ts";
const INVENTORY_TEST = "internal/services/inventory/decide.unit.test.ts";
const ATTEMPTS = "internal/services/payment/attempts/attempts.ts";
const WAIT = "internal/services/payment/attempts/shopper-action.ts";
const CALL = "internal/services/payment/attempts/provider-call.ts";
const DECIDE = "internal/services/payment/decide.ts";
const MODEL_TEST = "internal/testkit/model/model.sim.test.ts";
const PAYMENT_TEST = "internal/services/payment/shopper/shopper.int.test.ts";

export const ACTION_MUTANTS: readonly Mutant[] = [
  {
    id: "hold-not-extended",
    title: "The stock is only held while the shopper may confirm, and not for the rest of the way.",
    edits: [
      {
        file: SAGA_ACTION,
        find: "Math.min(waitMs + policy.forwardDeadlineMs, MAX_HOLD_FOR_MS)",
        replace: "waitMs",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "holds its stock for the rest of the way too" },
  },
  {
    id: "no-time-after-the-shopper",
    title: "A payment confirmed at the last moment leaves no time for the rest of the way.",
    edits: [
      {
        file: SAGA,
        find: "afterAction(applyReply(saga, input), now, policy)",
        replace: "applyReply(saga, input)",
      },
      { file: SAGA, find: "import { afterAction, lateness,", replace: "import { lateness," },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "the rest of the way has its whole time" },
  },
  {
    id: "waits-as-long-as-offered",
    title: "The saga waits for its shopper as long as the payment service offers, which may be hours.",
    edits: [
      {
        file: SAGA_ACTION,
        find: "const longestMs = Math.min(offeredMs, MAX_ACTION_MS);\n  const waitMs = Math.min(longestMs, policy.actionDeadlineMs);",
        replace: "const longestMs = offeredMs;\n  const waitMs = offeredMs;",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "it waits no longer than it may" },
  },
  {
    id: "asked-again-waits-again",
    title: "Each wish of the bank starts the time of the shopper anew.",
    edits: [
      {
        file: SAGA,
        find: "if (!row.mayAskShopper || saga.action_expires_at !== null) break;",
        replace: "if (!row.mayAskShopper) break;",
      },
    ],
    caughtBy: { layer: "unit", file: SAGA_TEST, test: "a second wish of the bank changes nothing" },
  },
  {
    id: "hold-extended-after-its-end",
    title: "An extension of a hold that has expired succeeds, although the stock went back.",
    edits: [
      {
        file: INVENTORY,
        find: '    case "CONFIRMED":\n      return unchanged(reservation, [extended(reservation)]);',
        replace:
          '    case "CONFIRMED":\n    case "EXPIRED":\n      return unchanged(reservation, [extended(reservation)]);',
      },
    ],
    caughtBy: { layer: "unit", file: INVENTORY_TEST, test: "is refused as expired when the stock went back" },
  },
  {
    id: "hold-shortened",
    title: "A late extension shortens the hold.",
    edits: [
      {
        file: INVENTORY,
        find: "Math.max(reservation.expires_at, now + command.hold_for_ms)",
        replace: "now + command.hold_for_ms",
      },
    ],
    caughtBy: { layer: "unit", file: INVENTORY_TEST, test: "and never shorter" },
  },
  {
    id: "refusal-is-final",
    title: "A charge that the bank refused counts as failed although its shopper could still pay it.",
    edits: [
      {
        file: ATTEMPTS,
        find: "if (outcome.closed === true) return fail(",
        replace: "if (outcome.error_code !== undefined) return fail(",
      },
      {
        file: CALL,
        find: 'found === null || (found.kind === "declined" && found.closed !== true)',
        replace: "found === null",
      },
    ],
    caughtBy: { layer: "model", file: MODEL_TEST, test: "a shopper whose bank asks for them" },
  },
  {
    id: "undo-waits-for-the-look-up",
    title:
      "A charge that waits for its shopper is cancelled only when its next look-up is due, up to a minute later.",
    edits: [
      {
        file: DECIDE,
        find: "{ ...payment, undo_requested: true, next_attempt_at: now }",
        replace: "{ ...payment, undo_requested: true }",
      },
    ],
    caughtBy: { layer: "int", file: PAYMENT_TEST, test: "the undo cancels the charge at once" },
  },
  {
    id: "undone-and-only-looked-up",
    title: "A charge that waits for its shopper is not cancelled by its undo, only looked up.",
    edits: [
      {
        file: WAIT,
        find: "return shopper_present && !undo_requested;",
        replace: "return shopper_present && undo_requested !== null;",
      },
    ],
    caughtBy: { layer: "int", file: PAYMENT_TEST, test: "the undo cancels the charge at once" },
  },
  {
    id: "look-ups-without-limit",
    title:
      "Whoever asks whether a payment is confirmed makes the provider look it up, however often they ask.",
    edits: [
      {
        file: "internal/services/payment/shopper/action-store.ts",
        find: " and updated_at <= ${now - pauseMs}::timestamptz",
        replace: "",
      },
    ],
    caughtBy: { layer: "int", file: PAYMENT_TEST, test: "sooner when the shopper is back" },
  },
  {
    id: "more-time-as-often-as-asked",
    title: "A shopper gets more time at each press, until the longest wait is reached.",
    edits: [{ file: SAGA_ACTION, find: "action_latest_at: until,", replace: "action_latest_at: latestAt," }],
    caughtBy: {
      layer: "unit",
      file: MORE_TIME_TEST,
      test: "comes once also where the longest wait is not reached",
    },
  },
  {
    id: "more-time-without-limit",
    title: "More time takes the wait past the longest one, and past what the bank offers.",
    edits: [
      {
        file: SAGA_ACTION,
        find: "Math.min(endsAt + policy.actionDeadlineMs, latestAt)",
        replace: "endsAt + policy.actionDeadlineMs",
      },
    ],
    caughtBy: { layer: "unit", file: MORE_TIME_TEST, test: "ends at the longest wait" },
  },
  {
    id: "more-time-and-no-hold",
    title: "The shopper gets more time, and the stock is not held for it.",
    edits: [
      {
        file: SAGA_ACTION,
        find: 'out: [extension(saga, "extend:2", until - now, policy)],',
        replace: "out: [],",
      },
    ],
    caughtBy: { layer: "unit", file: MORE_TIME_TEST, test: "the hold lasts for it" },
  },
  {
    id: "more-time-after-its-end",
    title: "A press after the end is taken while the sweeper is late, so whoever is faster decides.",
    edits: [
      {
        file: SAGA_ACTION,
        find: 'if (now >= endsAt) return { kind: "refused", reason: "over" };',
        replace: "",
      },
    ],
    caughtBy: { layer: "unit", file: MORE_TIME_TEST, test: "does not come when the time is over" },
  },
  {
    id: "more-time-for-anybody",
    title: "Whoever knows the id of a checkout can make it wait longer.",
    edits: [
      { file: "internal/orchestrator/more-time.ts", find: " || saga.user_id !== user_id", replace: "" },
      {
        file: "internal/orchestrator/more-time.ts",
        find: "{ user_id }: ExtendAction",
        replace: "_: ExtendAction",
      },
    ],
    caughtBy: { layer: "int", file: MORE_TIME_INT, test: "nobody else gets it" },
  },
  {
    id: "more-time-forgotten",
    title: "That the shopper has had more time is not stored: the next press gives more again.",
    edits: [
      {
        file: "internal/orchestrator/store.ts",
        find: ",\n           action_latest_at = c.action_latest_at",
        replace: ",\n           action_latest_at = coalesce(s.action_latest_at, c.action_latest_at)",
      },
    ],
    caughtBy: { layer: "int", file: MORE_TIME_INT, test: "every later one has the same answer" },
  },
];
