// Reconciliation with the simulator's real lists, on a real Postgres: every kind of difference is found once, and is closed when the
// ledgers agree again; entries that agree never open an alert.
import { expect, test } from "bun:test";
import {
  closePaymentAlert,
  listPaymentAlerts,
  requestReconciliation,
} from "../../../operations/payment-alert-store.ts";
import { AppError } from "../../../kernel/errors.ts";
import { openAlerts } from "../alert-store.ts";
import { Metrics } from "../../../platform/metrics.ts";
import { paymentMetrics } from "../telemetry.ts";
import { cancelPayment, capturePayment, refundPayment } from "../../../testkit/commands.ts";
import { MARK, TestPayment } from "../../../testkit/payment.ts";
import { StripeLedger } from "../providers/stripe/stripe-ledger.ts";

const GRACE_MS = 30_000;
const INTERVAL_MS = 60_000;
const saga = () => Bun.randomUUIDv7();

/** Charges and settles payments of 6.00 EUR. Returns the provider's ids in the order of the sagas. */
async function settled(payment: TestPayment, sagas: readonly string[]): Promise<string[]> {
  for (const id of sagas) await payment.charge(id);
  while ((await payment.round()) > 0);
  const rows = await payment.database.sql<{ saga_id: string; provider_txn_id: string }[]>`
    select saga_id, provider_txn_id from payments where provider_txn_id is not null`;
  const charges = new Map(rows.map((row) => [row.saga_id, row.provider_txn_id]));
  return sagas.map((id) => charges.get(id) ?? "");
}

const chargeAtProvider = (payment: TestPayment, saga_id: string, key: string) =>
  payment.provider.charge({
    idempotency_key: key,
    saga_id,
    amount_cents: 600,
    currency: "EUR",
    payment_method: "pm_card_visa",
    shopper_present: false,
    capture: "automatic",
  });

test("payments, refunds and declines that agree open no alert, however often they are compared", async () => {
  await using payment = await TestPayment.open();
  const reconciler = await payment.reconciler();
  const [paid, back, declined] = [saga(), saga(), saga()];
  await payment.charge(declined, "pm_card_visa_chargeDeclined");
  await settled(payment, [paid, back]);
  await payment.handle(refundPayment(back));
  await payment.round();
  for (let run = 0; run < 3; run += 1) {
    payment.advance(GRACE_MS + INTERVAL_MS);
    expect(await reconciler.runOnce()).toEqual({ processed: 1, hasMore: false });
  }
  expect([await payment.alerts(), payment.errors]).toEqual([[], []]);
  const marks = await payment.database.sql`
    select count(p.reconciled_at) as payments, count(r.reconciled_at) as refunds from payments p left join refunds r using (payment_id)`;
  expect(marks).toMatchObject([{ payments: 2, refunds: 1 }]);
});

test("held money that stays is looked up ever more rarely, and takes no other look-up's place", async () => {
  await using payment = await TestPayment.open();
  const [paid = "", ...held] = Array.from({ length: 121 }, saga);
  const looked: string[] = [];
  const ledger = new StripeLedger({
    apiKey: "sk_test_simulator",
    mark: MARK,
    baseUrl: new URL(payment.simulator.url),
  });
  const reconciler = await payment.reconciler({
    ledger: {
      charges: () => Promise.resolve({ entries: [], next: null }),
      refunds: () => Promise.resolve({ entries: [], next: null }),
      refund: () => Promise.resolve(null),
      charge(id) {
        looked.push(id);
        return ledger.charge(id);
      },
    },
  });
  for (const id of held) await payment.authorize(id);
  while ((await payment.round()) > 0);
  payment.advance(1_000);
  const [charge] = await settled(payment, [paid]);
  const lookUps: number[] = [];
  for (let run = 0; run < 40; run += 1) {
    looked.length = 0;
    payment.advance(INTERVAL_MS);
    await reconciler.runOnce();
    lookUps.push(looked.filter((id) => id !== charge).length);
    if (run === 1)
      expect(await payment.database.sql`select from payments where reconciled_at is not null`).toHaveLength(
        1,
      );
  }
  expect(Math.max(...lookUps)).toBe(100);
  expect(lookUps.filter((count) => count > 0).length).toBeLessThanOrEqual(8);
  expect(lookUps.findLastIndex((count) => count > 0)).toBeGreaterThan(30);
});

