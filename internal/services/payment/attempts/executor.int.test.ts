// Payments on a real Postgres and the real provider simulator over HTTP: whatever happens between the two, the shopper is charged at
// most once, and the saga gets the true result.
import { expect, spyOn, test } from "bun:test";
import postgres from "postgres";
import { migrations } from "../../../../schemas/migrations.ts";
import { waitFor } from "../../../paysim/test-provider.ts";
import { cancelPayment, chargePayment, refundPayment } from "../../../testkit/commands.ts";
import { CONCURRENCY, MARK, TestPayment } from "../../../testkit/payment.ts";
import { UNASKED } from "../../../testkit/payment-facts.ts";
import { PlanWatch } from "../../../testkit/plans/watch.ts";
import { tablesHolding } from "../../../testkit/row-texts.ts";
import { claimDue } from "./attempt-transactions.ts";
import type { PaymentStatus } from "../payment.ts";
import { loadRows, type PaymentRows } from "../store.ts";
import { holdMessage } from "../telemetry.ts";

const HOUR_MS = 60 * 60 * 1_000;
const saga = () => Bun.randomUUIDv7();

test("a charge is requested once, replied to once, and its token is deleted", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["PENDING", []]);

  expect([await payment.round(), await payment.round()]).toEqual([1, 0]);
  expect(await payment.events(id)).toMatchObject([
    {
      type: "PaymentSucceeded",
      transaction_id: expect.stringMatching(/^pi_/),
      amount_cents: 600,
      currency: "EUR",
      card: { brand: "visa", last4: "4242" },
    },
  ]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  // Only the order and its saga keep the card.
  for (const table of await tablesHolding(payment.database.sql, ["last4"]))
    expect(table).toStartWith("public.outbox");
  const rows = await payment.database.sql`select status, payment_method, attempts, provider from payments`;
  expect(rows).toMatchObject([
    { status: "SUCCEEDED", payment_method: null, attempts: 1, provider: "stripe" },
  ]);
});

test("a charge whose answer was lost by an older version, which did not ask for the card, is answered once", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.simulator.stripe.paymentIntents.create(
    {
      amount: 600,
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      error_on_requires_action: true,
      metadata: { saga_id: id, shop: MARK },
    },
    { idempotencyKey: `${id}:charge` },
  );
  await payment.charge(id);
  await payment.round();
  const [reply, ...others] = await payment.events(id);
  expect([reply?.type, reply !== undefined && "card" in reply, others]).toEqual([
    "PaymentSucceeded",
    false,
    [],
  ]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("a new charge is claimed by the inbox transaction and sent after the commit", async () => {
  await using payment = await TestPayment.open();
  const [charged, undone] = [saga(), saga()];
  const method = await payment.seal("pm_card_visa");
  {
    await using executor = payment.executor();
    await payment.handleIn(
      executor,
      chargePayment(charged, method),
      chargePayment(undone, method),
      cancelPayment(undone),
    );
    expect(await payment.round()).toBe(0);
  }
  expect([await payment.status(charged), await payment.status(undone)]).toEqual(["SUCCEEDED", "CANCELLED"]);
  expect([await payment.eventTypes(charged), await payment.eventTypes(undone)]).toEqual([
    ["PaymentSucceeded"],
    ["PaymentCancelled"],
  ]);
  expect([payment.money(charged).charges, payment.money(undone).charges]).toEqual([1, 0]);
  const [row] = await payment.database.sql`select attempts from payments where saga_id = ${charged}`;
  expect(row).toEqual({ attempts: 1 });
});

test("a claim whose transaction fails does not count: nothing is sent, and the repetition claims again", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  const command = chargePayment(id, await payment.seal("pm_card_visa"));
  {
    await using executor = payment.executor();
    const failing = {
      claimNew(rows: PaymentRows, now: number) {
        executor.claimNew(rows, now);
        const made = rows.payments.get(id);
        if (made !== undefined) rows.payments.set(id, { ...made, amount_cents: -1 });
      },
      send: executor.send.bind(executor),
    };
    await expect(payment.handleIn(failing, command)).rejects.toMatchObject({
      cause: { constraint_name: "payments_amount_cents_check" },
    });
  }
  expect(payment.money(id).charges).toBe(0);
  {
    await using executor = payment.executor();
    await payment.handleIn(executor, command);
  }
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  expect(await payment.status(id)).toBe("SUCCEEDED");
});

test("a new charge whose saga no longer waits is given up without a request", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  const late = { ...chargePayment(id, await payment.seal("pm_card_visa")), answer_within_ms: 0 };
  {
    await using executor = payment.executor();
    await payment.handleIn(executor, late);
  }
  await payment.round();
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentFailed", error_code: "PROVIDER_UNAVAILABLE" },
  ]);
  expect(payment.money(id).charges).toBe(0);
});

