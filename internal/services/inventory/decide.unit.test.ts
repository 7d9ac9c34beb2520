// Inventory's decisions as given / when / then, the saga laws of its step, and the conservation of stock under any history.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { InventoryCommand } from "../../../schemas/commands.ts";
import { validatorOf } from "../../../schemas/registry.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import {
  type Cart,
  confirmReservation,
  extendReservation,
  releaseInventory,
  reserveInventory,
} from "../../testkit/commands.ts";
import { decide, expire, type Reservation, type ReservationStatus, type StockItem } from "./decide.ts";

const policy = { holdMs: 300_000 };
const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const PAST_HOLD = T0 + policy.holdMs;

/** An id that ends in `n`, so that failures are easy to read. */
const id = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const SAGA = id(1);

/** Stock and reservations, changed by decisions as the service changes its tables. */
class Shelf {
  readonly stock = new Map<string, StockItem>();
  readonly reservations = new Map<string, Reservation>();

  constructor(available: Readonly<Record<string, number>> = { apple: 10, pear: 5 }) {
    for (const [sku_id, available_count] of Object.entries(available))
      this.stock.set(sku_id, { available_count, unit_price_cents: 250, currency: "EUR" });
  }

  when(command: InventoryCommand, now = T0): readonly Outgoing[] {
    const before = this.reservations.get(command.saga_id) ?? null;
    return this.#apply(command.saga_id, decide(before, this.stock, command, now, policy));
  }

  sweep(saga_id = SAGA, now = PAST_HOLD): readonly Outgoing[] {
    const before = this.reservations.get(saga_id);
    return before === undefined ? [] : this.#apply(saga_id, expire(before, now));
  }

  reserve = (cart: Cart = [["apple", 2]], saga_id = SAGA) => reserveInventory(saga_id, cart);
  confirm = (saga_id = SAGA) => confirmReservation(saga_id);
  extend = (hold_for_ms: number, saga_id = SAGA) => extendReservation(saga_id, hold_for_ms);
  release = (saga_id = SAGA) => releaseInventory(saga_id);

  available = (sku_id = "apple") => this.stock.get(sku_id)?.available_count;
  status = (saga_id = SAGA): ReservationStatus | undefined => this.reservations.get(saga_id)?.status;

  /** Held and confirmed units of a SKU. */
  taken(sku_id: string): number {
    return [...this.reservations.values()]
      .filter(({ status }) => status === "HELD" || status === "CONFIRMED")
      .flatMap(({ lines }) => lines)
      .filter((line) => line.sku_id === sku_id)
      .reduce((sum, { quantity }) => sum + quantity, 0);
  }

  #apply(saga_id: string, decision: ReturnType<typeof decide>): readonly Outgoing[] {
    if (decision.reservation !== null) this.reservations.set(saga_id, decision.reservation);
    for (const { sku_id, delta } of decision.stockChanges) {
      const item = this.stock.get(sku_id);
      if (item === undefined) throw new Error(`the decision changes ${sku_id}, which does not exist`);
      this.stock.set(sku_id, { ...item, available_count: item.available_count + delta });
    }
    return decision.out;
  }
}

const types = (out: readonly Outgoing[]) => out.map(({ type }) => type);

/** A shelf whose saga is in `status`, reached by commands and the sweeper only. */
function given(status: ReservationStatus | "NONE" | "TOMBSTONE"): Shelf {
  const shelf = new Shelf();
  if (status === "NONE") return shelf;
  if (status !== "TOMBSTONE") shelf.when(shelf.reserve());
  if (status === "CONFIRMED") shelf.when(shelf.confirm());
  if (status === "EXPIRED") shelf.sweep();
  if (status === "RELEASED" || status === "TOMBSTONE") shelf.when(shelf.release());
  return shelf;
}

