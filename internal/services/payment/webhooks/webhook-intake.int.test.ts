// Events that arrive together, on a real Postgres: what they cost, and that each has its own effect and its own result.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Database } from "../../../messaging/database.ts";
import { cancelPayment, chargePayment } from "../../../testkit/commands.ts";
import { TestPayment } from "../../../testkit/payment.ts";
import type { ProviderCharge } from "../providers/ledger.ts";
import type { WebhookEvent } from "../providers/webhook-reader.ts";

let payment: TestPayment;
beforeAll(async () => {
  payment = await TestPayment.open();
});
afterAll(() => payment[Symbol.asyncDispose]());

/** Payments of 6.00 EUR whose charges have no result yet. */
async function unknownCharges(count: number): Promise<readonly string[]> {
  const sealed = await payment.seal("pm_card_visa");
  const sagas = Array.from({ length: count }, () => Bun.randomUUIDv7());
  await payment.handle(...sagas.map((saga_id) => chargePayment(saga_id, sealed)));
  await payment.claimAndDie(count);
  return sagas;
}

let made = 0;
function succeeded(saga_id: string, changes: Partial<ProviderCharge> = {}): WebhookEvent {
  const provider_txn_id = `pi_${saga_id}`;
  const answer = { kind: "succeeded", provider_txn_id } as const;
  const money = { amount_cents: 600, currency: "EUR" };
  const charge = { provider_txn_id, saga_id, isMarked: true, ...money, answer, ...changes };
  return { kind: "charge", event_id: `evt_together_${(made += 1)}`, charge };
}

function refunded(saga_id: string): WebhookEvent {
  const ids = { provider_refund_id: `re_${saga_id}`, provider_txn_id: `pi_${saga_id}`, saga_id };
  const money = { amount_cents: 600, currency: "EUR" };
  const ours = { isMarked: true, isRequestedHere: true };
  const refund = { ...ids, ...ours, ...money, status: "succeeded", error_code: null } as const;
  return { kind: "refund", event_id: `evt_together_${(made += 1)}`, refund };
}

/** Counts lookups and transactions. */
function counted(database: Database): Database & { readonly looks: number; readonly transactions: number } {
  const counts = { looks: 0, transactions: 0 };
  return {
    get looks() {
      return counts.looks;
    },
    get transactions() {
      return counts.transactions;
    },
    sql: new Proxy(database.sql, {
      apply(target, self, parts) {
        counts.looks += 1;
        return Reflect.apply(target, self, parts);
      },
    }),
    transaction(work) {
      counts.transactions += 1;
      return database.transaction(work);
    },
    listen: database.listen.bind(database),
    faultOf: database.faultOf.bind(database),
  };
}

test("forty events at once need one lookup and one transaction; sent again, only a lookup", async () => {
  const database = counted(payment.database.postgres);
  const intake = payment.webhookIntake(database);
  const sagas = await unknownCharges(40);
  const receive = () => Promise.all(sagas.map((id) => intake.receive(succeeded(id))));
  expect(new Set(await receive())).toEqual(new Set(["settled"]));
  expect([database.looks, database.transactions]).toEqual([1, 1]);
  expect(new Set(await receive())).toEqual(new Set(["unchanged"]));
  expect([database.looks, database.transactions]).toEqual([2, 1]);
  const reported = await Promise.all(sagas.map((id) => payment.eventTypes(id)));
  expect(reported).toEqual(sagas.map(() => ["PaymentSucceeded"]));
});

test("an event that cannot be saved fails alone, and so does one whose payment cannot be read", async () => {
  const [poisoned = "", unreadable = "", ...others] = await unknownCharges(8);
  const { sql } = payment.database;
  await sql.unsafe(
    `alter table payments add constraint poison check (provider_txn_id <> 'pi_${poisoned}') not valid`,
  );
  // Only a person can write such a row.
  await sql.unsafe(`
    update payments set status = 'REFUND_PENDING', provider_txn_id = 'pi_x', next_attempt_at = null, payment_method = null
     where saga_id = '${unreadable}'`);
  const intake = payment.webhookIntake();
  const outcomes = await Promise.allSettled(
    [poisoned, unreadable, ...others].map((id) => intake.receive(succeeded(id))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual([
    "rejected",
    "rejected",
    ...others.map(() => "fulfilled" as const),
  ]);
  expect(outcomes[0]).toMatchObject({ reason: { code: "DATABASE_REFUSED" } });
  expect(outcomes[1]).toMatchObject({ reason: { message: expect.stringContaining("without a refund") } });
  expect(await Promise.all(others.map((id) => payment.status(id)))).toEqual(others.map(() => "SUCCEEDED"));
  expect(await payment.status(poisoned)).toBe("PENDING");
  await sql`alter table payments drop constraint poison`;
  expect(await intake.receive(succeeded(poisoned))).toBe("settled");
});

test("events about one payment are decided one after the other", async () => {
  const [twice = "", undone = "", declined = ""] = await unknownCharges(3);
  await payment.handle(cancelPayment(undone));
  const same = succeeded(twice);
  const decline = succeeded(declined, {
    answer: { kind: "declined", error_code: "CARD_DECLINED", error_message: "" },
  });
  const intake = payment.webhookIntake();
  const results = await Promise.all(
    [same, same, succeeded(twice), succeeded(undone), refunded(undone), decline, succeeded(declined)].map(
      (event) => intake.receive(event),
    ),
  );
  expect(results).toEqual(["settled", "replayed", "unchanged", "settled", "settled", "settled", "alert"]);
  expect(await payment.eventTypes(twice)).toEqual(["PaymentSucceeded"]);
  expect([await payment.status(undone), await payment.eventTypes(undone)]).toEqual([
    "REFUNDED",
    ["RefundCompleted"],
  ]);
  expect([await payment.status(declined), await payment.eventTypes(declined)]).toEqual([
    "FAILED",
    ["PaymentFailed"],
  ]);
});

test("an event of one provider settles no payment of another, also if it names its saga", async () => {
  const [id = ""] = await unknownCharges(1);
  await payment.database.sql`update payments set provider = 'paypal' where saga_id = ${id}`;
  expect(await payment.webhookIntake().receive(succeeded(id))).toBe("alert");
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["PENDING", []]);
  const alerts = (await payment.alerts()).filter(({ saga_id }) => saga_id === id);
  expect(alerts).toMatchObject([{ kind: "charge_without_payment", subject: `pi_${id}` }]);
});

test("a charge that two sagas claim settles the first; the second opens one alert, logged once", async () => {
  const [first = "", second = ""] = await unknownCharges(2);
  const intake = payment.webhookIntake();
  const charge = { provider_txn_id: `pi_${first}` };
  const events = [succeeded(first), succeeded(second, charge), succeeded(second, charge)];
  payment.errors.length = 0;
  expect(await Promise.all(events.map((event) => intake.receive(event)))).toEqual([
    "settled",
    "alert",
    "alert",
  ]);
  expect((await payment.alerts()).filter(({ subject }) => subject === `pi_${first}`)).toMatchObject([
    { kind: "saga_differs", saga_id: first },
  ]);
  expect(payment.errors).toHaveLength(1);
  expect(await payment.status(second)).toBe("PENDING");
});