test("held money is compared again and again until it is taken or released", async () => {
  await using payment = await TestPayment.open();
  const { sql } = payment.database;
  const reconciler = await payment.reconciler();
  const run = async () => {
    payment.advance(GRACE_MS + INTERVAL_MS);
    await reconciler.runOnce();
    const open = (await payment.alerts()).filter(({ close_note }) => close_note === null);
    return open.map(({ kind, saga_id }) => `${kind} ${saga_id}`);
  };
  const [taken, released, ended] = [saga(), saga(), saga()];
  for (const id of [taken, released, ended]) await payment.authorize(id);
  await payment.round();
  expect(await run()).toEqual([]);
  expect(await sql`select from payments where reconciled_at is not null`).toHaveLength(0);

  await payment.handle(capturePayment(taken), cancelPayment(released));
  await payment.round();
  const [row] = await sql<
    { id: string }[]
  >`select provider_txn_id as id from payments where saga_id = ${ended}`;
  await payment.simulator.stripe.paymentIntents.cancel(row?.id ?? "");
  expect(await run()).toEqual([`status_differs ${ended}`]);
  const found = await sql<
    { saga_id: string }[]
  >`select saga_id from payments where reconciled_at is not null`;
  expect(found.map(({ saga_id }) => saga_id)).toEqual([taken]);

  // The executor hears that nothing is held any more.
  await payment.handle(cancelPayment(ended));
  await payment.round();
  expect(await payment.status(ended)).toBe("CANCELLED");
  expect(await run()).toEqual([]);
  expect(payment.errors).toHaveLength(1);
});

test("a hold without its payment, or of a payment that ended without it, opens an alert", async () => {
  await using payment = await TestPayment.open();
  const { sql } = payment.database;
  const reconciler = await payment.reconciler();
  const [failed, lost] = [saga(), saga()];
  for (const id of [failed, lost]) await payment.authorize(id);
  await payment.round();
  await sql`update payments set status = 'FAILED', error_code = 'X', provider_txn_id = null where saga_id = ${failed}`;
  await sql`delete from payments where saga_id = ${lost}`;
  payment.advance(GRACE_MS + INTERVAL_MS);
  await reconciler.runOnce();
  const found = (await payment.alerts()).map(({ kind, saga_id, detail }) => `${kind} ${saga_id} ${detail}`);
  expect(found).toEqual([
    `charge_without_payment ${lost} the provider holds 6.00 EUR, but there is no payment`,
    `status_differs ${failed} the provider holds 6.00 EUR, but the payment is FAILED`,
  ]);
});

test("charges and refunds of another shop on the same account are counted and open no alert", async () => {
  await using payment = await TestPayment.open();
  const metrics = new Metrics();
  const reconciler = await payment.reconciler({ metrics: paymentMetrics(metrics) });
  await settled(payment, [saga()]);
  const { stripe } = payment.simulator;
  const theirs = [{}, { order: "A-1" }, { saga_id: saga(), shop: "another-shop" }];
  for (const metadata of theirs) {
    const intent = await stripe.paymentIntents.create({
      amount: 4_200,
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      metadata,
    });
    await stripe.refunds.create({ payment_intent: intent.id });
  }
  payment.advance(GRACE_MS + INTERVAL_MS);
  await reconciler.runOnce();
  expect([await payment.alerts(), payment.errors]).toEqual([[], []]);
  expect((await metrics.expose()).text).toContain('payment_foreign_entries_total{provider="stripe"} 6');
});

test("a ledger that lists everything hours late is not late for that, and one that is not read is", async () => {
  await using payment = await TestPayment.open();
  const metrics = new Metrics();
  const graceMs = 3.5 * 3_600_000;
  const reconciler = await payment.reconciler({ graceMs, metrics: paymentMetrics(metrics) });
  const lateSeconds = async () => {
    const { text } = await metrics.expose();
    const [, until] = /payment_reconciled_until_timestamp_seconds{[^}]*} ([0-9.e+]+)/.exec(text) ?? [];
    return payment.now / 1_000 - Number(until);
  };
  await reconciler.runOnce();
  expect(await lateSeconds()).toBe(0);
  payment.advance(6 * 3_600_000);
  while ((await reconciler.runOnce()).hasMore);
  expect(await lateSeconds()).toBeLessThan(1);
  payment.advance(INTERVAL_MS);
  await payment.database.sql`update reconciliation set lease_until = 'infinity'`;
  await reconciler.runOnce();
  expect(await lateSeconds()).toBeGreaterThanOrEqual(INTERVAL_MS / 1_000);
});

