// Inventory's decisions: reserve all or nothing, extend, confirm, release, expire. Pure. Called by handler.ts for commands, by sweeper.ts for
// expiry, and by the model explorer for both.
//
// A repeated command has one effect per saga, because the reservation records what was done. A release settles the saga's reservation
// for good, even if it was never made (a tombstone), so a late or replayed reserve is refused.
import type { ExtendReservation, InventoryCommand, ReserveInventory } from "../../../schemas/commands.ts";
import { assertNever } from "../../kernel/errors.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Outgoing } from "../../messaging/handler.ts";

export type ReservationStatus = "HELD" | "CONFIRMED" | "RELEASED" | "EXPIRED";

/** One cart line with its price at the time of the reservation. The shopper pays this price. */
export interface ReservationLine {
  readonly sku_id: string;
  readonly quantity: number;
  readonly unit_price_cents: number;
}

/** A saga's reservation. HELD and CONFIRMED take stock off the shelf. A reservation without lines is a tombstone (RELEASED). */
export interface Reservation {
  readonly reservation_id: string;
  readonly saga_id: string;
  readonly status: ReservationStatus;
  readonly lines: readonly ReservationLine[];
  /** Epoch ms, as is `expires_at`. */
  readonly reserved_at: number;
  readonly expires_at: number;
}

/** What a decision must know about a SKU. */
export interface StockItem {
  readonly available_count: number;
  readonly unit_price_cents: number;
  readonly currency: string;
}
export type Stock = ReadonlyMap<string, StockItem>;

/** What to add to one SKU's `available_count`. A decision has at most one change per SKU. */
export interface StockChange {
  readonly sku_id: string;
  readonly delta: number;
}

export interface InventoryPolicy {
  /** Milliseconds until the sweeper may give a held reservation's stock back. */
  readonly holdMs: number;
}

export interface Decision {
  /** The saga's reservation after the decision; the same object if nothing changed. */
  readonly reservation: Reservation | null;
  readonly stockChanges: readonly StockChange[];
  readonly out: readonly Outgoing[];
}

/**
 * Decides one command. `reservation` is null if the saga has none. `stock` holds at least the existing SKUs of the command and of the
 * reservation. `now` in epoch ms.
 */
export function decide(
  reservation: Reservation | null,
  stock: Stock,
  command: InventoryCommand,
  now: number,
  policy: InventoryPolicy,
): Decision {
  switch (command.type) {
    case "ReserveInventory":
      return reservation === null ? reserve(stock, command, now, policy) : reserveAgain(reservation, command);
    case "ExtendReservation":
      return extend(reservation, command, now);
    case "ConfirmReservation":
      return confirm(reservation, stock, command);
    case "ReleaseInventory":
      return release(reservation, command, now);
    default:
      return assertNever(command);
  }
}

/**
 * Gives the stock of an expired hold back. Any other reservation stays unchanged, because a command may have confirmed or released it
 * a moment ago. `now` in epoch ms.
 */
export function expire(reservation: Reservation, now: number): Decision {
  if (reservation.status !== "HELD" || reservation.expires_at > now) return unchanged(reservation, []);
  return {
    reservation: { ...reservation, status: "EXPIRED" },
    stockChanges: changes(reservation.lines, 1),
    out: [expired(reservation)],
  };
}

/** All or nothing. Unknown SKUs and SKUs in another currency count as out of stock, and the event lists them separately. */
function reserve(stock: Stock, command: ReserveInventory, now: number, policy: InventoryPolicy): Decision {
  const priced = command.items.map((item) => ({
    sku_id: item.sku_id,
    quantity: item.quantity,
    unit_price_cents: stock.get(item.sku_id)?.unit_price_cents ?? 0,
  }));
  const sku_ids = shortOf(priced, stock, command.currency);
  if (sku_ids.length > 0) {
    return unchanged(null, [insufficient(command, sku_ids, stock)]);
  }
  const reservation: Reservation = {
    reservation_id: command.message_id,
    saga_id: command.saga_id,
    status: "HELD",
    lines: priced,
    reserved_at: now,
    expires_at: now + policy.holdMs,
  };
  return { reservation, stockChanges: changes(priced, -1), out: [reserved(reservation)] };
}

function reserveAgain(reservation: Reservation, command: ReserveInventory): Decision {
  switch (reservation.status) {
    case "HELD":
    case "CONFIRMED":
      return unchanged(reservation, [reserved(reservation)]);
    case "EXPIRED":
      return unchanged(reservation, [expired(reservation)]);
    case "RELEASED":
      return unchanged(reservation, [refused(command)]);
    default:
      return assertNever(reservation.status);
  }
}

/** The payment waits for the shopper. Stock that has gone back is not taken again: the saga decides, and the answer is the expiry. */
function extend(reservation: Reservation | null, command: ExtendReservation, now: number): Decision {
  const { saga_id, message_id } = command;
  // The saga extends only after InventoryReserved, so this database has lost the row. Nothing is held.
  if (reservation === null)
    return unchanged(null, [{ type: "ReservationExpired", saga_id, reservation_id: message_id }]);
  switch (reservation.status) {
    case "HELD": {
      // Also after it expires, as in `confirm`. Never shortens: the command may be late.
      const expires_at = Math.max(reservation.expires_at, now + command.hold_for_ms);
      const kept = expires_at === reservation.expires_at ? reservation : { ...reservation, expires_at };
      return { reservation: kept, stockChanges: [], out: [extended(kept)] };
    }
    case "CONFIRMED":
      return unchanged(reservation, [extended(reservation)]);
    case "EXPIRED":
      return unchanged(reservation, [expired(reservation)]);
    case "RELEASED":
      return unchanged(reservation, [refused(command)]);
    default:
      return assertNever(reservation.status);
  }
}

