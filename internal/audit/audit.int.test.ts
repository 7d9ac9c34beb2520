// Breaks each invariant on purpose in a system where everything else agrees, on real databases. The audit must name it with the saga's
// id, and must not name work in progress or anything too old to be known.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Topic, TOPICS } from "../../schemas/topics.ts";
import { bytesOf, refundOf } from "../testkit/audit-fixture.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { audit, type AuditReport, INVARIANTS } from "./audit.ts";
import type { CollectOptions } from "./collect.ts";
import type { AuditSources } from "./sources.ts";

let system: ConsistentFixture;
beforeAll(async () => {
  system = await ConsistentFixture.open();
});
beforeEach(() => system.reset());
afterAll(() => system[Symbol.asyncDispose]());

const WORKING: CollectOptions = { settleMs: 5_000, idleWithinMs: null };
const IDLE: CollectOptions = { settleMs: 5_000, idleWithinMs: 300 };

function run(options = WORKING, sources: Partial<AuditSources> = {}): Promise<AuditReport> {
  return audit({ ...system.sources(), ...sources }, options);
}

/** `invariant: saga: detail` of everything found. */
function findings(report: AuditReport): string[] {
  return report.invariants.flatMap(({ name, findings: found }) =>
    found.map(({ saga_id, detail }) => `${name}: ${saga_id}: ${detail}`),
  );
}

test("a consistent system with money that was held first has no findings", async () => {
  await system.holdFirst();
  const report = await run(IDLE);
  expect(findings(report)).toEqual([]);
  expect(report.sagas).toMatchObject({ total: 5, judged: 5 });
});

test("a hold that got another id when its money was taken, and was told again, is one effect", async () => {
  await system.holdFirst();
  const { saga_id, payment_id } = system.captured;
  // PayPal's hold has the id of its order, its money that of the capture.
  const told = { payment_id, transaction_id: "order:5O190127TN364715T" };
  await system.say("payment", TOPICS.paymentEvents, "PaymentAuthorized", saga_id, told);
  expect(findings(await run(IDLE))).toEqual([]);
});

test.each(["KWD", "JPY", "ISK"])("a consistent system that sells in %s has no findings", async (currency) => {
  await sellIn(currency);
  // The provider counts these in hundredths.
  if (currency === "ISK")
    system.ledger = system.ledger.map((entry) =>
      "amount_cents" in entry ? { ...entry, amount_cents: entry.amount_cents * 100 } : entry,
    );
  expect(findings(await run(IDLE))).toEqual([]);
});

test("a consistent system has no findings", async () => {
  const report = await run(IDLE);
  expect(findings(report)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.sagas).toMatchObject({ total: 3, judged: 3 });
  expect(report.messages).toEqual({ in_outboxes: 13, in_topics: 13 });
});

interface Break {
  readonly invariant: string;
  /** Breaks it and returns the saga that must be named; null if it belongs to no saga. */
  readonly doIt: () => Promise<string | null>;
  /** Part of the finding's detail. */
  readonly says: string;
  readonly options?: CollectOptions;
  /** Other invariants that this break must break as well. */
  readonly also?: readonly string[];
}