test("every kind of difference is found once, logged once, and closed when the ledgers agree again", async () => {
  await using payment = await TestPayment.open();
  const { sql } = payment.database;
  const reconciler = await payment.reconciler();
  const sagas = Array.from({ length: 8 }, saga);
  const [fine = "", amount = "", status = "", lost = "", twice = "", given = "", renamed = "", gone = ""] =
    sagas;
  const charges = await settled(payment, sagas);
  const chargeOf = (id: string) => charges[sagas.indexOf(id)] ?? "";
  // given one difference of each kind, and a payment without any
  await sql`update payments set amount_cents = 601 where saga_id = ${amount}`;
  await sql`update payments set status = 'FAILED', error_code = 'X', provider_txn_id = null where saga_id = ${status}`;
  await sql`update payments set provider_txn_id = 'pi_never' where saga_id = ${lost}`;
  await chargeAtProvider(payment, twice, "another key");
  const other = saga();
  await sql`update payments set saga_id = ${other} where saga_id = ${renamed}`;
  await payment.provider.refund({
    idempotency_key: "by hand",
    saga_id: given,
    provider_txn_id: chargeOf(given),
  });
  await sql`delete from payments where saga_id = ${gone}`;
  // when compared
  payment.advance(GRACE_MS + INTERVAL_MS);
  await reconciler.runOnce();
  // then
  const found = await payment.alerts();
  expect(found.map(({ kind, saga_id }) => `${kind} ${saga_id}`)).toEqual(
    [
      `amount_differs ${amount}`,
      `charge_without_payment ${gone}`,
      `charged_twice ${twice}`,
      // The provider's charge for a payment that names another charge.
      `charged_twice ${lost}`,
      `payment_without_charge ${lost}`,
      `refund_differs ${given}`,
      `saga_differs ${other}`,
      `status_differs ${status}`,
    ].toSorted(),
  );
  expect(found.some(({ saga_id }) => saga_id === fine)).toBe(false);
  expect(payment.errors).toHaveLength(found.length);
  expect(payment.errors).toContain(
    "payments and the provider ledger differ: the provider took 6.00 EUR, the payment is for 6.01 EUR",
  );

  // and once more: the same, and nothing new
  payment.advance(INTERVAL_MS);
  await reconciler.runOnce();
  expect(await payment.alerts()).toEqual(found);
  expect(payment.errors).toHaveLength(found.length);

  // and when our side has been corrected
  await sql`update payments set amount_cents = 600 where saga_id = ${amount}`;
  await sql`update payments set provider_txn_id = ${chargeOf(lost)} where saga_id = ${lost}`;
  await sql`update payments set saga_id = ${renamed} where saga_id = ${other}`;
  await sql`update payments set status = 'SUCCEEDED', provider_txn_id = ${chargeOf(status)} where saga_id = ${status}`;
  payment.advance(INTERVAL_MS);
  await reconciler.runOnce();
  const open = (await payment.alerts()).filter(({ close_note }) => close_note === null);
  expect(open.map(({ kind }) => kind)).toEqual(["charge_without_payment", "charged_twice", "refund_differs"]);
  const closed = (await payment.alerts()).filter(({ close_note }) => close_note !== null);
  expect(new Set(closed.map(({ close_note }) => close_note))).toEqual(new Set(["the ledgers agree again"]));
});

test("an alert that a person has closed stays closed although the ledgers still differ", async () => {
  await using payment = await TestPayment.open();
  const reconciler = await payment.reconciler();
  const id = saga();
  await chargeAtProvider(payment, id, "a");
  payment.advance(GRACE_MS + INTERVAL_MS);
  await reconciler.runOnce();
  const [open] = await listPaymentAlerts(payment.database.sql, { closed: false, limit: 1 });
  const by = { actor: "ada", reason: "given back by hand" };
  const close = () => closePaymentAlert(payment.database.sql, open?.alert_id ?? "", by);
  expect([await close(), await close()]).toEqual([true, false]);
  // when the same part of the ledger is read once more
  payment.advance(INTERVAL_MS);
  const before = payment.now - 5 * INTERVAL_MS;
  await payment.database.sql`update reconciliation set compared_until = ${before}::timestamptz`;
  expect(await requestReconciliation(payment.database.sql)).toMatchObject({ compared_until: before });
  await reconciler.runOnce();
  expect(await requestReconciliation(payment.database.sql)).toMatchObject({
    compared_until: payment.now - GRACE_MS,
  });
  expect(await listPaymentAlerts(payment.database.sql, { closed: true, limit: 9 })).toMatchObject([
    { kind: "charge_without_payment", saga_id: id, closed_by: "ada", close_note: "given back by hand" },
  ]);
});