test("above the concurrency limit, and while the provider limits calls, new charges wait in the table", async () => {
  await using payment = await TestPayment.open();
  const method = await payment.seal("pm_card_visa");
  const sagas = Array.from({ length: CONCURRENCY + 3 }, saga);
  {
    await using executor = payment.executor();
    await payment.handleIn(executor, ...sagas.map((id) => chargePayment(id, method)));
  }
  expect(await payment.round()).toBe(3);
  payment.pace.refused(performance.now(), performance.now(), null);
  const late = saga();
  {
    await using executor = payment.executor();
    await payment.handleIn(executor, chargePayment(late, method));
  }
  expect(payment.money(late).charges).toBe(0);
  expect(await payment.status(late)).toBe("PENDING");
});

test.each([
  ["pm_card_visa_chargeDeclinedInsufficientFunds", "INSUFFICIENT_FUNDS"],
  // Whoever uses a stolen card is not told that it is known.
  ["pm_card_visa_chargeDeclinedStolenCard", "CARD_DECLINED"],
])("a declined card fails the payment: %s", async (card, error_code) => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id, card);
  await payment.round();
  expect(await payment.events(id)).toMatchObject([{ type: "PaymentFailed", error_code }]);
  expect(payment.money(id).charges).toBe(0);
});

test("a payment method that the provider quotes in its refusal is in no table, our own text is", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  const canary = "pm_card_viisa-canary-4242-4242";
  await payment.charge(id, canary);
  await payment.round();
  const error_message = "the payment provider does not know the payment method";
  expect(await payment.events(id)).toMatchObject([{ error_code: "PAYMENT_METHOD_INVALID", error_message }]);
  const { sql } = payment.database;
  expect(await tablesHolding(sql, [error_message])).toContain("public.payments");
  expect(await tablesHolding(sql, [canary])).toEqual([]);
});

test("the migration deletes the provider's text that older versions stored, and keeps ours", async () => {
  await using payment = await TestPayment.open();
  const { sql } = payment.database;
  const [quoted, ours] = [saga(), saga()];
  await payment.charge(quoted, "pm_unknown");
  await payment.charge(ours, "pm_card_chargeDeclined");
  await payment.round();
  const words = "No such PaymentMethod: 'pm_unknown'";
  await sql`update payments set error_message = ${words} where saga_id = ${quoted}`;
  await sql`update payments set error_code = 'NOT_CHARGED', error_message = 'none' where saga_id = ${ours}`;
  const migration = migrations.payment.find(({ name }) => name === "0019_own_words");
  await sql.unsafe(migration?.sql ?? "");
  const rows = await sql`select saga_id, error_message from payments order by error_message`;
  expect([...rows]).toEqual([
    { saga_id: ours, error_message: "none" },
    { saga_id: quoted, error_message: null },
  ]);
  expect(await payment.status(quoted)).toBe("FAILED");
});

test.each([
  [
    "is not sealed",
    async (payment: TestPayment, id: string) => payment.handle(chargePayment(id, "pm_card_visa")),
  ],
  [
    "the provider does not know",
    async (payment: TestPayment, id: string) => payment.charge(id, "pm_unknown"),
  ],
])("a token that %s ends in a clean failure", async (_, charge) => {
  await using payment = await TestPayment.open();
  const id = saga();
  await charge(payment, id);
  await payment.round();
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentFailed", error_code: "PAYMENT_METHOD_INVALID" },
  ]);
});

