// Mutants of the last steps: the order and the mail.
import type { Mutant } from "../mutant.ts";

const DECIDE = "internal/services/order/decide.ts";
const DECIDE_TEST = "internal/services/order/decide.unit.test.ts";

export const ORDER_AND_MAIL_MUTANTS: readonly Mutant[] = [
  {
    id: "early-cancel-of-order-forgotten",
    title: "A cancel that overtakes the order leaves no tombstone: the order is refunded and shipped.",
    edits: [
      {
        file: DECIDE,
        find: "return order === null ? tombstone(command, now) : cancel(order, command, now);",
        replace:
          "return order === null ? { ...tombstone(command, now), order: null } : cancel(order, command, now);",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "undo before do, and do after undo: refused" },
  },
  {
    id: "shipped-order-cancelled",
    title: "A shipped order is cancelled and refunded.",
    edits: [
      {
        file: DECIDE,
        find: '    case "CONFIRMED":\n      return {\n        order: { ...order, status: "CANCELLED"',
        replace:
          '    case "CONFIRMED":\n    case "SHIPPED":\n      return {\n        order: { ...order, status: "CANCELLED"',
      },
      {
        file: DECIDE,
        find: '    case "SHIPPED":\n    case "DELIVERED":\n      if (command',
        replace: '    case "DELIVERED":\n      if (command',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "a shipped order is not reported as cancelled",
    },
  },
  {
    id: "order-of-another-total",
    title: "An order is accepted although the sum of its items differs from the charge.",
    edits: [{ file: DECIDE, find: "if (sum !== total_cents) {", replace: "if (sum > total_cents) {" }],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "a total that is not the sum of its items is refused, without an order",
    },
  },
  {
    id: "mail-per-message",
    title: "A mail that is requested twice is sent twice.",
    edits: [
      {
        file: "internal/services/notification/notifier.ts",
        find: "deliveries.map((delivery) => [mailKey(delivery.message), delivery])",
        replace: "deliveries.map((delivery) => [delivery.message.message_id, delivery])",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/notification/notifier.int.test.ts",
      test: "each saga's mail is sent once, however often it is requested",
    },
  },
];