test("a charge in flight opens no alert until its grace is over", async () => {
  await using payment = await TestPayment.open();
  const reconciler = await payment.reconciler();
  const id = saga();
  await payment.charge(id);
  await payment.claimAndDie();
  await chargeAtProvider(payment, id, `${id}:charge`);
  payment.advance(GRACE_MS - 1_000);
  await reconciler.runOnce();
  expect(await payment.alerts()).toEqual([]);
  payment.advance(INTERVAL_MS);
  await reconciler.runOnce();
  expect(await payment.alerts()).toMatchObject([{ kind: "status_differs", saga_id: id }]);
  // The executor sends the request again, which settles the payment.
  await payment.round();
  payment.advance(INTERVAL_MS);
  await reconciler.runOnce();
  expect(await payment.alerts()).toMatchObject([{ close_note: "the ledgers agree again" }]);
});

test("charges over more than one page and more than one span are all compared", async () => {
  await using payment = await TestPayment.open();
  const reconciler = await payment.reconciler();
  const sagas = Array.from({ length: 120 }, saga);
  await Promise.all(sagas.map((id) => chargeAtProvider(payment, id, id)));
  payment.advance(25 * 60_000);
  await chargeAtProvider(payment, saga(), "much later");
  payment.advance(GRACE_MS + 1_000);
  const runs: boolean[] = [];
  do runs.push((await reconciler.runOnce()).hasMore);
  while (runs.at(-1) === true);
  expect(runs).toEqual([true, true, false]);
  expect(await payment.alerts()).toHaveLength(121);
});

test("one of two processes reconciles, and its run is taken over when it dies", async () => {
  await using payment = await TestPayment.open();
  const [one, two] = [await payment.reconciler(), await payment.reconciler()];
  await chargeAtProvider(payment, saga(), "a");
  payment.advance(GRACE_MS + 1_000);
  await Promise.all([one.runOnce(), two.runOnce()]);
  expect([await payment.alerts(), payment.errors]).toMatchObject([{ length: 1 }, { length: 1 }]);

  // given a run that was claimed and never ended
  await chargeAtProvider(payment, saga(), "b");
  payment.advance(INTERVAL_MS);
  await payment.database.sql`
    update reconciliation set run_id = ${saga()}, lease_until = ${payment.now + INTERVAL_MS}::timestamptz`;
  await one.runOnce();
  expect(await payment.alerts()).toHaveLength(1);
  payment.advance(INTERVAL_MS);
  await one.runOnce();
  expect(await payment.alerts()).toHaveLength(2);
});