test.each([
  [
    "claims it in its own transaction",
    async (payment: TestPayment, id: string) => {
      await payment.charge(id);
      expect(await payment.claimAndDie()).toHaveLength(1);
    },
  ],
  [
    "claims it in the inbox transaction",
    async (payment: TestPayment, id: string) => {
      await using dying = payment.executor();
      const command = chargePayment(id, await payment.seal("pm_card_visa"));
      await payment.handleIn({ claimNew: dying.claimNew.bind(dying), send: () => {} }, command);
    },
  ],
])(
  "a process that %s and dies during the call leaves a lease, and the next one settles with the same key",
  async (_, claim) => {
    await using payment = await TestPayment.open();
    const id = saga();
    await claim(payment, id);
    const sent = { idempotency_key: `${id}:charge`, saga_id: id, amount_cents: 600, currency: "EUR" };
    await payment.provider.charge({
      ...sent,
      payment_method: "pm_card_visa",
      shopper_present: false,
      capture: "automatic",
    });

    expect(await payment.round()).toBe(0);
    payment.advance(payment.policy.leaseMs);
    expect(await payment.round()).toBe(1);
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
    expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  },
);

test("a charge and a refund scheduled by a clock that is an hour fast are sent at once when the clock is corrected", async () => {
  await using payment = await TestPayment.open();
  const [charged, refunded] = [saga(), saga()];
  payment.advance(HOUR_MS);
  await payment.charge(charged);
  await payment.charge(refunded);
  await payment.round();
  await payment.handle(refundPayment(refunded));
  const late = saga();
  await payment.charge(late);
  payment.advance(-HOUR_MS);
  expect(await payment.round()).toBe(2);
  expect(await payment.eventTypes(late)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(refunded).net_cents).toBe(0);
});

test.each(["pm_sim_timeout_then_success", "pm_sim_reply_lost", "pm_sim_timeout_once", "pm_sim_500_once"])(
  "%s is unknown, never failed, and definite in the end",
  async (token) => {
    await using payment = await TestPayment.open();
    const id = saga();
    await payment.charge(id, token);
    await payment.impatiently(() => payment.round());
    expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["UNKNOWN", []]);
    await settleInTheEnd(payment, id);
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
    expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  },
);

test("a charge that the provider hides behind a stored error is found in its ledger", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id, "pm_sim_500_after_effect");
  await settleInTheEnd(payment, id);
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("a stored error without effect fails the payment once the provider ledger can no longer lag", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id, "pm_sim_500_stored");
  for (let round = 0; round < 5; round += 1) {
    await payment.round();
    expect(await payment.status(id)).toBe("UNKNOWN");
    payment.advance(60_000);
  }
  payment.advance(payment.policy.searchLagMs);
  await payment.round();
  expect(await payment.events(id)).toMatchObject([{ type: "PaymentFailed", error_code: "NOT_CHARGED" }]);
});

test("an account without search finds in its list the charge that a stored error hides, and that another was never made", async () => {
  await using payment = await TestPayment.open();
  await payment.simulator.setFaults({ search_disabled: true });
  // More than a page of other charges, older and newer, in the same account.
  const others = async () => {
    const keys = Array.from({ length: 60 }, saga);
    await Promise.all(keys.map((key) => payment.simulator.charge("pm_card_visa", key)));
  };
  const [charged, never] = [saga(), saga()];
  await others();
  payment.advance(1_000);
  await payment.charge(charged, "pm_sim_500_after_effect");
  await payment.charge(never, "pm_sim_500_stored");
  await payment.round();
  payment.advance(1_000);
  await others();
  for (let round = 0; round < 4; round += 1) {
    payment.advance(60_000);
    await payment.round();
  }
  expect(await payment.eventTypes(charged)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(charged)).toEqual({ net_cents: 600, charges: 1 });
  expect(await payment.status(never)).toBe("UNKNOWN");
  payment.advance(payment.policy.searchLagMs);
  await payment.round();
  expect(await payment.events(never)).toMatchObject([{ type: "PaymentFailed", error_code: "NOT_CHARGED" }]);
});