const breaks: Readonly<Record<string, Break>> = {
  // lost.int.test.ts has one for each database.
  "a service has forgotten a message that it took": {
    invariant: "nothing-is-passed-over",
    says: "is not in the payment inbox, later messages are",
    async doIt() {
      const message_id = await system.say("saga", TOPICS.commands, "CancelPayment", system.refunded.saga_id);
      await system.insert("payment", "inbox", { message_id });
      return system.completed.saga_id;
    },
  },
  "an order is missing": {
    invariant: "completed-has-its-order",
    says: "it has 0 live orders",
    also: ["one-effect-per-command"],
    async doIt() {
      await system.databases.order`delete from orders where saga_id = ${system.completed.saga_id}`;
      return system.completed.saga_id;
    },
  },
  "a saga has two orders": {
    invariant: "completed-has-its-order",
    says: "it has 2 live orders",
    async doIt() {
      await system.databases.order`alter table orders drop constraint if exists orders_saga_id_key`;
      await system.order(system.completed, "SHIPPED", { order_id: Bun.randomUUIDv7() });
      return system.completed.saga_id;
    },
  },
  "an order costs something else": {
    invariant: "completed-has-its-order",
    says: "costs 1 EUR, the saga 2500 EUR",
    async doIt() {
      await system.databases.order`update orders set total_cents = 1`;
      return system.completed.saga_id;
    },
  },
  "an order has other items": {
    invariant: "completed-has-its-order",
    says: "has 1 x lamp at 1, the saga has 2 x mug at 1250",
    async doIt() {
      const { order } = system.databases;
      const items = order.json([{ sku_id: "lamp", quantity: 1, unit_price_cents: 1 }]);
      await order`update orders set items = ${items}`;
      return system.completed.saga_id;
    },
  },
  "the saga names another order": {
    invariant: "completed-has-its-order",
    says: "the saga names",
    async doIt() {
      const { saga } = system.databases;
      await saga`update saga_state set order_id = ${Bun.randomUUIDv7()} where status = 'COMPLETED'`;
      return system.completed.saga_id;
    },
  },
  "an undone saga has an order": {
    invariant: "undone-has-no-order",
    says: "is CONFIRMED, the saga COMPENSATED",
    async doIt() {
      await system.order(system.refused, "CONFIRMED");
      return system.refused.saga_id;
    },
  },
  "a cancelled order may still be sent": {
    invariant: "undone-has-no-order",
    says: "is CONFIRMED, the saga COMPLETED",
    async doIt() {
      await cancelledOrder();
      await system.databases
        .order`update orders set status = 'CONFIRMED' where saga_id = ${system.completed.saga_id}`;
      return system.completed.saga_id;
    },
  },
  "the money of a cancelled order is kept": {
    invariant: "undone-costs-nothing",
    says: "the provider holds 25.00 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      await cancelledOrder();
      system.ledger = system.ledger.filter(
        (entry) => entry.kind !== "refund" || entry.refund !== refundOf(system.completed),
      );
      return system.completed.saga_id;
    },
  },
  "the stock of a cancelled order is kept": {
    invariant: "undone-holds-no-stock",
    says: "is CONFIRMED, the saga COMPLETED",
    async doIt() {
      await cancelledOrder();
      const { inventory } = system.databases;
      await inventory`update reservations set status = 'CONFIRMED' where saga_id = ${system.completed.saga_id}`;
      await inventory`update inventory set available_count = available_count - 2`;
      return system.completed.saga_id;
    },
  },
  "the stock of a completed saga was given back": {
    invariant: "completed-has-its-stock",
    says: "its reservations are RELEASED",
    async doIt() {
      const { inventory } = system.databases;
      await inventory`update reservations set status = 'RELEASED'`;
      await inventory`update inventory set available_count = stocked_count`;
      return system.completed.saga_id;
    },
  },
  "another quantity was reserved": {
    invariant: "completed-has-its-stock",
    says: "has 1 x mug at 1250, the saga has 2 x mug at 1250",
    async doIt() {
      const { inventory } = system.databases;
      await inventory`update reservations set quantity = 1 where status = 'CONFIRMED'`;
      await inventory`update inventory set available_count = available_count + 1`;
      return system.completed.saga_id;
    },
  },
  "the saga priced another cart than the shopper's": {
    invariant: "completed-has-its-stock",
    says: "the shopper asked for 9 x mug",
    async doIt() {
      const { saga } = system.databases;
      const cart = saga.json([{ sku_id: "mug", quantity: 9 }]);
      await saga`update saga_state set cart_items = ${cart} where status = 'COMPLETED'`;
      return system.completed.saga_id;
    },
  },
  "an undone saga still holds stock": {
    invariant: "undone-holds-no-stock",
    says: "is HELD, the saga COMPENSATED",
    async doIt() {
      await system.reservation(system.refused, "HELD");
      await system.databases.inventory`update inventory set available_count = available_count - 1`;
      return system.refused.saga_id;
    },
  },
  "stock leaks": {
    invariant: "stock-adds-up",
    says: "mug: stocked 100, available 97, held 0, confirmed 2; off by 1",
    async doIt() {
      await system.databases.inventory`update inventory set available_count = available_count - 1`;
      return null;
    },
  },
  "more is sold than there is": {
    invariant: "stock-adds-up",
    says: "oversold",
    async doIt() {
      const { inventory } = system.databases;
      await inventory`alter table inventory drop constraint if exists inventory_available_count_check`;
      await inventory`update inventory set stocked_count = 1, available_count = -1`;
      return null;
    },
  },
  "a saga is charged twice and refunded once": {
    invariant: "charged-at-most-once",
    says: "charged 2 times",
    also: ["payments-agree-with-provider"],
    async doIt() {
      system.moves("charge", { ...system.completed, transaction_id: "pi_second" });
      system.moves("refund", { ...system.completed, transaction_id: "pi_second" });
      return system.completed.saga_id;
    },
  },
  "a completed saga was not paid": {
    invariant: "completed-is-paid",
    says: "the provider holds 0.00 EUR, the saga's total is 25.00 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      system.ledger = system.ledger.filter((entry) => !isOf(entry, system.completed.saga_id));
      return system.completed.saga_id;
    },
  },
  "a saga with a total of zero was charged and refunded": {
    invariant: "completed-is-paid",
    says: "the provider was asked for money although the total is 0.00 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      const { saga, order } = system.databases;
      const { saga_id } = system.completed;
      await saga`update saga_state set total_cents = 0 where saga_id = ${saga_id}`;
      await order`update orders set total_cents = 0 where saga_id = ${saga_id}`;
      system.moves("refund", system.completed);
      return saga_id;
    },
  },
  "a completed saga was paid in another currency": {
    invariant: "completed-is-paid",
    says: "is in USD, the saga in EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      system.ledger = system.ledger.map((entry) => ({ ...entry, currency: "USD" }));
      return system.completed.saga_id;
    },
  },
  "a completed saga in KWD was charged as if KWD had two decimals": {
    invariant: "completed-is-paid",
    says: "the provider holds 0.250 KWD, the saga's total is 2.500 KWD",
    also: ["payments-agree-with-provider"],
    async doIt() {
      await sellIn("KWD");
      scaleCharge(system.completed.saga_id, 1 / 10);
      return system.completed.saga_id;
    },
  },
  "a completed saga in JPY was charged as if JPY had decimals": {
    invariant: "completed-is-paid",
    says: "the provider holds 250000 JPY, the saga's total is 2500 JPY",
    also: ["payments-agree-with-provider"],
    async doIt() {
      await sellIn("JPY");
      scaleCharge(system.completed.saga_id, 100);
      return system.completed.saga_id;
    },
  },
  "an undone saga was refunded in another currency": {
    invariant: "undone-costs-nothing",
    says: "the provider holds 37.50 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      system.ledger = system.ledger.map((entry) =>
        entry.kind === "refund" ? { ...entry, currency: "JPY" } : entry,
      );
      return system.refunded.saga_id;
    },
  },
  "a payment is in another currency than its charge": {
    invariant: "payments-agree-with-provider",
    says: "is 2500 JPY, the provider's charge is 25.00 EUR",
    async doIt() {
      await system.databases.payment`update payments set currency = 'JPY' where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "an undone saga was not refunded": {
    invariant: "undone-costs-nothing",
    says: "the provider holds 37.50 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      system.ledger = system.ledger.filter(({ kind }) => kind !== "refund");
      return system.refunded.saga_id;
    },
  },
  "a payment was never settled": {
    invariant: "payments-agree-with-provider",
    says: "is UNKNOWN although its saga is finished",
    async doIt() {
      await system.databases.payment`
        update payments set status = 'UNKNOWN', next_attempt_at = now() where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "a failed payment was charged by the provider": {
    invariant: "payments-agree-with-provider",
    says: "is FAILED, the provider charged 25.00 EUR",
    async doIt() {
      await system.databases.payment`
        update payments set status = 'FAILED', error_code = 'timeout' where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "a payment and its charge have different amounts": {
    invariant: "payments-agree-with-provider",
    says: "is 0.07 EUR, the provider's charge is 25.00 EUR",
    async doIt() {
      await system.databases.payment`update payments set amount_cents = 7 where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "a charge has no payment": {
    invariant: "payments-agree-with-provider",
    says: "the provider's charge pi_",
    also: ["one-effect-per-command"],
    async doIt() {
      await system.databases.payment`delete from payments where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "a payment names an unknown charge": {
    invariant: "payments-agree-with-provider",
    says: "with charge pi_x, which the provider does not know",
    also: ["one-effect-per-command"],
    async doIt() {
      await system.databases.payment`update payments set provider_txn_id = 'pi_x' where status = 'SUCCEEDED'`;
      return system.completed.saga_id;
    },
  },
  "a saga has two payments": {
    invariant: "payments-agree-with-provider",
    says: "it has 2 payments",
    async doIt() {
      const { payment } = system.databases;
      await payment`alter table payments drop constraint if exists payments_saga_id_key`;
      await payment`
        insert into payments (payment_id, saga_id, amount_cents, provider, idempotency_key, status, created_at, updated_at)
        values (${Bun.randomUUIDv7()}, ${system.completed.saga_id}, 0, 'stripe', 'second', 'CANCELLED', now(), now())`;
      return system.completed.saga_id;
    },
  },
  "money of a finished saga is still held": {
    invariant: "nothing-stays-held",
    says: "the provider still holds 62.50 EUR with pi_",
    async doIt() {
      await system.holdFirst();
      system.ledger = system.ledger.filter(({ kind }) => kind !== "cancel");
      return system.released.saga_id;
    },
  },
  "a payment of a finished saga still says that its money is held": {
    invariant: "payments-agree-with-provider",
    says: "is AUTHORIZED although its saga is finished",
    async doIt() {
      await system.holdFirst();
      await system.databases.payment`
        update payments set status = 'AUTHORIZED', provider_txn_id = 'pi_1' where saga_id = ${system.released.saga_id}`;
      return system.released.saga_id;
    },
  },
  "money was captured although its stock was never confirmed": {
    invariant: "captured-after-confirmed",
    says: "was captured, but the stock was never confirmed",
    async doIt() {
      await system.holdFirst();
      await system.databases.saga`
        update saga_history set message_type = 'Test'
         where saga_id = ${system.captured.saga_id} and message_type = 'ReservationConfirmed'`;
      return system.captured.saga_id;
    },
  },
  "money was captured before its stock was confirmed": {
    invariant: "captured-after-confirmed",
    says: "was captured before the stock was confirmed",
    async doIt() {
      await system.holdFirst();
      await system.databases.saga`
        update saga_history
           set message_type = case message_type when 'PaymentSucceeded' then 'ReservationConfirmed' else 'PaymentSucceeded' end
         where saga_id = ${system.captured.saga_id} and message_type in ('PaymentSucceeded', 'ReservationConfirmed')`;
      return system.captured.saga_id;
    },
  },
  "money was taken at once although it was to be held first": {
    invariant: "captured-after-confirmed",
    says: "was charged without having been held",
    async doIt() {
      await system.holdFirst();
      system.ledger = system.ledger.filter(({ kind }) => kind !== "hold");
      return system.captured.saga_id;
    },
  },
  "less was captured than the order costs": {
    invariant: "completed-is-paid",
    says: "the provider holds 5.00 EUR, the saga's total is 50.00 EUR",
    also: ["payments-agree-with-provider"],
    async doIt() {
      await system.holdFirst();
      scaleCharge(system.captured.saga_id, 1 / 10);
      return system.captured.saga_id;
    },
  },
  "a released hold was captured after all": {
    invariant: "undone-costs-nothing",
    says: "the provider holds 62.50 EUR",
    also: ["captured-after-confirmed", "payments-agree-with-provider"],
    async doIt() {
      await system.holdFirst();
      system.moves("charge", system.released);
      return system.released.saga_id;
    },
  },
  "a saga's money is held twice": {
    invariant: "charged-at-most-once",
    says: "held 2 times",
    async doIt() {
      await system.holdFirst();
      system.holds({ ...system.captured, transaction_id: "pi_second" }, "released");
      return system.captured.saga_id;
    },
  },
  "a refund was never settled": {
    invariant: "payments-agree-with-provider",
    says: "is PENDING although its saga is finished",
    async doIt() {
      await system.databases.payment`update refunds set status = 'PENDING', next_attempt_at = now()`;
      return system.refunded.saga_id;
    },
  },
  "a refund is unknown to the provider": {
    invariant: "payments-agree-with-provider",
    says: "is re_x, which the provider does not know",
    async doIt() {
      await system.databases.payment`update refunds set provider_refund_id = 're_x'`;
      return system.refunded.saga_id;
    },
  },
  "a saga goes on after a terminal status": {
    invariant: "terminal-stays",
    says: "COMPENSATED was followed by COMPENSATED to COMPLETED",
    also: ["history-is-legal"],
    async doIt() {
      await system.databases.saga`
        insert into saga_history (saga_id, from_status, to_status, step, message_type, at)
        values (${system.refused.saga_id}, 'COMPENSATED', 'COMPLETED', 'order', 'Test', now())`;
      return system.refused.saga_id;
    },
  },
  "a saga skips a step": {
    invariant: "history-is-legal",
    says: "it went from STARTED to PAYMENT_CHARGED",
    async doIt() {
      const { saga } = system.databases;
      await saga`delete from saga_history where saga_id = ${system.completed.saga_id}`;
      await system.history(system.completed.saga_id, "PAYMENT_CHARGED", "ORDER_CREATED", "COMPLETED");
      return system.completed.saga_id;
    },
  },
  "a history row is lost": {
    invariant: "history-is-legal",
    says: "it left COMPENSATING although it was at PAYMENT_CHARGED",
    async doIt() {
      await system.databases.saga`delete from saga_history where to_status = 'COMPENSATING'`;
      return system.refunded.saga_id;
    },
  },
  "a saga has no history": {
    invariant: "history-is-legal",
    says: "it has no history",
    async doIt() {
      await system.databases.saga`delete from saga_history where saga_id = ${system.refused.saga_id}`;
      return system.refused.saga_id;
    },
  },
  "a saga's status differs from the end of its history": {
    invariant: "history-is-legal",
    says: "its history ends at COMPENSATED, its status is FAILED",
    async doIt() {
      const { saga } = system.databases;
      await saga`update saga_state set status = 'FAILED' where saga_id = ${system.refused.saga_id}`;
      return system.refused.saga_id;
    },
  },
  "stock is reserved twice for one command": {
    invariant: "one-effect-per-command",
    says: "it has 2 different InventoryReserved messages: ",
    async doIt() {
      const { saga_id } = system.refunded;
      const fields = { reservation_id: Bun.randomUUIDv7() };
      await system.say("inventory", TOPICS.inventoryEvents, "InventoryReserved", saga_id, fields);
      return saga_id;
    },
  },
  "a command gets two contradictory replies": {
    invariant: "one-effect-per-command",
    says: "it has both PaymentSucceeded and PaymentFailed",
    async doIt() {
      const { saga_id } = system.completed;
      await system.say("payment", TOPICS.paymentEvents, "PaymentFailed", saga_id);
      return saga_id;
    },
  },
  "a forward command is written twice": {
    invariant: "one-effect-per-command",
    says: "it has 2 different ChargePayment messages: ",
    async doIt() {
      const { saga_id } = system.completed;
      await system.say("saga", TOPICS.commands, "ChargePayment", saga_id);
      return saga_id;
    },
  },
  "a message is in an inbox twice": {
    invariant: "one-effect-per-command",
    says: "is in the order inbox more than once",
    async doIt() {
      const { order } = system.databases;
      await order`alter table inbox drop constraint if exists inbox_pkey`;
      const message_id = Bun.randomUUIDv7();
      await order`insert into inbox (message_id) values (${message_id}), (${message_id})`;
      return null;
    },
  },
  "an order belongs to no saga": {
    invariant: "everything-has-a-saga",
    says: "belongs to a saga that does not exist",
    async doIt() {
      const stranger = { ...system.refused, saga_id: Bun.randomUUIDv7() };
      await system.order(stranger, "CANCELLED");
      return stranger.saga_id;
    },
  },
  "a charge belongs to no saga": {
    invariant: "everything-has-a-saga",
    says: "the provider's charge pi_nobody of 12.50 EUR belongs to no saga",
    async doIt() {
      system.moves("charge", { ...system.refused, transaction_id: "pi_nobody" }, { saga_id: null });
      return null;
    },
  },
  "a published message is not in Kafka": {
    invariant: "published-is-in-kafka",
    says: "of the order outbox is not in order-events",
    async doIt() {
      system.topics.set(TOPICS.orderEvents, []);
      return system.completed.saga_id;
    },
  },
  "a message in Kafka was never written": {
    invariant: "kafka-comes-from-an-outbox",
    says: "at checkout-commands[0]@5 is in no outbox",
    async doIt() {
      const { saga_id } = system.refused;
      const message = { message_id: Bun.randomUUIDv7(), type: "CreateOrder", saga_id };
      system.topics.get(TOPICS.commands)?.push(message);
      return saga_id;
    },
  },
  "a dead letter was never written": {
    invariant: "kafka-comes-from-an-outbox",
    says: "at checkout-dlq[0]@0 is in no outbox",
    async doIt() {
      system.topics.get(TOPICS.deadLetters)?.push({ dead_letter_id: Bun.randomUUIDv7(), saga_id: null });
      return null;
    },
  },
  "a record in Kafka is no message": {
    invariant: "kafka-comes-from-an-outbox",
    says: "a message without an id at notification-commands[0]@1",
    async doIt() {
      system.topics.get(TOPICS.notifications)?.push(undefined);
      return null;
    },
  },
  "a saga is unfinished in a system that should be idle": {
    invariant: "everything-finished",
    says: "it is still STARTED",
    options: IDLE,
    async doIt() {
      return startedSaga();
    },
  },
  "an outbox row is unpublished in a system that should be idle": {
    invariant: "everything-finished",
    says: "payment: 1 outbox row is not published",
    options: IDLE,
    async doIt() {
      await system.say(
        "payment",
        TOPICS.paymentEvents,
        "PaymentCancelled",
        system.refused.saga_id,
        {},
        false,
      );
      return null;
    },
  },
  "a command waits for a retry in a system that should be idle": {
    invariant: "everything-finished",
    says: "inventory: 1 command waits for a retry",
    options: IDLE,
    async doIt() {
      const { inventory } = system.databases;
      await inventory`
        insert into retry (message_id, saga_id, message_type, attempts, next_attempt_at, first_failed_at, last_failed_at,
                           error_code, error_message, topic, partition, "offset", timestamp_ms, value, headers)
        values (${Bun.randomUUIDv7()}, ${system.refused.saga_id}, 'ReleaseInventory', 1, now(), now(), now(),
                'X', '', 'checkout-commands', 0, 0, 0, '', '[]')`;
      return null;
    },
  },
};

describe("a foreign message is a violation still", () => {
  const detailOf = async () => {
    const report = await run();
    expect(report.foreign.count).toBe(0);
    return findings(report).join("\n");
  };

  test("while nobody has discarded its dead letter; the finding says how to", async () => {
    const id = await foreign(TOPICS.orderEvents, undefined);
    expect(await detailOf()).toEndWith(
      `a message without an id at order-events[0]@1 is in no outbox: no role of ours writes such a message; if nothing of it is needed, \`dlq discard ${id}\` settles it`,
    );
  });

  test("while one of two services' dead letters is open", async () => {
    await discard(await foreign(TOPICS.orderEvents, undefined));
    await deadLetter(TOPICS.orderEvents, 1, bytesOf(undefined));
    expect(await detailOf()).toContain("order-events[0]@1 is in no outbox");
  });

  test("if it has an id: a fault of ours may have sent it past the outbox", async () => {
    const message = { message_id: Bun.randomUUIDv7(), type: "Teapot", saga_id: system.refused.saga_id };
    await discard(await foreign(TOPICS.commands, message));
    expect(await detailOf()).toContain(
      `message ${message.message_id} at checkout-commands[0]@5 is in no outbox; its dead letter was discarded by ada, but it has an id`,
    );
  });

  test("if the discarded dead letter was of other bytes, as before the topic was created anew", async () => {
    system.topics.get(TOPICS.orderEvents)?.push(undefined);
    await discard(await deadLetter(TOPICS.orderEvents, 1, Buffer.from("other")));
    expect(await detailOf()).toContain("it has no dead letter; this stays until Kafka deletes the message");
  });

  test("if its dead letter is in no outbox itself", async () => {
    system.topics.get(TOPICS.orderEvents)?.push(undefined);
    const id = await deadLetter(TOPICS.orderEvents, 1, bytesOf(undefined), "in no outbox");
    await discard(id);
    expect(await detailOf()).toContain("order-events[0]@1 is in no outbox");
  });

  test("of another kind if it was a message of ours that lost its id on the way", async () => {
    const { saga_id } = system.completed;
    const message_id = await system.say("saga", TOPICS.commands, "X", saga_id);
    system.topics.get(TOPICS.commands)?.pop();
    await discard(await foreign(TOPICS.commands, { type: "X", saga_id }));
    const report = await run();
    expect(report.foreign.count).toBe(1);
    expect(findings(report)).toEqual([
      `published-is-in-kafka: ${saga_id}: X ${message_id} of the saga outbox is not in checkout-commands`,
    ]);
  });

  test("if it is on the topic of dead letters, where nothing handles it", async () => {
    system.topics.get(TOPICS.deadLetters)?.push(undefined);
    expect(await detailOf()).toContain("checkout-dlq[0]@0 is in no outbox");
  });
});

/** Puts something on a topic past all outboxes; a service dead-letters it. Returns the dead letter's id. */
async function foreign(topic: Topic, message: unknown): Promise<string> {
  const messages = system.topics.get(topic) ?? [];
  messages.push(message);
  return deadLetter(topic, messages.length - 1, bytesOf(message));
}

async function deadLetter(
  topic: Topic,
  offset: number,
  bytes: Buffer,
  where: "in an outbox" | "in no outbox" = "in an outbox",
): Promise<string> {
  const dead_letter_id = Bun.randomUUIDv7();
  const original = { topic, partition: 0, offset, value_base64: bytes.toString("base64") };
  const record = { dead_letter_id, service: "order", last_failure_at: new Date().toISOString(), original };
  system.topics.get(TOPICS.deadLetters)?.push(record);
  if (where === "in an outbox")
    await system.databases.order`
      insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
      values (${dead_letter_id}, ${TOPICS.deadLetters}, 'any', '{}', '{}', true, now())`;
  return dead_letter_id;
}

async function discard(dead_letter_id: string): Promise<void> {
  await system.databases.saga`
    insert into operator_actions (action_id, run_id, action, subject, actor, reason, outcome, at, settled_at)
    values (uuidv7(), uuidv7(), 'dead-letter.discard', ${dead_letter_id}, 'ada', 'sent by hand', 'discarded', now(), now())`;
}

describe("is named when", () => {
  for (const [name, { invariant, doIt, says, options, also = [] }] of Object.entries(breaks)) {
    test(name, async () => {
      const saga_id = await doIt();
      const report = await run(options);
      expect(report.ok).toBe(false);
      const found = report.invariants.find((one) => one.name === invariant)?.findings ?? [];
      const named = found.filter((finding) => finding.saga_id === saga_id && finding.detail.includes(says));
      expect(named, findings(report).join("\n")).not.toEqual([]);
      const broken = report.invariants.filter(({ violations }) => violations > 0).map((one) => one.name);
      expect(broken.toSorted()).toEqual([invariant, ...also].toSorted());
    });
  }

  test("a checkout was answered with 202 and has no saga", async () => {
    const promised = Bun.randomUUIDv7();
    const journal = () => [system.completed.saga_id, promised];
    expect(findings(await run(WORKING, { journal }))).toEqual([
      `accepted-exists: ${promised}: was answered with 202 and does not exist`,
    ]);
  });

  test("every invariant has a test that breaks it", () => {
    const broken = new Set(Object.values(breaks).map(({ invariant }) => invariant)).add("accepted-exists");
    expect([...broken].toSorted()).toEqual(INVARIANTS.map(({ name }) => name).toSorted());
  });
});

describe("is no violation:", () => {
  test("the last message on its way to Kafka in a system that should be idle", async () => {
    const { saga } = system.databases;
    const { saga_id } = system.completed;
    const event_id = await system.say("saga", TOPICS.notifications, "SendNotification", saga_id, {}, false);
    const relay = Bun.sleep(100).then(async () => {
      system.topics.get(TOPICS.notifications)?.push({ message_id: event_id, saga_id });
      await saga`update outbox set published = true, published_at = now() where event_id = ${event_id}`;
    });
    const report = await run({ settleMs: 5_000, idleWithinMs: 30_000 });
    await relay;
    expect(findings(report)).toEqual([]);
  });

  test("a dead letter of notification, which has no outbox", async () => {
    const letter = { dead_letter_id: Bun.randomUUIDv7(), saga_id: null, service: "notification" };
    system.topics.get(TOPICS.deadLetters)?.push(letter);
    expect(findings(await run(WORKING))).toEqual([]);
  });

  test("a dead letter that an operator handled: it is not open, and a discarded message need not be in Kafka", async () => {
    const { saga } = system.databases;
    const failed = { saga_id: null, service: "notification", last_failure_at: new Date().toISOString() };
    const [discarded, replayed, refused, pending] = Array.from({ length: 4 }, () => Bun.randomUUIDv7());
    const letters = [discarded, replayed, refused, pending, discarded];
    for (const dead_letter_id of letters)
      system.topics.get(TOPICS.deadLetters)?.push({ dead_letter_id, ...failed });
    const message_id = await system.say("saga", TOPICS.commands, "X", system.completed.saga_id);
    system.topics.get(TOPICS.commands)?.pop();
    for (const [subject, action, outcome] of [
      [discarded, "dead-letter.discard", "discarded"],
      [replayed, "dead-letter.replay", "handled"],
      [refused, "dead-letter.replay", "refused"],
      [pending, "dead-letter.replay", null],
    ] as const)
      await saga`
        insert into operator_actions (action_id, run_id, action, subject, message_id, actor, reason, outcome, at, settled_at)
        values (uuidv7(), uuidv7(), ${action}, ${subject ?? ""}, ${subject === discarded ? message_id : null}, 'ada', 'x', ${outcome}, now(),
                case when ${outcome}::text is not null then now() end)`;
    const report = await run(WORKING);
    expect(findings(report)).toEqual([]);
    expect(report.open.dead_letters.count).toBe(2);
  });

  test("foreign messages without an id whose dead letters an operator discarded; the report names them", async () => {
    const bad = await foreign(TOPICS.orderEvents, undefined);
    const strange = await foreign(TOPICS.commands, { type: "Teapot", saga_id: system.refused.saga_id });
    await discard(bad);
    await discard(strange);
    const report = await run(IDLE);
    expect(findings(report)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.open.dead_letters.count).toBe(0);
    const line = { discarded_by: "ada", reason: "sent by hand", discarded_at: expect.any(Number) };
    expect(report.foreign).toMatchObject({
      count: 2,
      messages: [
        { topic: TOPICS.commands, partition: 0, offset: 5, dead_letter_id: strange, ...line },
        { topic: TOPICS.orderEvents, partition: 0, offset: 1, dead_letter_id: bad, ...line },
      ],
    });
  });

  test("a note in a saga's history that its command was dead-lettered", async () => {
    const { saga_id } = system.refused;
    await system.databases.saga`delete from saga_history where saga_id = ${saga_id}`;
    await system.history(saga_id);
    await system.databases.saga`
      insert into saga_history (saga_id, from_status, to_status, step, message_type, at)
      values (${saga_id}, 'STARTED', 'STARTED', 'reserve', 'CommandDeadLettered', now()),
             (${saga_id}, 'STARTED', 'COMPENSATED', 'reserve', 'InsufficientStock', now())`;
    expect(findings(await run(WORKING))).toEqual([]);
  });

  test("a saga in progress, with its unpublished messages", async () => {
    const saga_id = await startedSaga();
    await system.say("saga", TOPICS.commands, "ReserveInventory", saga_id, {}, false);
    const report = await run();
    expect(findings(report)).toEqual([]);
    expect(report.open.sagas.count).toBe(1);
    expect(report.open.unpublished["saga"]?.count).toBe(1);
    expect(report.sagas).toMatchObject({ total: 4, judged: 3 });
  });

  test("a saga that finished a moment ago", async () => {
    await system.databases.saga`update saga_state set completed_at = now() where status = 'COMPLETED'`;
    await system.databases.order`delete from orders`;
    expect(findings(await run())).toEqual([]);
    expect(findings(await run(IDLE))).not.toEqual([]);
  });

  test("a completed checkout whose order was cancelled: refunded and restocked", async () => {
    await cancelledOrder();
    expect(findings(await run(IDLE))).toEqual([]);
  });

  test("a refund that somebody made at the provider, once a payment alert names it", async () => {
    const { completed } = system;
    system.moves("refund", completed, { amount_cents: 100 });
    expect(findings(await run())).not.toEqual([]);
    const alert = {
      alert_id: Bun.randomUUIDv7(),
      kind: "refund_elsewhere",
      subject: refundOf(completed),
      saga_id: completed.saga_id,
      detail: "somebody refunded",
      opened_by: "webhook",
      opened_at: new Date(),
      last_seen_at: new Date(),
    };
    await system.insert("payment", "payment_alerts", alert);
    const report = await run();
    expect(findings(report)).toEqual([]);
    expect(report.not_checked).toEqual([expect.stringContaining("somebody made at the provider")]);
    // One that carries our request's metadata is ours, whatever an alert says.
    system.ledger = system.ledger.map((entry) =>
      entry.kind === "refund" && entry.refund === refundOf(completed)
        ? { ...entry, metadata: { saga_id: completed.saga_id } }
        : entry,
    );
    expect(findings(await run())).not.toEqual([]);
  });

  test("a refund that failed, only once the shopper was paid in another way", async () => {
    const { refunded } = system;
    const refund = system.ledger.find(({ kind }) => kind === "refund");
    system.ledger.push({
      seq: system.ledger.length + 1,
      at_ms: Date.now(),
      saga_id: refunded.saga_id,
      payment_intent: refunded.transaction_id,
      kind: "refund_failed",
      refund: refund?.kind === "refund" ? refund.refund : "",
      amount_cents: refunded.total_cents,
      currency: "EUR",
      reason: "declined",
    });
    expect(findings(await run())).toContainEqual(expect.stringContaining("the provider holds"));
    const id = `outside:${refunded.payment_id}`;
    await system.databases.payment`update refunds set provider_refund_id = ${id}`;
    const report = await run();
    expect(findings(report)).toEqual([]);
    expect(report.not_checked).toEqual([expect.stringContaining("paid in another way")]);
  });

  test("a cancellation of an order in progress, unless the system should be idle", async () => {
    await cancellation(null);
    await system.databases
      .order`update orders set status = 'CANCELLED' where saga_id = ${system.completed.saga_id}`;
    expect(findings(await run())).toEqual([]);
    expect(findings(await run(IDLE))).toEqual([
      `everything-finished: ${system.completed.saga_id}: its order is still being cancelled`,
    ]);
  });

  test("a cancellation that begins while the audit reads", async () => {
    const sources = system.sources();
    const ledger: AuditSources["ledger"] = () => sources.ledger();
    const { order } = system.databases;
    let begun = false;
    const watched = new Proxy(order, {
      get(target, name) {
        if (name !== "begin") return Reflect.get(target, name);
        return async (...args: Parameters<typeof order.begin>) => {
          if (!begun) {
            begun = true;
            await cancellation(null);
            await order`update orders set status = 'CANCELLED' where saga_id = ${system.completed.saga_id}`;
          }
          return target.begin(...args);
        };
      },
    });
    const databases = { ...sources.databases, order: watched };
    expect(findings(await run(WORKING, { databases, ledger }))).toEqual([]);
    expect(begun).toBe(true);
  });

  test("a saga that begins while the audit reads", async () => {
    const sources = system.sources();
    const readTopic: AuditSources["readTopic"] = async function* (topic) {
      if (topic === TOPICS.commands) {
        const saga_id = await startedSaga();
        await system.say("saga", TOPICS.commands, "ReserveInventory", saga_id);
      }
      yield* sources.readTopic(topic);
    };
    expect(findings(await run(WORKING, { readTopic }))).toEqual([]);
  });

  test("a checkout that is journalled while the audit reads", async () => {
    async function* journal() {
      yield await startedSaga();
    }
    expect(findings(await run(WORKING, { journal }))).toEqual([]);
  });

  test("an old outbox row that Kafka has dropped", async () => {
    const { saga } = system.databases;
    await saga`update outbox set published_at = now() - interval '4 days' where topic = 'notification-commands'`;
    system.topics.set(TOPICS.notifications, []);
    const report = await run();
    expect(findings(report)).toEqual([]);
    expect(report.not_checked).toEqual(["1 published outbox row is older than Kafka's retention"]);
  });

  test("an old message in Kafka that the outboxes have dropped", async () => {
    const longAgo = "01900000-0000-7000-8000-000000000000";
    system.topics.get(TOPICS.deadLetters)?.push({ dead_letter_id: longAgo, saga_id: null });
    const report = await run();
    expect(findings(report)).toEqual([]);
    expect(report.not_checked).toEqual(["1 message in Kafka is older than the outboxes' retention"]);
    expect(report.open.dead_letters.count).toBe(1);
  });

  test("a message that is in Kafka twice", async () => {
    const messages = system.topics.get(TOPICS.commands) ?? [];
    messages.push(...messages);
    expect(findings(await run())).toEqual([]);
  });
});

/** Of the completed saga's order; in progress if `completed_at` is null. */
async function cancellation(completed_at: Date | null): Promise<void> {
  const { saga_id, order_id } = system.completed;
  const now = new Date();
  await system.insert("saga", "order_cancellations", {
    cancellation_id: Bun.randomUUIDv7(),
    saga_id,
    order_id: order_id ?? "",
    status: completed_at === null ? "CANCELLING" : "CANCELLED",
    step: completed_at === null ? "order" : "release",
    deadline_at: completed_at === null ? now : null,
    created_at: now,
    updated_at: now,
    completed_at,
  });
}

/** The completed saga's order is cancelled, and what belongs to it. */
/** Everything is in this currency now, with the same numbers of minor units. */
async function sellIn(currency: string): Promise<void> {
  const { saga, payment, order } = system.databases;
  await saga`update saga_state set currency = ${currency}`;
  await payment`update payments set currency = ${currency}`;
  await order`update orders set currency = ${currency}`;
  system.ledger = system.ledger.map((entry) => ("currency" in entry ? { ...entry, currency } : entry));
}

/** The provider took another amount for this saga than it was asked for. */
function scaleCharge(saga_id: string, factor: number): void {
  system.ledger = system.ledger.map((entry) =>
    entry.kind === "charge" && entry.saga_id === saga_id
      ? { ...entry, amount_cents: entry.amount_cents * factor }
      : entry,
  );
}

async function cancelledOrder(): Promise<void> {
  const { saga_id, payment_id, total_cents } = system.completed;
  const { order, payment, inventory } = system.databases;
  const longAgo = new Date(Date.now() - 60_000);
  await cancellation(longAgo);
  await order`update orders set status = 'CANCELLED' where saga_id = ${saga_id}`;
  await payment`update payments set status = 'REFUNDED' where saga_id = ${saga_id}`;
  await system.insert("payment", "refunds", {
    refund_id: Bun.randomUUIDv7(),
    payment_id,
    amount_cents: total_cents,
    idempotency_key: `${saga_id}:refund`,
    status: "SUCCEEDED",
    provider_refund_id: refundOf(system.completed),
    created_at: longAgo,
    updated_at: longAgo,
  });
  system.moves("refund", system.completed, { saga_id: null });
  await inventory`update reservations set status = 'RELEASED' where saga_id = ${saga_id}`;
  await inventory`update inventory set available_count = available_count + 2`;
}

async function startedSaga(): Promise<string> {
  const saga_id = Bun.randomUUIDv7();
  const one = { ...system.refused, saga_id };
  await system.saga(one, "STARTED", { completed_at: null, deadline_at: new Date(Date.now() + 30_000) });
  await system.history(saga_id);
  return saga_id;
}

function isOf(entry: object, saga_id: string): boolean {
  return "saga_id" in entry && entry.saga_id === saga_id;
}
