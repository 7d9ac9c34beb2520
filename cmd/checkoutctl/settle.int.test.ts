// `checkoutctl payments settle` on real databases and the provider simulator, with every reason to refuse it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { cancelPayment } from "../../internal/testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { TestPayment } from "../../internal/testkit/payment.ts";

let tool: Checkoutctl;
let payment: TestPayment;
let saga: TestDatabase;
let env: Environment;
beforeAll(async () => {
  [tool, payment, saga] = await Promise.all([Checkoutctl.open(), TestPayment.open(), cloneDatabase("saga")]);
  // The tool's clock is the machine's.
  payment.simulator.nowMs = Date.now();
  env = {
    SAGA_DATABASE_URL: saga.url,
    PAYMENT_DATABASE_URL: payment.database.url,
    STRIPE_API_KEY: "sk_test_simulator",
    STRIPE_BASE_URL: payment.simulator.url,
  };
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await payment[Symbol.asyncDispose]();
  await saga[Symbol.asyncDispose]();
});

test("a charge without a result is settled as failed once its saga compensates and the provider has no such charge", async () => {
  const id = await unanswered("pm_sim_timeout_no_effect");
  const forward = await settle(id, "failed");
  expect([forward.code, forward.stderr]).toEqual([3, expect.stringContaining("is not compensating")]);
  await payment.handle(cancelPayment(id));
  const early = await settle(id, "failed");
  expect([early.code, early.stderr]).toEqual([3, expect.stringContaining("too recently")]);

  await askedHourAgo(id);
  await payment.simulator.setFaults({ unavailable_rate: 1 });
  const silent = await settle(id, "failed");
  expect([silent.code, silent.stderr]).toEqual([4, expect.stringContaining("--despite-silence")]);
  await payment.simulator.setFaults({});
  const { code, stdout } = await settle(id, "failed");
  expect([code, stdout]).toEqual([0, expect.stringContaining("FAILED")]);
  expect(await payment.eventTypes(id)).toEqual(["PaymentCancelled"]);
  const again = await settle(id, "failed");
  expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("its outcome is known")]);

  expect(await trailOf(id)).toMatchObject([
    {
      actor: "ada",
      reason: "ticket 7",
      outcome: "refused",
      detail: expect.stringContaining("not compensating"),
    },
    { outcome: "refused" },
    { outcome: "refused" },
    {
      outcome: "settled",
      detail: expect.stringContaining("evidence: their mail; the provider has no such charge"),
    },
    { outcome: "refused" },
  ]);
});

test("a charge that the provider has is never settled as failed, and as succeeded only under its own id", async () => {
  const [id, other] = [await unanswered("pm_sim_reply_lost"), await unanswered("pm_sim_reply_lost")];
  const charge = chargeOf(id);
  const wrong = await settle(id, "succeeded", "--charge", chargeOf(other));
  expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining(`belongs to saga ${other}`)]);
  const unknown = await settle(id, "succeeded", "--charge", "pi_nobody");
  expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining("has no charge")]);
  await payment.handle(cancelPayment(id));
  await askedHourAgo(id);
  const failed = await settle(id, "failed");
  expect([failed.code, failed.stderr]).toEqual([3, expect.stringContaining(`with charge ${charge}`)]);

  expect((await settle(other, "succeeded", "--charge", chargeOf(other))).code).toBe(0);
  expect(await payment.eventTypes(other)).toEqual(["PaymentSucceeded"]);

  const { code } = await settle(id, "succeeded", "--charge", charge);
  expect([code, await payment.status(id)]).toEqual([0, "REFUND_PENDING"]);
  // The tool's clock has advanced, the test's has not.
  payment.advance(Math.max(0, Date.now() - payment.simulator.nowMs) + 60_000);
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["RefundCompleted"]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
});

test("a refund that failed is settled by hand after the shopper was paid in another way, and nothing else is", async () => {
  const id = Bun.randomUUIDv7();
  await payment.simulator.setFaults({ aftermath_ms: 3_600_000 });
  await payment.charge(id, "pm_sim_refund_pending_fails");
  await payment.round();
  await payment.handle(cancelPayment(id));
  await payment.round();
  const open = await settle(id, "refunded");
  expect([open.code, open.stderr]).toEqual([3, expect.stringContaining("has not failed")]);
  const entry = payment.simulator.entries().findLast(({ kind }) => kind === "refund_pending");
  const refund = entry?.kind === "refund_pending" ? entry.refund : "";
  await payment.simulator.control("POST", "later", { refund, status: "failed" }, Type.Unknown());
  payment.advance(60_000);
  await payment.round();
  expect(await payment.alerts()).toMatchObject([
    { kind: "refund_failed", subject: refund, close_note: null },
  ]);
  // Somebody refunds at the provider at the same time.
  const second = await payment.simulator.stripe.refunds.create({ payment_intent: chargeOf(id) });
  const twice = await settle(id, "refunded");
  expect([twice.code, twice.stderr]).toEqual([3, expect.stringContaining(second.id)]);
  await payment.simulator.control("POST", "later", { refund: second.id, status: "failed" }, Type.Unknown());

  const { code, stdout } = await settle(id, "refunded");
  expect([code, stdout]).toEqual([0, expect.stringContaining("REFUNDED")]);
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
  // An open alert is looked at again when it was not seen for a while.
  payment.advance(6_000_000);
  await (await payment.reconciler()).runOnce();
  expect(await payment.alerts()).toMatchObject([{ close_note: "the ledgers agree again" }]);
  const again = await settle(id, "refunded");
  expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("the payment is REFUNDED")]);
});

test("a refund that the provider refuses for a lost dispute is settled by hand", async () => {
  const id = Bun.randomUUIDv7();
  await payment.charge(id);
  await payment.round();
  await payment.simulator.control("POST", "later", { payment_intent: chargeOf(id) }, Type.Unknown());
  await payment.handle(cancelPayment(id));
  await payment.round();
  const { code, stdout } = await settle(id, "refunded");
  expect([code, stdout]).toEqual([0, expect.stringContaining("the provider has no refund")]);
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
});

test("an unknown payment and a missing --charge are refused", async () => {
  const missing = await settle(Bun.randomUUIDv7(), "failed");
  expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("there is no payment")]);
  const without = await settle(Bun.randomUUIDv7(), "succeeded");
  expect([without.code, without.stderr]).toEqual([2, expect.stringContaining("--charge")]);
});

async function unanswered(token: string): Promise<string> {
  const id = Bun.randomUUIDv7();
  await payment.charge(id, token);
  await payment.impatiently(() => payment.round());
  expect(await payment.status(id)).toBe("UNKNOWN");
  return id;
}

async function askedHourAgo(saga_id: string): Promise<void> {
  await payment.database.sql`
    update payments
       set first_attempt_at = first_attempt_at - interval '1 hour', charge_asked_at = charge_asked_at - interval '1 hour'
     where saga_id = ${saga_id}`;
}

function chargeOf(saga_id: string): string {
  const charge = payment.simulator
    .entries()
    .find((entry) => entry.kind === "charge" && entry.saga_id === saga_id);
  return charge?.kind === "charge" ? charge.payment_intent : "";
}

function settle(saga_id: string, outcome: string, ...more: readonly string[]) {
  const why = ["--evidence", "their mail", "--reason", "ticket 7"];
  return tool.run(["payments", "settle", saga_id, "--outcome", outcome, ...why, ...more], env);
}

function trailOf(saga_id: string) {
  return saga.sql`
    select actor, reason, outcome, detail from operator_actions where saga_id = ${saga_id} order by at, action_id`;
}