test("a charge whose key may be forgotten is searched, never charged again", async () => {
  await using payment = await TestPayment.open();
  const [charged, never] = [saga(), saga()];
  await payment.charge(charged, "pm_sim_reply_lost");
  await payment.charge(never, "pm_sim_timeout_no_effect");
  await payment.impatiently(() => payment.round());
  payment.advance(24 * HOUR_MS);
  expect(await payment.round()).toBe(2);
  expect(await payment.eventTypes(charged)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(charged)).toEqual({ net_cents: 600, charges: 1 });
  expect(await payment.events(never)).toMatchObject([{ type: "PaymentFailed", error_code: "NOT_CHARGED" }]);
});

test("a charge without a result is only searched once its saga is compensating", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id, "pm_sim_timeout_no_effect");
  await payment.impatiently(() => payment.round());
  await payment.handle(cancelPayment(id));
  // The simulator still holds the request that timed out; after the undo it gets no other.
  const held = async () => (await payment.simulator.stats())["held"];
  const before = await held();
  for (let minute = 0; minute < 5; minute += 1) {
    payment.advance(60_000);
    expect([await payment.round(), await payment.status(id)]).toEqual([1, "UNKNOWN"]);
  }
  expect(await held()).toBe(before);
  payment.advance(payment.policy.executionMs + payment.policy.searchLagMs);
  await payment.round();
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["FAILED", ["PaymentCancelled"]]);
  expect(await held()).toBe(before);
});

test("an undo during a call waits for the result and then refunds the money", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  await using executor = payment.executor();
  await executor.runOnce();
  await payment.handle(cancelPayment(id));
  await executor[Symbol.asyncDispose]();
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["RefundCompleted"]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
  // A late charge and a replayed one are both refused.
  await payment.charge(id);
  expect(await payment.eventTypes(id)).toEqual(["RefundCompleted", "CommandRefused"]);
});

test("an undo before the call needs no provider, and one before the charge leaves a tombstone", async () => {
  await using payment = await TestPayment.open();
  const [before, first] = [saga(), saga()];
  await payment.handle(
    cancelPayment(first),
    chargePayment(before),
    cancelPayment(before),
    chargePayment(first),
  );
  expect(await payment.round()).toBe(0);
  expect(await payment.eventTypes(before)).toEqual(["PaymentCancelled"]);
  expect(await payment.eventTypes(first)).toEqual(["PaymentCancelled", "CommandRefused"]);
});

test.each(["pm_sim_refund_reply_lost", "pm_sim_refund_timeout_then_success", "pm_sim_refund_500_once"])(
  "%s: a refund is retried until the money is back, once",
  async (token) => {
    await using payment = await TestPayment.open();
    const id = saga();
    await payment.charge(id, token);
    await payment.round();
    await payment.handle(refundPayment(id));
    await payment.impatiently(() => payment.round());
    expect(await payment.status(id)).toBe("REFUND_PENDING");
    await settleInTheEnd(payment, id);
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
    expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
  },
);

test("a refund whose key replays a stored error forever gets another key", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  await payment.round();
  await payment.simulator.setFaults({ error_stored_rate: 1 });
  await payment.handle(refundPayment(id));
  await payment.round();
  await payment.simulator.setFaults({});
  await settleInTheEnd(payment, id);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
});

test("a refund that fails for an hour succeeds afterwards, once", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  await payment.round();
  await payment.simulator.setFaults({ refunds_fail_until_ms: payment.now + HOUR_MS });
  await payment.handle(refundPayment(id));
  for (const end = payment.now + HOUR_MS; payment.now < end; payment.advance(60_000)) await payment.round();
  expect([await payment.status(id), payment.money(id).net_cents]).toEqual(["REFUND_PENDING", 600]);
  await settleInTheEnd(payment, id);
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
});

