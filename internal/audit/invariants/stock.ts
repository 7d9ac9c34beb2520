// Stock and reservations against sagas, and against each other.
import { type Invariant, ofFinishedSagas } from "../invariant.ts";

export const stock: readonly Invariant[] = [
  ofFinishedSagas(
    "completed-has-its-stock",
    "A completed saga has one confirmed reservation of exactly what the shopper asked for, at the saga's prices.",
    "completed",
    function* ({ saga, reservations }) {
      const confirmed = reservations.filter(({ status }) => status === "CONFIRMED");
      const [reservation] = confirmed;
      if (reservation === undefined || confirmed.length > 1 || reservations.length > 1) {
        yield `its reservations are ${reservations.map(({ status }) => status).join(" and ") || "none"} instead of one CONFIRMED`;
        return;
      }
      if (reservation.items !== saga.priced_cart) {
        yield `reservation ${reservation.reservation_id} has ${reservation.items}, the saga has ${saga.priced_cart}`;
      }
      if (saga.priced_quantities !== saga.cart) {
        yield `the shopper asked for ${saga.cart}, the saga priced ${saga.priced_quantities}`;
      }
    },
  ),
  ofFinishedSagas(
    "undone-holds-no-stock",
    "A saga that finished without completing has no held and no confirmed reservation.",
    "undone",
    function* ({ saga, reservations }) {
      for (const { reservation_id, status, items } of reservations) {
        if (status === "HELD" || status === "CONFIRMED") {
          yield `reservation ${reservation_id} of ${items} is ${status}, the saga ${saga.status}`;
        }
      }
    },
  ),
  {
    name: "stock-adds-up",
    sentence: "For each product, stocked = available + held + confirmed, and available is not negative.",
    *check({ stock: products }) {
      for (const { sku_id, stocked, available, held, confirmed } of products) {
        const balance = `${sku_id}: stocked ${stocked}, available ${available}, held ${held}, confirmed ${confirmed}`;
        if (stocked !== available + held + confirmed) {
          yield { saga_id: null, detail: `${balance}; off by ${stocked - available - held - confirmed}` };
        } else if (available < 0) {
          yield { saga_id: null, detail: `${balance}; oversold` };
        }
      }
    },
  },
];