describe("ReserveInventory", () => {
  test("given enough stock, every line is held at the current price", () => {
    const shelf = new Shelf();
    const command = shelf.reserve([
      ["apple", 2],
      ["pear", 5],
    ]);
    const reserved_until = timestampOf(T0 + policy.holdMs);
    expect(shelf.when(command)).toEqual([
      {
        type: "InventoryReserved",
        saga_id: SAGA,
        reservation_id: command.message_id,
        items: [
          { sku_id: "apple", quantity: 2, unit_price_cents: 250, reserved_until },
          { sku_id: "pear", quantity: 5, unit_price_cents: 250, reserved_until },
        ],
      },
    ]);
    expect([shelf.available("apple"), shelf.available("pear"), shelf.status()]).toEqual([8, 0, "HELD"]);
  });

  test.each([
    ["short", [["pear", 6]], "EUR", { sku_ids: ["pear"] }],
    ["unknown", [["ghost", 1]], "EUR", { sku_ids: ["ghost"], unknown_sku_ids: ["ghost"] }],
    [
      "sold in another currency",
      [["pear", 1]],
      "USD",
      { sku_ids: ["pear"], other_currency_sku_ids: ["pear"] },
    ],
  ] as const)("given one SKU that is %s, nothing is held", (_, others, currency, told) => {
    const shelf = new Shelf();
    shelf.stock.set("apple", { available_count: 10, unit_price_cents: 250, currency });
    const out = shelf.when(reserveInventory(SAGA, [["apple", 1], ...others], currency));
    expect(out).toEqual([expect.objectContaining({ type: "InsufficientStock", saga_id: SAGA, ...told })]);
    expect(Object.keys(out[0] ?? {}).length).toBe(2 + Object.keys(told).length);
    expect([shelf.available("apple"), shelf.available("pear"), shelf.status()]).toEqual([10, 5, undefined]);
  });

  test("a SKU that the cart names twice needs the sum of its lines", () => {
    const shelf = new Shelf();
    const twice = (quantity: number) =>
      shelf.reserve([
        ["pear", quantity],
        ["pear", 3],
      ]);
    expect(types(shelf.when(twice(3)))).toEqual(["InsufficientStock"]);
    expect(types(shelf.when(twice(2)))).toEqual(["InventoryReserved"]);
    expect(shelf.available("pear")).toBe(0);
  });

  test("a later price or a second command does not change the reservation", () => {
    const shelf = new Shelf();
    const first = shelf.when(shelf.reserve());
    shelf.stock.set("apple", { available_count: 8, unit_price_cents: 999, currency: "EUR" });
    expect(shelf.when(shelf.reserve(), T0 + 1_000)).toEqual(first);
    expect(shelf.available()).toBe(8);
  });
});

describe("ConfirmReservation", () => {
  test("given an expired hold that no sweeper has taken, it is confirmed", () => {
    const shelf = given("HELD");
    expect(types(shelf.when(shelf.confirm(), PAST_HOLD + 1))).toEqual(["ReservationConfirmed"]);
    expect(shelf.sweep()).toEqual([]);
    expect([shelf.available(), shelf.status()]).toEqual([8, "CONFIRMED"]);
  });

  test("given an expired reservation with available stock, the stock is taken again", () => {
    const shelf = given("EXPIRED");
    expect(types(shelf.when(shelf.confirm()))).toEqual(["ReservationConfirmed"]);
    expect([shelf.available(), shelf.status()]).toEqual([8, "CONFIRMED"]);
  });

  test("given an expired reservation whose stock is gone, the event names the lost SKUs", () => {
    const shelf = given("EXPIRED");
    shelf.when(shelf.reserve([["apple", 9]], id(2)));
    expect(shelf.when(shelf.confirm())).toEqual([
      { type: "ReservationLost", saga_id: SAGA, sku_ids: ["apple"] },
    ]);
    expect([shelf.available(), shelf.status()]).toEqual([1, "EXPIRED"]);
  });

  test("given a reservation that the database has lost, it is refused: it may have been confirmed before", () => {
    const shelf = given("NONE");
    expect(types(shelf.when(shelf.confirm()))).toEqual(["CommandRefused"]);
    expect(shelf.status()).toBeUndefined();
  });
});

