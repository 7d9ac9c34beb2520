// One effect per command, however often messages were delivered.
import type { SagaCase } from "../facts.ts";
import type { Invariant } from "../invariant.ts";

/** Pairs of replies to one command that exclude each other. */
const OPPOSITES = [
  ["InventoryReserved", "InsufficientStock"],
  ["PaymentSucceeded", "PaymentFailed"],
  ["ReservationConfirmed", "ReservationLost"],
  ["OrderCreated", "OrderFailed"],
] as const;

export const effects: readonly Invariant[] = [
  {
    name: "one-effect-per-command",
    sentence:
      "Each forward command is written once per saga and gets one outcome, every reply names the same reservation, charge or order, and no inbox has a message twice.",
    *check({ cases, messages }) {
      for (const one of cases.values()) {
        for (const detail of faults(one)) yield { saga_id: one.saga.saga_id, detail };
      }
      for (const { database, message_id } of messages.repeatedInbox) {
        yield { saga_id: null, detail: `message ${message_id} is in the ${database} inbox more than once` };
      }
    },
  },
  {
    name: "everything-has-a-saga",
    sentence: "Every order, reservation, payment, charge and message belongs to a saga that exists.",
    *check({ orphans }) {
      for (const { saga_id, what } of orphans) {
        yield {
          saga_id,
          detail: `${what} belongs to ${saga_id === null ? "no saga" : "a saga that does not exist"}`,
        };
      }
    },
  },
];

function* faults(one: SagaCase): Iterable<string> {
  const idsByType = Map.groupBy(one.effects, ({ type }) => type);
  for (const [type, sent] of idsByType) {
    if (sent.length > 1)
      yield `it has ${sent.length} different ${type} messages: ${sent.map(({ id }) => id).join(" and ")}`;
  }
  for (const [yes, no] of OPPOSITES) {
    if (idsByType.has(yes) && idsByType.has(no)) yield `it has both ${yes} and ${no}`;
  }
  const known = {
    InventoryReserved: one.reservations.map(({ reservation_id }) => reservation_id),
    PaymentSucceeded: one.payments.map(({ provider_txn_id }) => provider_txn_id),
    OrderCreated: one.orders.map(({ order_id }) => order_id),
  };
  // Only finished sagas: an event may be newer than the rows that were read from its table.
  if (!one.isJudged) return;
  for (const [type, ids] of Object.entries(known)) {
    for (const { id } of idsByType.get(type) ?? []) {
      if (!ids.includes(id)) yield `${type} names ${id}, which is not in its table`;
    }
  }
}
