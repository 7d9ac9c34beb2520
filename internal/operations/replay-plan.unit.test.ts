// The replay decision for one dead letter.
import { describe, expect, test } from "bun:test";
import { TOPICS } from "../../schemas/topics.ts";
import { chargePayment } from "../testkit/commands.ts";
import { deadBytes, deadLetterOf } from "../testkit/dead-letters.ts";
import { eventOf } from "../testkit/events.ts";
import {
  consumerOf,
  describeReplay,
  type Facts,
  producerOf,
  readOriginal,
  decideReplay,
} from "./replay-plan.ts";
import type { SagaSummary } from "./saga-store.ts";

const DAY = 86_400_000;
const now = Date.now();
const command = chargePayment(Bun.randomUUIDv7());
const original = readOriginal(deadLetterOf(command, { service: "payment" }));
const kept = { message_id: command.message_id, type: command.type, saga_id: command.saga_id };
const saga: SagaSummary = {
  saga_id: command.saga_id,
  table_version: 1,
  user_id: "",
  status: "INVENTORY_RESERVED",
  current_step: "charge",
  compensation_step: null,
  failure_code: null,
  failure_message: null,
  needs_operator: true,
  total_cents: 600,
  currency: "EUR",
  order_id: null,
  deadline_at: null,
  created_at: now,
  completed_at: null,
};
const facts: Facts = { handling: undefined, kept, sign: undefined, saga, outboxSince: now - DAY };
const welcome = () => null;

const decision = (changes: Partial<Facts>, objection: () => string | null = welcome, of = original) =>
  decideReplay(of, { ...facts, ...changes }, objection);

test("a message that is still in its outbox is sent from there", () => {
  expect(decision({})).toEqual({ kind: "send", sent: kept, lost: null });
});

test("a message deleted by retention is sent from the dead letter; one that was never in an outbox is refused", () => {
  const lost = decision({ kept: undefined, outboxSince: Date.now() + DAY });
  expect(lost).toMatchObject({ kind: "send", lost: command });
  expect(decision({ kept: undefined })).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("no outbox ever published it"),
  });
});

test("a message that is handled or will be retried is not sent", () => {
  expect(decision({ sign: "handled" }).kind).toBe("handled");
  expect(decision({ sign: "refused" }).kind).toBe("handled");
  expect(decision({ sign: "retry pending" }).kind).toBe("left");
});

test("the transition table can refuse commands but not events", () => {
  const objection = () => "too late";
  expect(decision({}, objection)).toEqual({ kind: "refused", why: "too late" });
  expect(decision({ saga: undefined })).toEqual({ kind: "refused", why: "its saga does not exist" });
  const event = eventOf("PaymentSucceeded", command.saga_id);
  const sent = { message_id: event.message_id, type: event.type, saga_id: event.saga_id };
  const read = readOriginal(deadLetterOf(event, { service: "orchestrator" }));
  expect(decision({ kept: sent, saga: undefined }, objection, read).kind).toBe("send");
});

describe("unreadable bytes", () => {
  test("are refused if they are in no outbox", () => {
    const garbage = readOriginal(deadBytes(Buffer.from([0xff]), { service: "payment" }));
    expect(decision({ kept: undefined }, welcome, garbage)).toMatchObject({
      kind: "refused",
      why: expect.stringContaining("its bytes are not JSON"),
    });
  });

  test("are sent as the producer wrote them if its outbox still has them", () => {
    const broken = Buffer.from(JSON.stringify({ ...command, amount_cents: "600" }));
    const read = readOriginal(deadBytes(broken, { service: "payment" }));
    expect(read.message).toBeUndefined();
    expect(read.fault).toContain("amount_cents");
    expect(decision({}, welcome, read)).toEqual({ kind: "send", sent: kept, lost: null });
    expect(decision({ kept: undefined, outboxSince: Date.now() + DAY }, welcome, read).kind).toBe("refused");
  });
});

test("every topic except the dead-letter topic has a producer, and every service with an inbox has a database", () => {
  expect(Object.values(TOPICS).map(producerOf)).toEqual([
    "saga",
    "inventory",
    "payment",
    "order",
    "saga",
    undefined,
  ]);
  expect(["orchestrator", "inventory", "payment", "order", "notification"].map(consumerOf)).toEqual([
    "saga",
    "inventory",
    "payment",
    "order",
    undefined,
  ]);
});

test("in words: it may be sent again, unless it was in vain three times, or the decision is another one", () => {
  expect(describeReplay(decision({}), 2)).toEqual({ isGood: true, text: "may be sent again" });
  expect(describeReplay(decision({}), 3)).toEqual({
    isGood: false,
    text: expect.stringContaining("quarantined: it was replayed 3 times"),
  });
  const refused = decision({}, () => "it has moved on");
  expect(describeReplay(refused, 3)).toEqual({ isGood: false, text: expect.stringMatching(/^refused: /) });
});