describe("expiry", () => {
  test("given an expired hold, its stock goes back and the saga is told", () => {
    const shelf = given("HELD");
    expect(shelf.sweep(SAGA, PAST_HOLD - 1)).toEqual([]);
    expect(types(shelf.sweep(SAGA, PAST_HOLD))).toEqual(["ReservationExpired"]);
    expect([shelf.available(), shelf.status()]).toEqual([10, "EXPIRED"]);
  });

  test.each(["CONFIRMED", "RELEASED", "EXPIRED", "TOMBSTONE"] as const)(
    "given a reservation that is %s, nothing expires",
    (status) => {
      const shelf = given(status);
      const before = shelf.available();
      expect(shelf.sweep(SAGA, PAST_HOLD * 2)).toEqual([]);
      expect(shelf.available()).toBe(before);
    },
  );

  test("sweeper and release never both give the stock back", () => {
    const sweptFirst = given("EXPIRED");
    sweptFirst.when(sweptFirst.release());
    const releasedFirst = given("RELEASED");
    releasedFirst.sweep();
    expect([sweptFirst.available(), releasedFirst.available()]).toEqual([10, 10]);
  });
});

/** Each command in each state: the reply, the new status, and how many of ten apples are left. */
describe("every (state, command) pair", () => {
  test.each([
    ["NONE", "reserve", "InventoryReserved", "HELD", 8],
    ["NONE", "confirm", "CommandRefused", undefined, 10],
    ["NONE", "release", "InventoryReleased", "RELEASED", 10],
    ["HELD", "reserve", "InventoryReserved", "HELD", 8],
    ["HELD", "confirm", "ReservationConfirmed", "CONFIRMED", 8],
    ["HELD", "release", "InventoryReleased", "RELEASED", 10],
    ["CONFIRMED", "reserve", "InventoryReserved", "CONFIRMED", 8],
    ["CONFIRMED", "confirm", "ReservationConfirmed", "CONFIRMED", 8],
    ["CONFIRMED", "release", "InventoryReleased", "RELEASED", 10],
    ["EXPIRED", "reserve", "ReservationExpired", "EXPIRED", 10],
    ["EXPIRED", "confirm", "ReservationConfirmed", "CONFIRMED", 8],
    ["EXPIRED", "release", "InventoryReleased", "RELEASED", 10],
    ["RELEASED", "reserve", "CommandRefused", "RELEASED", 10],
    ["RELEASED", "confirm", "CommandRefused", "RELEASED", 10],
    ["RELEASED", "release", "InventoryReleased", "RELEASED", 10],
    ["TOMBSTONE", "reserve", "CommandRefused", "RELEASED", 10],
    ["TOMBSTONE", "confirm", "CommandRefused", "RELEASED", 10],
    ["TOMBSTONE", "release", "InventoryReleased", "RELEASED", 10],
  ] as const)("%s, %s -> %s", (status, verb, answer, after, available) => {
    const shelf = given(status);
    const command = shelf[verb]();
    expect(types(shelf.when(command))).toEqual([answer]);
    expect([shelf.status(), shelf.available()]).toEqual([after, available]);
  });
});

describe("the saga laws", () => {
  test("succeed twice: one effect, the same reply", () => {
    for (const verb of ["reserve", "confirm"] as const) {
      const shelf = given("HELD");
      const first = shelf.when(shelf[verb]());
      expect(shelf.when(shelf[verb]())).toEqual(first);
      expect(shelf.available()).toBe(8);
    }
  });

  test("undo twice: the stock goes back once, the same reply", () => {
    const shelf = given("CONFIRMED");
    const first = shelf.when(shelf.release());
    expect(shelf.when(shelf.release())).toEqual(first);
    expect(shelf.available()).toBe(10);
  });

  test("undo before do, and do after undo: refused, naming the command", () => {
    for (const shelf of [given("TOMBSTONE"), given("RELEASED")]) {
      const late = shelf.reserve();
      expect(shelf.when(late)).toEqual([
        {
          type: "CommandRefused",
          saga_id: SAGA,
          command_id: late.message_id,
          command_type: "ReserveInventory",
        },
      ]);
      expect(shelf.available()).toBe(10);
    }
  });
});

