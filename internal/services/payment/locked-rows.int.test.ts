// An open transaction locks one payment: the others are charged, settled and reconciled meanwhile. On a real Postgres and the real
// provider simulator.
import { expect, test } from "bun:test";
import { waitFor } from "../../paysim/test-provider.ts";
import { cancelPayment, refundPayment } from "../../testkit/commands.ts";
import { TestPayment } from "../../testkit/payment.ts";
import { holdRows, impatient } from "../../testkit/row-lock.ts";

const saga = () => Bun.randomUUIDv7();
const open = () => TestPayment.open(impatient);
const hold = (payment: TestPayment, saga_id: string) =>
  holdRows(payment.database.url, `select * from payments where saga_id = '${saga_id}' for update`);

test("only the commands of locked payments are left out of a batch; a locked refund counts as a locked payment", async () => {
  await using payment = await open();
  const [held, refunding, free] = [saga(), saga(), saga()];
  for (const id of [held, refunding, free]) await payment.charge(id);
  await payment.round();
  await payment.handle(refundPayment(refunding));
  await using row = await hold(payment, held);
  await using refund = await holdRows(payment.database.url, "select * from refunds for update");
  const effect = await payment.handleFree(
    refundPayment(held),
    refundPayment(refunding),
    refundPayment(free),
    cancelPayment(saga()),
  );
  expect(effect.applied.map(({ message }) => message.type)).toEqual(["RefundPayment", "CancelPayment"]);
  expect(effect.held.map(({ row: name }) => name).toSorted()).toEqual([
    `payments, saga ${held}`,
    `refunds, saga ${refunding}`,
  ]);
  expect(await payment.status(free)).toBe("REFUND_PENDING");
  await Promise.all([row.release(), refund.release()]);
});

test("the results of other payments are settled, its own after the unlock, and no request is sent twice", async () => {
  await using payment = await open();
  const sagas = Array.from({ length: 6 }, saga);
  const [held = ""] = sagas;
  for (const id of sagas) await payment.charge(id);
  await using executor = payment.executor();
  // Claimed first, because a locked payment is not claimed.
  const release = Promise.withResolvers<void>();
  const { provider } = payment;
  const charge = provider.charge.bind(provider);
  provider.charge = async (request) => {
    await release.promise;
    return charge(request);
  };
  await executor.runOnce();
  await using row = await hold(payment, held);
  release.resolve();
  await waitFor(async () => {
    const statuses = await Promise.all(sagas.slice(1).map((id) => payment.status(id)));
    return statuses.every((status) => status === "SUCCEEDED");
  });
  expect(await payment.status(held)).toBe("PENDING");
  await waitFor(async () => payment.warnings.some((line) => line.includes("payments are locked")));
  await row.release();
  await waitFor(async () => (await payment.status(held)) === "SUCCEEDED");
  expect(sagas.map((id) => payment.money(id).charges)).toEqual(sagas.map(() => 1));
});

test("an event about it is answered 503, and settles it when it is resent", async () => {
  await using payment = await open();
  const id = saga();
  await payment.charge(id, "pm_sim_timeout_no_effect");
  await payment.claimAndDie();
  const intent = {
    id: `pi_${id}`,
    object: "payment_intent",
    status: "succeeded",
    amount: 600,
    amount_received: 600,
    currency: "eur",
    metadata: { saga_id: id },
    last_payment_error: null,
  };
  const event = {
    id: "evt_held",
    object: "event",
    type: "payment_intent.succeeded",
    created: Math.floor(payment.now / 1_000),
    data: { object: intent },
  };
  await using row = await hold(payment, id);
  const refused = await payment.sendEvent(event);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(payment.errors).toEqual([expect.stringMatching(/waited \d+ ms for/)]);
  await row.release();
  expect((await payment.sendEvent(event)).status).toBe(200);
  expect(await payment.status(id)).toBe("SUCCEEDED");
});

test("among events that arrive together only the one about it is refused", async () => {
  await using payment = await open();
  const sagas = Array.from({ length: 8 }, saga);
  const [held = "", ...free] = sagas;
  for (const id of sagas) await payment.charge(id);
  await payment.claimAndDie();
  await using row = await hold(payment, held);
  const intake = payment.webhookIntake();
  const receive = (saga_id: string) => {
    const provider_txn_id = `pi_${saga_id}`;
    const answer = { kind: "succeeded", provider_txn_id } as const;
    const charge = { provider_txn_id, saga_id, isMarked: true, amount_cents: 600, currency: "EUR", answer };
    return intake.receive({ kind: "charge", event_id: `evt_${saga_id}`, charge });
  };
  const outcomes = await Promise.allSettled(sagas.map(receive));
  expect(outcomes[0]).toMatchObject({ status: "rejected", reason: { code: "DATABASE_LOCKED" } });
  expect(outcomes.slice(1)).toEqual(free.map(() => ({ status: "fulfilled", value: "settled" })));
  await row.release();
  expect(await receive(held)).toBe("settled");
});

test("reconciliation compares it with its page, and marks it in a later run", async () => {
  await using payment = await open();
  const reconciler = await payment.reconciler();
  const [held, other] = [saga(), saga()];
  for (const id of [held, other]) await payment.charge(id);
  await payment.round();
  await using row = await hold(payment, held);
  const marked = async () =>
    (await payment.database.sql`select from payments where reconciled_at is not null`).length;
  payment.advance(90_000);
  await reconciler.runOnce();
  expect([await marked(), payment.errors]).toEqual([1, []]);
  await row.release();
  payment.advance(90_000);
  await reconciler.runOnce();
  payment.advance(90_000);
  await reconciler.runOnce();
  expect([await marked(), await payment.alerts()]).toEqual([2, []]);
});
