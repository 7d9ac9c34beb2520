// Held money on a real Postgres and the real provider simulator over HTTP: it is taken once or released, whatever gets lost between.
import { expect, test } from "bun:test";
import { waitFor } from "../../../paysim/test-provider.ts";
import { cancelPayment, capturePayment, chargePayment, refundPayment } from "../../../testkit/commands.ts";
import { SHORT_TIMEOUT_MS, TestPayment } from "../../../testkit/payment.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const saga = () => Bun.randomUUIDv7();

/** The saga's money is held; returns its id. */
async function held(payment: TestPayment, payment_method?: string): Promise<string> {
  const id = saga();
  await payment.authorize(id, payment_method);
  await payment.round();
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "AUTHORIZED",
    ["PaymentAuthorized"],
  ]);
  return id;
}

/** Rounds until nothing happens any more, with pauses in between. */
async function settleInTheEnd(payment: TestPayment, id: string): Promise<void> {
  for (let rounds = 0; rounds < 12; rounds += 1) {
    payment.advance(60_000);
    await payment.round();
  }
  expect(["CAPTURE_PENDING", "VOID_PENDING", "REFUND_PENDING"]).not.toContain(
    (await payment.status(id)) ?? "none",
  );
}

const kindsOf = (payment: TestPayment, id: string) =>
  payment.simulator
    .entries()
    .filter((entry) => "saga_id" in entry && entry.saga_id === id)
    .map(({ kind }) => kind);

test("money is held, then taken, each by one request, and each is reported with the card", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
  const [row] = await payment.database.sql`
    select capture, payment_method, next_attempt_at, capture_before from payments`;
  expect(row).toMatchObject({
    capture: "manual",
    payment_method: null,
    next_attempt_at: null,
    capture_before: Math.floor((payment.now + 7 * DAY_MS) / 1_000) * 1_000,
  });
  expect(await payment.round()).toBe(0);

  await payment.handle(capturePayment(id));
  expect([await payment.round(), await payment.round()]).toEqual([1, 0]);
  const card = { brand: "visa", last4: "4242" };
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentAuthorized", amount_cents: 600, card, capture_before: expect.any(String) },
    { type: "PaymentSucceeded", amount_cents: 600, card, transaction_id: expect.stringMatching(/^pi_/) },
  ]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  expect(kindsOf(payment, id)).toEqual(["hold", "charge"]);

  await payment.handle(refundPayment(id));
  await payment.round();
  expect(await payment.status(id)).toBe("REFUNDED");
});

test("a charge that takes its money at once is requested as before", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.charge(id);
  await payment.round();
  expect([await payment.status(id), kindsOf(payment, id)]).toEqual(["SUCCEEDED", ["charge"]]);
  await payment.handle(capturePayment(id));
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "PaymentSucceeded"]);
});

test("an undo before the capture releases the money, and nothing is ever taken", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  await payment.handle(cancelPayment(id));
  expect(await payment.status(id)).toBe("VOID_PENDING");
  await payment.round();
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "CANCELLED",
    ["PaymentAuthorized", "PaymentCancelled"],
  ]);
  await payment.handle(capturePayment(id));
  await payment.round();
  expect((await payment.eventTypes(id)).at(-1)).toBe("CommandRefused");
  expect(kindsOf(payment, id)).toEqual(["hold", "cancel"]);
});

test("an authorization whose reply was lost and that is undone meanwhile is released when it is found", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.authorize(id, "pm_sim_reply_lost");
  await payment.round();
  expect(await payment.status(id)).toBe("UNKNOWN");
  await payment.handle(cancelPayment(id));
  await settleInTheEnd(payment, id);
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "CANCELLED",
    ["PaymentCancelled"],
  ]);
  expect(kindsOf(payment, id)).toEqual(["hold", "cancel"]);
});

test.each([
  "pm_sim_capture_reply_lost",
  "pm_sim_capture_500_once",
  "pm_sim_capture_500_after_effect",
  "pm_sim_capture_timeout_then_success",
])("a capture with %s is settled by its key or by the charge, and taken once", async (token) => {
  await using payment = await TestPayment.open();
  const id = await held(payment, token);
  await payment.handle(capturePayment(id));
  await payment.impatiently(() => payment.round());
  expect(await payment.status(id)).toBe("CAPTURE_PENDING");
  await Bun.sleep(2 * SHORT_TIMEOUT_MS);
  await settleInTheEnd(payment, id);
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "SUCCEEDED",
    ["PaymentAuthorized", "PaymentSucceeded"],
  ]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("an undo during a capture whose reply is lost refunds what was taken", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment, "pm_sim_capture_reply_lost");
  await payment.handle(capturePayment(id));
  await payment.round();
  await payment.handle(cancelPayment(id));
  await settleInTheEnd(payment, id);
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "REFUNDED",
    ["PaymentAuthorized", "RefundCompleted"],
  ]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
});