function confirm(reservation: Reservation | null, stock: Stock, command: InventoryCommand): Decision {
  const { saga_id } = command;
  if (reservation === null) {
    // The saga confirms only after InventoryReserved, so this database has lost the row, and may have lost with it that it confirmed: a
    // command whose offset was not committed comes again. ReservationLost would be a second outcome. The saga waits for its deadline.
    return unchanged(null, [refused(command)]);
  }
  switch (reservation.status) {
    case "HELD":
      // Also after it expires: until the sweeper takes it, the stock belongs to this saga.
      return confirmed(reservation, []);
    case "CONFIRMED":
      return unchanged(reservation, [confirmedEvent(reservation)]);
    case "EXPIRED": {
      const sku_ids = shortOf(reservation.lines, stock);
      if (sku_ids.length > 0) return unchanged(reservation, [{ type: "ReservationLost", saga_id, sku_ids }]);
      return confirmed(reservation, changes(reservation.lines, -1));
    }
    case "RELEASED":
      return unchanged(reservation, [refused(command)]);
    default:
      return assertNever(reservation.status);
  }
}

function release(reservation: Reservation | null, command: InventoryCommand, now: number): Decision {
  const { saga_id } = command;
  const out: Outgoing[] = [{ type: "InventoryReleased", saga_id }];
  if (reservation === null) {
    const tombstone: Reservation = {
      reservation_id: command.message_id,
      saga_id,
      status: "RELEASED",
      lines: [],
      reserved_at: now,
      expires_at: now,
    };
    return { reservation: tombstone, stockChanges: [], out };
  }
  switch (reservation.status) {
    case "HELD":
    case "CONFIRMED":
      return {
        reservation: { ...reservation, status: "RELEASED" },
        stockChanges: changes(reservation.lines, 1),
        out,
      };
    case "EXPIRED":
      // The sweeper has already given this stock back.
      return { reservation: { ...reservation, status: "RELEASED" }, stockChanges: [], out };
    case "RELEASED":
      return unchanged(reservation, out);
    default:
      return assertNever(reservation.status);
  }
}

/** SKUs with less available stock than the lines need together, in line order. */
function shortOf(lines: readonly ReservationLine[], stock: Stock, currency?: string): string[] {
  const short: string[] = [];
  for (const [sku_id, quantity] of quantityPerSku(lines)) {
    const item = stock.get(sku_id);
    const sold = item !== undefined && (currency === undefined || item.currency === currency);
    if (!sold || item.available_count < quantity) short.push(sku_id);
  }
  return short;
}

function changes(lines: readonly ReservationLine[], sign: 1 | -1): StockChange[] {
  return Array.from(quantityPerSku(lines), ([sku_id, quantity]) => ({ sku_id, delta: sign * quantity }));
}

/** A cart may name a SKU twice: its lines stay separate, the stock changes by their sum. */
function quantityPerSku(lines: readonly ReservationLine[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { sku_id, quantity } of lines) sums.set(sku_id, (sums.get(sku_id) ?? 0) + quantity);
  return sums;
}

function unchanged(reservation: Reservation | null, out: readonly Outgoing[]): Decision {
  return { reservation, stockChanges: [], out };
}

function confirmed(reservation: Reservation, stockChanges: readonly StockChange[]): Decision {
  return {
    reservation: { ...reservation, status: "CONFIRMED" },
    stockChanges,
    out: [confirmedEvent(reservation)],
  };
}

function insufficient({ saga_id, currency }: ReserveInventory, sku_ids: string[], stock: Stock): Outgoing {
  const unknown_sku_ids = sku_ids.filter((sku_id) => !stock.has(sku_id));
  const other_currency_sku_ids = sku_ids.filter(
    (sku_id) => stock.has(sku_id) && stock.get(sku_id)?.currency !== currency,
  );
  return {
    type: "InsufficientStock",
    saga_id,
    sku_ids,
    ...(unknown_sku_ids.length > 0 ? { unknown_sku_ids } : {}),
    ...(other_currency_sku_ids.length > 0 ? { other_currency_sku_ids } : {}),
  };
}

function reserved({ saga_id, reservation_id, lines, expires_at }: Reservation): Outgoing {
  const reserved_until = timestampOf(expires_at);
  const items = lines.map((line) => ({ ...line, reserved_until }));
  return { type: "InventoryReserved", saga_id, reservation_id, items };
}

function extended({ saga_id, reservation_id, expires_at }: Reservation): Outgoing {
  return { type: "ReservationExtended", saga_id, reservation_id, reserved_until: timestampOf(expires_at) };
}

function confirmedEvent({ saga_id, reservation_id }: Reservation): Outgoing {
  return { type: "ReservationConfirmed", saga_id, reservation_id };
}

function expired({ saga_id, reservation_id }: Reservation): Outgoing {
  return { type: "ReservationExpired", saga_id, reservation_id };
}

function refused({ saga_id, message_id, type }: InventoryCommand): Outgoing {
  return { type: "CommandRefused", saga_id, command_id: message_id, command_type: type };
}