test("a run whose database went back between two pages, without an error, ends, and the next one compares both again", async () => {
  await using payment = await TestPayment.open();
  const { sql } = payment.database;
  const ours = new StripeLedger({
    apiKey: "sk_test_simulator",
    mark: MARK,
    baseUrl: new URL(payment.simulator.url),
  });
  const claimed = () => sql<[{ run_id: string; lease_until: number }]>`
    select run_id, lease_until from reconciliation where provider = 'stripe'`;
  let isBehind = true;
  const reconciler = await payment.reconciler({
    ledger: {
      // One entry on each page.
      async charges(span, after) {
        const { entries } = await ours.charges(span, null);
        const at = Number(after ?? 0);
        if (isBehind && after === "1") {
          isBehind = false;
          await sql`delete from payment_alerts`;
          await sql`
            update reconciliation set run_id = ${before.run_id}, lease_until = ${before.lease_until}::timestamptz
             where provider = 'stripe'`;
        } else [before] = await claimed();
        return { entries: entries.slice(at, at + 1), next: at + 1 < entries.length ? String(at + 1) : null };
      },
      refunds: (span, after) => ours.refunds(span, after),
      charge: (id) => ours.charge(id),
      refund: (id) => ours.refund(id),
    },
  });
  let [before] = await claimed();
  for (const key of ["a", "b"]) await chargeAtProvider(payment, saga(), key);
  payment.advance(GRACE_MS + INTERVAL_MS);
  await expect(reconciler.runOnce()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(await payment.alerts()).toEqual([]);
  // Its lease expires.
  payment.advance(INTERVAL_MS);
  await reconciler.runOnce();
  expect(await payment.alerts()).toHaveLength(2);
});

test("a run that looks up disputes for long is not taken over meanwhile", async () => {
  await using payment = await TestPayment.open();
  const others: number[] = [];
  const other = await payment.reconciler();
  const reconciler = await payment.reconciler({
    ledger: {
      charges: () => Promise.resolve({ entries: [], next: null }),
      refunds: () => Promise.resolve({ entries: [], next: null }),
      charge: () => Promise.resolve(null),
      refund: () => Promise.resolve(null),
      async dispute() {
        payment.advance(40_000);
        others.push((await other.runOnce()).processed);
        return null;
      },
    },
  });
  const disputes = ["dp_1", "dp_2", "dp_3"].map((subject) => ({
    kind: "dispute" as const,
    subject,
    saga_id: null,
    detail: "the shopper disputes 6.00 EUR",
  }));
  await payment.database.postgres.transaction(({ tx, finish }) => {
    const newId = () => Bun.randomUUIDv7();
    return finish([
      openAlerts(tx, disputes, { opened_by: "webhook", provider: "stripe", now: payment.now, newId }),
    ]);
  });
  payment.advance(GRACE_MS + INTERVAL_MS);
  expect(await reconciler.runOnce()).toMatchObject({ processed: 1 });
  expect(others).toEqual([0, 0, 0]);
});

test("each provider's ledger is compared separately, from the first run on", async () => {
  await using payment = await TestPayment.open();
  const ours = await payment.reconciler();
  const theirs = await payment.reconciler({ provider: "another" });
  const id = saga();
  await payment.charge(id);
  await payment.round();
  await payment.database
    .sql`update payments set provider = 'another', provider_txn_id = 'nowhere' where saga_id = ${id}`;
  expect(await theirs.runOnce()).toMatchObject({ processed: 1 });
  payment.advance(GRACE_MS + INTERVAL_MS);
  expect(await ours.runOnce()).toMatchObject({ processed: 1 });
  const missing = async () => (await payment.alerts()).filter(({ subject }) => subject === "nowhere");
  expect(await missing()).toEqual([]);
  // The saga's payment is at the other provider: here it has none.
  expect(await payment.alerts()).toMatchObject([{ kind: "charge_without_payment", saga_id: id }]);
  await theirs.runOnce();
  payment.advance(GRACE_MS + INTERVAL_MS);
  await theirs.runOnce();
  expect(await missing()).toMatchObject([{ kind: "payment_without_charge", saga_id: id }]);
  const rows = await payment.database.sql`select provider from reconciliation order by provider`;
  expect(rows.map(({ provider }) => provider)).toEqual(["another", "stripe"]);
});

test("a run that fails or is stopped is released at once", async () => {
  await using payment = await TestPayment.open();
  const stopping = new AbortController();
  const reconciler = await payment.reconciler({ stopping: stopping.signal });
  const other = await payment.reconciler();
  // Its commits happen without an answer.
  const { postgres } = payment.database;
  const unanswered = await payment.reconciler({
    database: {
      sql: postgres.sql,
      listen: (...channel) => postgres.listen(...channel),
      faultOf: (error) => postgres.faultOf(error),
      async transaction(work) {
        await postgres.transaction(work);
        throw new AppError("DATABASE_UNAVAILABLE", "the connection is lost");
      },
    },
  });
  const isFree = async () => {
    const rows = await payment.database.sql`
      select from reconciliation where due_at <= ${payment.now}::timestamptz and lease_until <= ${payment.now}::timestamptz`;
    return rows.length === 1;
  };
  await chargeAtProvider(payment, saga(), "a");
  payment.advance(GRACE_MS + 1_000);
  stopping.abort();
  expect(await reconciler.runOnce()).toMatchObject({ processed: 0 });
  expect([await payment.alerts(), await isFree()]).toEqual([[], true]);

  await expect(unanswered.runOnce()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(await isFree()).toBe(true);

  await payment.simulator.stop();
  expect(await other.runOnce().catch((error: unknown) => error)).toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
  });
  expect(await isFree()).toBe(true);
  payment.simulator.start();
});