test.each([
  ["has expired", 0],
  // It would be cut off before the provider can answer.
  ["is nearly over", 3_000],
])("a process that was suspended does not send a request whose lease %s", async (_, beforeEndMs) => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  let sent = 0;
  const { provider } = payment;
  payment.provider = {
    name: provider.name,
    charge: (request) => provider.charge(request).finally(() => (sent += 1)),
    capture: (request) => provider.capture(request),
    findCharge: (saga_id) => provider.findCharge(saga_id),
    lookUpCharge: (transaction) => provider.lookUpCharge(transaction),
    cancelCharge: (transaction) => provider.cancelCharge(transaction),
    actionOf: (transaction) => provider.actionOf(transaction),
    refund: (request) => provider.refund(request),
    findRefund: (transaction) => provider.findRefund(transaction),
  };
  {
    await using suspended = payment.executor();
    const claimed = suspended.runOnce();
    // The claim has read the clock; the request reads a later time.
    payment.advance(payment.policy.leaseMs - beforeEndMs);
    expect(await claimed).toMatchObject({ processed: 1 });
  }
  expect([sent, await payment.status(id)]).toEqual([0, "PENDING"]);
  payment.advance(beforeEndMs);
  await payment.round();
  expect([sent, await payment.eventTypes(id)]).toEqual([1, ["PaymentSucceeded"]]);
});

test("a request is told by when it must be over, in time for its result to be settled within the lease", async () => {
  await using payment = await TestPayment.open();
  const { provider, policy } = payment;
  const leftMs: number[] = [];
  payment.provider = {
    ...UNASKED,
    name: provider.name,
    charge(request, until = Infinity) {
      leftMs.push(until - performance.now());
      return provider.charge(request, until);
    },
  };
  const id = saga();
  await payment.charge(id);
  await payment.round();
  expect(await payment.status(id)).toBe("SUCCEEDED");
  expect(leftMs).toHaveLength(1);
  expect(leftMs[0]).toBeLessThanOrEqual(policy.leaseMs - 2_000);
  expect(leftMs[0]).toBeGreaterThan(policy.leaseMs - 4_000);
});