describe("any history", () => {
  const sagas = [id(1), id(2), id(3)];
  const quantities = fc.array(
    fc.tuple(fc.constantFrom("apple", "pear", "ghost"), fc.integer({ min: 1, max: 4 })),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  const step = fc.record({
    verb: fc.constantFrom("reserve", "confirm", "release", "sweep"),
    saga: fc.constantFrom(...sagas),
    cart: quantities,
    waitMs: fc.constantFrom(0, policy.holdMs / 2, policy.holdMs),
  });

  test("stock = available + held + confirmed, never negative; every reply is a valid message", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const shelf = new Shelf({ apple: 6, pear: 3 });
        let now = T0;
        for (const { verb, saga, cart, waitMs } of steps) {
          now += waitMs;
          const out =
            verb === "sweep"
              ? shelf.sweep(saga, now)
              : shelf.when(verb === "reserve" ? shelf.reserve(cart, saga) : shelf[verb](saga), now);
          for (const message of out) {
            const envelope = { message_id: id(9), schema_version: 1, occurred_at: timestampOf(now) };
            expect([...(validatorOf(message.type)?.Errors({ ...envelope, ...message }) ?? [])]).toEqual([]);
          }
          for (const [sku_id, stocked] of [
            ["apple", 6],
            ["pear", 3],
          ] as const) {
            const available = shelf.available(sku_id) ?? 0;
            expect(available).toBeGreaterThanOrEqual(0);
            expect(available + shelf.taken(sku_id)).toBe(stocked);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("after a release a saga never holds stock again", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.array(step, { maxLength: 8 }), (before, after) => {
        const shelf = new Shelf();
        const run = ({ verb, cart, waitMs }: (typeof before)[number]) =>
          verb === "sweep"
            ? shelf.sweep(SAGA, PAST_HOLD + waitMs)
            : shelf.when(verb === "reserve" ? shelf.reserve(cart) : shelf[verb](), T0 + waitMs);
        before.forEach(run);
        shelf.when(shelf.release());
        after.forEach(run);
        expect([shelf.status(), shelf.available("apple"), shelf.available("pear")]).toEqual([
          "RELEASED",
          10,
          5,
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a hold whose payment waits for the shopper", () => {
  const MINUTE_MS = 60_000;

  test("lasts longer, counted from the command, and never shorter", () => {
    const shelf = new Shelf();
    shelf.when(shelf.reserve());
    const until = T0 + MINUTE_MS + 10 * MINUTE_MS;
    const [reply] = shelf.when(shelf.extend(10 * MINUTE_MS), T0 + MINUTE_MS);
    expect(reply).toMatchObject({ type: "ReservationExtended", reserved_until: timestampOf(until) });
    expect(shelf.sweep(SAGA, PAST_HOLD)).toEqual([]);
    const [again] = shelf.when(shelf.extend(MINUTE_MS), T0 + MINUTE_MS);
    expect(again).toMatchObject({ type: "ReservationExtended", reserved_until: timestampOf(until) });
    expect(shelf.sweep(SAGA, until)).toMatchObject([{ type: "ReservationExpired" }]);
  });

  test("is refused as expired when the stock went back, and takes none again", () => {
    const shelf = new Shelf();
    shelf.when(shelf.reserve());
    shelf.sweep();
    expect(shelf.when(shelf.extend(MINUTE_MS))).toMatchObject([{ type: "ReservationExpired" }]);
    expect([shelf.status(), shelf.available()]).toEqual(["EXPIRED", 10]);
  });

  test("is not made again by a late command: confirmed stays confirmed, released is refused, lost counts as expired", () => {
    const shelf = new Shelf();
    expect(shelf.when(shelf.extend(MINUTE_MS))).toMatchObject([{ type: "ReservationExpired" }]);
    expect(shelf.status()).toBeUndefined();
    shelf.when(shelf.reserve());
    shelf.when(shelf.confirm());
    expect(shelf.when(shelf.extend(MINUTE_MS))).toMatchObject([{ type: "ReservationExtended" }]);
    expect(shelf.status()).toBe("CONFIRMED");
    shelf.when(shelf.release());
    expect(shelf.when(shelf.extend(MINUTE_MS))).toMatchObject([{ type: "CommandRefused" }]);
    expect([shelf.status(), shelf.available()]).toEqual(["RELEASED", 10]);
  });
});