test("an undo during a capture that was never executed releases the money, and the late capture takes none", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  await payment.handle(capturePayment(id));
  const [claim] = await payment.claimAndDie();
  await payment.handle(cancelPayment(id));
  await payment.round();
  expect(await payment.status(id)).toBe("CANCELLED");
  if (claim?.kind !== "capture") throw new Error("the capture was not claimed");
  const { provider_txn_id } = claim.payment;
  const late = await payment.provider.capture({ ...claim.request, saga_id: id, provider_txn_id });
  expect(late).toMatchObject({ kind: "declined", error_code: "AUTHORIZATION_ENDED", closed: true });
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
});

test("a hold that has ended fails its capture", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  payment.advance(7 * DAY_MS);
  await payment.handle(capturePayment(id));
  await payment.round();
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentAuthorized" },
    { type: "PaymentFailed", error_code: "AUTHORIZATION_ENDED" },
  ]);
  await payment.handle(cancelPayment(id));
  expect((await payment.eventTypes(id)).at(-1)).toBe("PaymentCancelled");
});

test("a capture that the bank refuses is reported when the hold is released", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment, "pm_sim_capture_declined");
  await payment.handle(capturePayment(id));
  await payment.round();
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "VOID_PENDING",
    ["PaymentAuthorized"],
  ]);
  await payment.round();
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "FAILED",
    ["PaymentAuthorized", "PaymentFailed"],
  ]);
  expect(kindsOf(payment, id)).toEqual(["hold", "refusal", "cancel"]);
});

test("a capture and a void that were claimed by a process that died are sent by another", async () => {
  await using payment = await TestPayment.open();
  const [taken, released] = [await held(payment), await held(payment)];
  await payment.handle(capturePayment(taken), cancelPayment(released));
  expect((await payment.claimAndDie()).map(({ kind }) => kind).toSorted()).toEqual(["capture", "void"]);
  expect(await payment.round()).toBe(0);
  payment.advance(payment.policy.leaseMs);
  expect(await payment.round()).toBe(2);
  expect([await payment.status(taken), await payment.status(released)]).toEqual(["SUCCEEDED", "CANCELLED"]);
});

test("a capture is claimed and sent in the transaction of its command", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  {
    await using executor = payment.executor();
    await payment.handleIn(executor, capturePayment(id));
  }
  expect([await payment.status(id), await payment.eventTypes(id)]).toEqual([
    "SUCCEEDED",
    ["PaymentAuthorized", "PaymentSucceeded"],
  ]);
});

test("the key of an authorization tells what has become of it since", async () => {
  await using payment = await TestPayment.open();
  const [taken, released] = [await held(payment), await held(payment)];
  await payment.handle(capturePayment(taken), cancelPayment(released));
  await payment.round();
  const again = (saga_id: string) =>
    payment.provider.charge({
      idempotency_key: `${saga_id}:charge`,
      saga_id,
      amount_cents: 600,
      currency: "EUR",
      payment_method: "pm_card_visa",
      shopper_present: false,
      capture: "manual",
    });
  expect(await again(taken)).toMatchObject({ kind: "succeeded" });
  expect(await again(released)).toMatchObject({ kind: "declined", closed: true });
});

test("a void is repeated while the provider is away, for as long as it takes", async () => {
  await using payment = await TestPayment.open();
  const id = await held(payment);
  await payment.simulator.setFaults({ unavailable_rate: 1 });
  await payment.handle(cancelPayment(id));
  for (let hours = 0; hours < 24; hours += 1) {
    await payment.round();
    payment.advance(60 * 60 * 1_000);
  }
  expect(await payment.status(id)).toBe("VOID_PENDING");
  await payment.simulator.setFaults({});
  await waitFor(async () => {
    payment.advance(60 * 60 * 1_000);
    await payment.round();
    return (await payment.status(id)) === "CANCELLED";
  });
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
});

test("a provider that is not served fails the payment without a request", async () => {
  await using payment = await TestPayment.open();
  const id = saga();
  await payment.handle({ ...chargePayment(id), provider: "nobody" });
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentFailed", error_code: "PAYMENT_METHOD_INVALID" },
  ]);
  expect(await payment.round()).toBe(0);
});

test("a claim reads the held money that is due by its index", async () => {
  await using payment = await TestPayment.open();
  await payment.database.sql`
    insert into payments (payment_id, saga_id, amount_cents, currency, provider, capture, idempotency_key, status, provider_txn_id,
                          next_attempt_at, created_at, updated_at)
    select id, id, 600, 'EUR', 'stripe', 'manual', id || ':charge',
           case when n % 2 = 0 then 'AUTHORIZED' else 'SUCCEEDED' end, 'pi_' || id, null, now(), now()
      from (select gen_random_uuid() as id, n from generate_series(1, 20000) n) made`;
  await payment.database.sql`analyze payments`;
  const plan = await payment.database.sql`
    explain select payment_id from payments
     where status in ('CAPTURE_PENDING', 'VOID_PENDING') and provider = 'stripe' and next_attempt_at <= now()
     order by next_attempt_at limit 10 for no key update skip locked`;
  expect(JSON.stringify(plan)).toContain("payments_held");
});