test("a charge that another process is claiming is skipped", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  await payment.database.postgres.transaction(async ({ tx, send, finish }) => {
    await send([tx`select from payments where saga_id = ${id} for no key update`]);
    expect(await payment.round()).toBe(0);
    await finish([]);
  });
  expect(await payment.round()).toBe(1);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("an executor carries only the payments of its own provider", async () => {
  await using payment = await TestPayment.open();
  const [ours, theirs, paidBack] = [saga(), saga(), saga()];
  await payment.charge(paidBack);
  await payment.round();
  await payment.handle(refundPayment(paidBack));
  for (const id of [ours, theirs]) await payment.charge(id);
  await payment.database
    .sql`update payments set provider = 'another' where saga_id in (${theirs}, ${paidBack})`;

  expect([await payment.round(), await payment.round()]).toEqual([1, 0]);
  expect([await payment.status(ours), await payment.status(theirs), await payment.status(paidBack)]).toEqual([
    "SUCCEEDED",
    "PENDING",
    "REFUND_PENDING",
  ]);
});

test("an executor claims and sends a new payment of its own provider alone", async () => {
  await using payment = await TestPayment.open();
  const [ours, theirs] = [saga(), saga()];
  for (const id of [ours, theirs]) await payment.charge(id);
  await payment.database.sql`update payments set provider = 'another' where saga_id = ${theirs}`;
  const rows = await payment.database.postgres.transaction(async ({ tx, finish }) => {
    const loaded = await loadRows(tx, [ours, theirs]);
    await finish([]);
    return loaded;
  });
  for (const id of [ours, theirs]) rows.made.add(id);
  await using executor = payment.executor();
  executor.claimNew(rows, payment.now);
  expect(rows.claimed.map(({ payment: { saga_id } }) => saga_id)).toEqual([ours]);
  const other = rows.claimed.map((claim) => ({
    ...claim,
    payment: { ...claim.payment, provider: "another" },
  }));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the provider's name is another
  executor.send(other as unknown as typeof rows.claimed);
  expect(payment.money(ours)).toEqual({ net_cents: 0, charges: 0 });
});

test("two processes that run at once send every request once", async () => {
  await using payment = await TestPayment.open();
  const sagas = Array.from({ length: 20 }, saga);
  await Promise.all(sagas.map((id) => payment.charge(id)));
  const claimed = await Promise.all([payment.round(), payment.round()]);
  expect(claimed[0] + claimed[1] + (await payment.round())).toBe(20);
  for (const id of sagas) {
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
    expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  }
  expect(payment.errors).toEqual([]);
});

test("a result that cannot be saved does not delay the others", async () => {
  await using payment = await TestPayment.open();
  const [good, bad] = [saga(), saga()];
  const { provider } = payment;
  payment.provider = {
    name: provider.name,
    charge: async (request) =>
      request.saga_id === bad ? { kind: "succeeded", provider_txn_id: "pi_\0" } : provider.charge(request),
    capture: (request) => provider.capture(request),
    findCharge: (id) => provider.findCharge(id),
    lookUpCharge: (id) => provider.lookUpCharge(id),
    cancelCharge: (id) => provider.cancelCharge(id),
    actionOf: (id) => provider.actionOf(id),
    refund: (request) => provider.refund(request),
    findRefund: (id) => provider.findRefund(id),
  };
  await payment.charge(good);
  await payment.charge(bad);
  await payment.round();
  expect([await payment.status(good), await payment.status(bad)]).toEqual(["SUCCEEDED", "PENDING"]);
  expect(payment.errors).toEqual(["a provider result cannot be settled"]);
});

test("a deferred charge is not sent any more once its saga is compensating", async () => {
  await using payment = await TestPayment.open();
  const sagas = Array.from({ length: 40 }, saga);
  for (const id of sagas) await payment.charge(id);
  await payment.simulator.setFaults({ calls_per_second: 10 });
  await using executor = payment.executor();
  const turnedAway = async () => (await payment.simulator.stats())["turned_away"] ?? 0;
  await waitFor(async () => {
    await executor.runOnce();
    // Charges that were just deferred are due again.
    payment.advance(1_000);
    return (await turnedAway()) > 0 && (await countOf(payment, "SUCCEEDED")) > 10;
  });
  await executor[Symbol.asyncDispose]();
  expect(await countOf(payment, "UNKNOWN")).toBe(0);
  const charged = await countOf(payment, "SUCCEEDED");
  expect(charged).toBeLessThan(40);

  await payment.handle(...sagas.map(cancelPayment));
  expect([await countOf(payment, "CANCELLED"), await countOf(payment, "REFUND_PENDING")]).toEqual([
    40 - charged,
    charged,
  ]);
  await payment.simulator.setFaults({});
  await waitFor(async () => {
    await payment.round();
    payment.advance(60_000);
    return (await countOf(payment, "REFUNDED")) === charged;
  });
  expect(await payment.simulator.stats()).toMatchObject({ charges: charged, refunds: charged });
});

test("charges whose turn would come too late fail at once, without a request", async () => {
  await using payment = await TestPayment.open();
  await payment.simulator.setFaults({ calls_per_second: 1 });
  const sagas = Array.from({ length: 60 }, saga);
  for (const id of sagas) {
    await payment.charge(id);
    payment.advance(1);
  }
  await using executor = payment.executor();
  await waitFor(async () => {
    await executor.runOnce();
    return (await countOf(payment, "FAILED")) > 0;
  });
  await executor[Symbol.asyncDispose]();
  // Sixteen were sent at once, and about 20 s of one call per second may wait.
  expect(await countOf(payment, "FAILED")).toBeGreaterThan(10);
  const last = sagas.at(-1) ?? "";
  expect(await payment.events(last)).toMatchObject([
    { type: "PaymentFailed", error_code: "PROVIDER_UNAVAILABLE" },
  ]);
  expect(payment.money(last).charges).toBe(0);
  // The oldest are charged, or keep their place.
  const first = await Promise.all(sagas.slice(0, 5).map((id) => payment.status(id)));
  expect(first).not.toContain("FAILED");
});

test("replies say how long the next charge would wait while the provider limits calls, and only then", async () => {
  await using payment = await TestPayment.open();
  const [before, ...sagas] = Array.from({ length: 60 }, saga);
  await payment.charge(before ?? "");
  await payment.round();
  await payment.simulator.setFaults({ calls_per_second: 5 });
  for (const id of sagas) await payment.charge(id);
  await using executor = payment.executor();
  const waits = async () => {
    const events = (await Promise.all(sagas.map((id) => payment.events(id)))).flat();
    return events.flatMap((event) => ("charge_wait_ms" in event ? [event.charge_wait_ms ?? 0] : []));
  };
  await waitFor(async () => {
    await executor.runOnce();
    return (await waits()).length > 0;
  });
  await executor[Symbol.asyncDispose]();
  const [longest] = (await waits()).toSorted((a, b) => b - a);
  // About forty are left. The provider takes five per second, or a few more or less while the limit is being learned.
  expect(longest).toBeGreaterThan(1_000);
  expect(longest).toBeLessThan(30_000);
  expect((await payment.events(before ?? ""))[0]).not.toHaveProperty("charge_wait_ms");
});

test("a charge whose saga will not wait for the result is not sent", async () => {
  await using payment = await TestPayment.open();
  const [late, inTime] = [saga(), saga()];
  const charge = async (id: string) => ({
    ...chargePayment(id, await payment.seal("pm_card_visa")),
    answer_within_ms: 30_000,
  });
  await payment.handle(await charge(late));
  payment.advance(25_000);
  await payment.handle(await charge(inTime));
  expect(await payment.round()).toBe(1);
  expect(await payment.events(late)).toMatchObject([
    { type: "PaymentFailed", error_code: "PROVIDER_UNAVAILABLE" },
  ]);
  expect([payment.money(late).charges, await payment.eventTypes(inTime)]).toEqual([0, ["PaymentSucceeded"]]);
});

test("with room for one request, a refund comes first", async () => {
  await using payment = await TestPayment.open();
  const [refunded, charged] = [saga(), saga()];
  await payment.charge(refunded);
  await payment.round();
  await payment.charge(charged);
  payment.advance(1_000);
  await payment.handle(refundPayment(refunded));
  expect(await payment.claimAndDie(1)).toMatchObject([{ kind: "refund", payment: { saga_id: refunded } }]);
});

test("a request that the provider calls malformed is our fault: it is logged, and new charges wait until it is fixed", async () => {
  await using payment = await TestPayment.open();
  await payment.simulator.setFaults({ unknown_parameters: ["error_on_requires_action"] });
  const [first, ...others] = [saga(), saga(), saga()];
  for (const id of [first, ...others]) {
    await payment.charge(id);
    await payment.round();
  }
  expect(await payment.events(first)).toMatchObject([
    { type: "PaymentFailed", error_code: "PROVIDER_REJECTED" },
  ]);
  expect(payment.errors).toContain(holdMessage(true));
  expect(payment.errors.filter((text) => text.includes("rejects a request"))).toHaveLength(3);
  const named = {
    call: "charge",
    provider_param: "error_on_requires_action",
    provider_code: "parameter_unknown",
  };
  expect(payment.errorFields).toContainEqual(named);
  // The runbook and alert rules name this count.
  const counted = {
    name: "payment_provider_results_total",
    provider: "stripe",
    request: "charge",
    outcome: "request_refused",
  };
  expect(payment.counts).toContainEqual(counted);

  // Including the third, whose refusal showed that it is not the fault of a single cart.
  const waiting = [saga(), saga(), saga()];
  for (const id of waiting) await payment.charge(id);
  expect([await payment.round(), await countOf(payment, "PENDING")]).toEqual([0, 4]);
  const inTenSeconds = performance.now() + 10_000;
  const clock = spyOn(performance, "now").mockImplementation(() => inTenSeconds);
  try {
    // The charge that probes is refused again and waits like the others.
    expect([await payment.round(), await countOf(payment, "PENDING")]).toEqual([1, 4]);
    await payment.simulator.setFaults({});
    payment.advance(1_000);
    // One more millisecond, because sums of fractions may be slightly too small.
    clock.mockImplementation(() => inTenSeconds + 10_001);
    expect(await payment.round()).toBe(1);
    expect(payment.errors).toContain(holdMessage(false));
    expect([await payment.round(), await countOf(payment, "SUCCEEDED")]).toEqual([3, 4]);
  } finally {
    clock.mockRestore();
  }
});

async function countOf(payment: TestPayment, status: PaymentStatus): Promise<number> {
  const [row] = await payment.database.sql<[{ count: number }]>`
    select count(*)::int4 as count from payments where status = ${status}`;
  return row.count;
}

/** Advances the clock until the payment is settled. The simulator holds replies back in real time. */
function settleInTheEnd(payment: TestPayment, saga_id: string): Promise<void> {
  return waitFor(async () => {
    const status = await payment.status(saga_id);
    if (status !== "PENDING" && status !== "UNKNOWN" && status !== "REFUND_PENDING") return true;
    payment.advance(60_000);
    await payment.round();
    return false;
  });
}

test("during a dump a claim does not read all charges settled since, and a late charge is still found", async () => {
  const watch = new PlanWatch();
  await using payment = await TestPayment.open(watch.clone);
  const { database } = payment;
  const pay = (dueAt: number, count: number) => database.sql`
    insert into payments (payment_id, saga_id, amount_cents, currency, payment_method, provider, idempotency_key, status, next_attempt_at,
                          created_at, updated_at)
    select uuidv7(), uuidv7(), 1, 'EUR', 'sealed', 'stripe', uuidv7()::text, 'PENDING', ${dueAt}::timestamptz, now(), now()
      from generate_series(1, ${count})`;
  const settle = () => database.sql`
    update payments set status = 'FAILED', error_code = 'x', next_attempt_at = null where next_attempt_at is not null`;
  /** What a claim from `dueFrom` on returns, and how many blocks it reads. */
  const claim = async (dueFrom: number) => {
    watch.plans = [];
    const limits = { limit: 10, newCharges: 10, isScarce: false, dueFrom };
    const context = {
      database: database.postgres,
      policy: payment.policy,
      provider: "stripe",
      newId: () => Bun.randomUUIDv7(),
    };
    const { attempts, oldestDue } = await claimDue(context, limits, payment.now);
    const charges = watch.plans.find(
      ({ text }) => text.includes("'PENDING', 'UNKNOWN'") && text.includes("skip locked"),
    );
    return { claimed: attempts.length, oldestDue, blocks: charges?.plan["Shared Hit Blocks"] ?? 0 };
  };
  const dump = postgres(database.url, { max: 1, onnotice: () => undefined });
  await using _ = { [Symbol.asyncDispose]: () => dump.end() };
  await dump.begin("isolation level repeatable read", async (tx) => {
    await tx`select from payments limit 1`;
    await pay(payment.now - 60_000, 5_000);
    await settle();
    await pay(payment.now - 1_000, 1);
    const walk = await claim(0);
    expect(walk).toMatchObject({ claimed: 1, oldestDue: payment.now - 1_000 });
    expect(walk.blocks).toBeGreaterThan(100);
    await settle();
    await pay(payment.now, 1);
    await pay(payment.now - 60_000, 1);
    const near = await claim(payment.now - 30_000);
    expect(near.claimed).toBe(1);
    expect(near.blocks).toBeLessThan(walk.blocks / 2);
    expect((await claim(0)).claimed).toBe(1);
  });
});
