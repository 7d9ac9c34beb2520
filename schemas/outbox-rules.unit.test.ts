// The rules against the registry and against what the services really write.
import { describe, expect, test } from "bun:test";
import { DATABASES } from "./migrations.ts";
import { isStray, outboxRule, OUTBOX_TOPICS, typesOn } from "./outbox-rules.ts";
import { MESSAGES } from "./registry.ts";
import { TOPICS } from "./topics.ts";

const ALL_TYPES = [...Object.keys(MESSAGES), "DeadLetter"];

/** Each database with every topic and type that it may send, as `topic type`. */
function sentBy(database: (typeof DATABASES)[number]): string[] {
  const { maySend } = outboxRule(database);
  return Object.values(TOPICS)
    .flatMap((topic) => ALL_TYPES.filter((type) => maySend(topic, type)).map((type) => `${topic} ${type}`))
    .toSorted();
}

describe("an outbox", () => {
  test("of inventory sends its own events and dead letters, and nothing else", () => {
    expect(sentBy("inventory")).toEqual([
      "checkout-dlq DeadLetter",
      "inventory-events CommandDeadLettered",
      "inventory-events CommandRefused",
      "inventory-events InsufficientStock",
      "inventory-events InventoryReleased",
      "inventory-events InventoryReserved",
      "inventory-events ReservationConfirmed",
      "inventory-events ReservationExpired",
      "inventory-events ReservationExtended",
      "inventory-events ReservationLost",
    ]);
  });

  test("of the saga sends commands and mails, and no event", () => {
    const types = sentBy("saga").map((line) => line.split(" ")[1] ?? "");
    expect(types).toContain("ChargePayment");
    expect(types).toContain("SendNotification");
    expect(types.filter((type) => /ed$|InsufficientStock|ReservationLost/.test(type))).toEqual([]);
  });

  test("refuses what is in no table", () => {
    for (const database of DATABASES) {
      const { maySend } = outboxRule(database);
      expect(maySend("another-topic", "OrderCreated")).toBe(false);
      expect(maySend(TOPICS.orderEvents, "")).toBe(false);
      expect(maySend(TOPICS.orderEvents, "Teapot")).toBe(false);
      expect(maySend(TOPICS.deadLetters, "OrderCreated")).toBe(false);
      expect(maySend("", "")).toBe(false);
    }
  });
});

test("the pairs of a rule are what it allows", () => {
  for (const database of DATABASES) {
    const { pairs } = outboxRule(database);
    expect(pairs.map((pair) => pair.join(" ")).toSorted()).toEqual(sentBy(database));
  }
});

test("every topic and every message has a database that sends it, and only dead letters have several", () => {
  for (const topic of Object.values(TOPICS)) {
    const senders = DATABASES.filter((database) => OUTBOX_TOPICS[database].includes(topic));
    expect(senders.length).toBe(topic === TOPICS.deadLetters ? DATABASES.length : 1);
    expect(typesOn(topic).size).toBeGreaterThan(0);
  }
  const sendable = new Set(DATABASES.flatMap(sentBy).map((line) => line.split(" ")[1]));
  expect(ALL_TYPES.filter((type) => !sendable.has(type))).toEqual([]);
});

test("a message is a stray on a topic of ours that has other types", () => {
  expect(isStray("PaymentSucceeded", TOPICS.inventoryEvents)).toBe(true);
  expect(isStray("PaymentSucceeded", TOPICS.commands)).toBe(true);
  expect(isStray("PaymentSucceeded", TOPICS.paymentEvents)).toBe(false);
  expect(isStray("CommandRefused", TOPICS.orderEvents)).toBe(false);
  expect(isStray("CommandRefused", TOPICS.commands)).toBe(true);
  expect(isStray("CommandRefused", TOPICS.deadLetters)).toBe(true);
  // Topics of tests.
  expect(isStray("PaymentSucceeded", "test-1")).toBe(false);
});
