// Mutants of stock: the decision about a reservation, and its storage.
import type { Mutant } from "../mutant.ts";

const DECIDE = "internal/services/inventory/decide.ts";
const DECIDE_TEST = "internal/services/inventory/decide.unit.test.ts";
const STORE = "internal/services/inventory/store.ts";
const HANDLER_TEST = "internal/services/inventory/handler.int.test.ts";

export const INVENTORY_MUTANTS: readonly Mutant[] = [
  {
    id: "stock-unchecked",
    title: "A reservation does not check the available stock.",
    edits: [{ file: DECIDE, find: "if (!sold || item.available_count < quantity)", replace: "if (!sold)" }],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "stock = available + held + confirmed, never negative",
    },
  },
  {
    id: "update-of-no-row",
    title: "A stock update that matches no row is not noticed, and the reservation is still written.",
    edits: [
      {
        file: STORE,
        find: "select require_rows('stock', (select count(*) from changed), ${changes.length}::bigint)",
        replace: "select count(*) from changed",
      },
    ],
    caughtBy: {
      layer: "int",
      file: HANDLER_TEST,
      test: "an update of stock that is gone ends the transaction",
    },
  },
  {
    id: "partial-reservation",
    title: "A cart is reserved if at least one of its products is available.",
    edits: [
      {
        file: DECIDE,
        find: "  if (sku_ids.length > 0) {\n    return unchanged(null",
        replace: "  if (sku_ids.length === priced.length) {\n    return unchanged(null",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "never negative" },
  },
  {
    id: "lines-counted-apart",
    title: "Two lines of one product are each checked against the whole stock.",
    edits: [
      {
        file: DECIDE,
        find: "for (const [sku_id, quantity] of quantityPerSku(lines)) {\n    const item",
        replace:
          "for (const [sku_id, quantity] of lines.map((line) => [line.sku_id, line.quantity] as const)) {\n    const item",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "a SKU that the cart names twice needs the sum of its lines",
    },
  },
  {
    id: "expired-hold-confirmed",
    title: "A hold that expired during the charge is confirmed without reserving the stock again.",
    edits: [
      {
        file: DECIDE,
        find: "      return confirmed(reservation, changes(reservation.lines, -1));",
        replace: "      return confirmed(reservation, []);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "given an expired reservation with available stock, the stock is taken again",
    },
  },
  {
    id: "sweeper-ignores-status",
    title: "The sweeper returns the stock of every reservation past its expiry, even of sold goods.",
    edits: [
      {
        file: DECIDE,
        find: 'if (reservation.status !== "HELD" || reservation.expires_at > now)',
        replace: "if (reservation.expires_at > now)",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "expiry" },
  },
  {
    id: "expired-stock-released-again",
    title: "A release returns stock that the sweeper has already returned.",
    edits: [
      {
        file: DECIDE,
        find: 'return { reservation: { ...reservation, status: "RELEASED" }, stockChanges: [], out };',
        replace:
          'return { reservation: { ...reservation, status: "RELEASED" }, stockChanges: changes(reservation.lines, 1), out };',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: DECIDE_TEST,
      test: "sweeper and release never both give the stock back",
    },
  },
  {
    id: "release-not-idempotent",
    title: "A release that comes twice returns the stock twice.",
    edits: [
      {
        file: DECIDE,
        find: '    case "RELEASED":\n      return unchanged(reservation, out);',
        replace:
          '    case "RELEASED":\n      return { reservation, stockChanges: changes(reservation.lines, 1), out };',
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "undo twice: the stock goes back once" },
  },
  {
    id: "early-release-forgotten",
    title:
      "A release that finds no reservation leaves no tombstone, so the late reserve holds stock forever.",
    edits: [
      {
        file: DECIDE,
        find: "return { reservation: tombstone, stockChanges: [], out };",
        replace:
          "return { reservation: tombstone.lines.length > 0 ? tombstone : null, stockChanges: [], out };",
      },
    ],
    caughtBy: { layer: "unit", file: DECIDE_TEST, test: "undo before do, and do after undo: refused" },
  },
  {
    id: "locks-in-cart-order",
    title: "Products are locked in cart order, so two carts deadlock.",
    edits: [
      {
        file: STORE,
        find: "     order by sku_id\n       for no key update`",
        replace: "     order by array_position(${[...skus]}::text[], sku_id)\n       for no key update`",
      },
    ],
    caughtBy: {
      layer: "int",
      file: HANDLER_TEST,
      test: "racing replicas never oversell and never deadlock",
    },
  },
  {
    id: "sweeper-does-not-claim",
    title: "The sweeper takes reservations that a command is processing.",
    edits: [
      {
        file: STORE,
        find: "       limit ${limit}\n         for no key update skip locked)",
        replace: "       limit ${limit})",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/inventory/sweeper.int.test.ts",
      test: "a reservation that another transaction has locked is skipped",
    },
  },
];
