// The payment database is lost while charges wait for their shoppers, and rebuilt, on a real Postgres with the simulator's bank: no
// payment ends while its shopper can still pay it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Command } from "../../schemas/commands.ts";
import { AppError } from "../kernel/errors.ts";
import { cancelPayment, capturePayment } from "../testkit/commands.ts";
import { eventOf } from "../testkit/events.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { TestPayment } from "../testkit/payment.ts";
import { type ChargeAtProvider, type ListingProvider, reopenCharged } from "./payment-reopen.ts";
import { type PaymentRebuildReport, rebuildPayments } from "./payment-rebuild.ts";

const ACCEPTS = "pm_card_threeDSecure2Required";
const WHO = { actor: "ada", reason: "its disk is gone" };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let payment: TestPayment;
let orchestrator: TestOrchestrator;
beforeAll(async () => {
  [payment, orchestrator] = await Promise.all([TestPayment.open(), TestOrchestrator.open()]);
  orchestrator.now = payment.now;
});
afterAll(async () => {
  await payment[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
});

/** A checkout whose bank asks for its shopper, and the page of the bank. */
async function asked(): Promise<{ readonly id: string; readonly page: string }> {
  const payment_method = await payment.seal(ACCEPTS);
  const id = await orchestrator.start({ payment_method, shopper_present: true });
  await orchestrator.handle(eventOf("InventoryReserved", id));
  const command = (await orchestrator.messages(id)).find(isCharge);
  if (command === undefined) throw new Error("the saga asked for no charge");
  await orchestrator.database.sql`update outbox set published = true, published_at = now()`;
  await payment.handle(command);
  await payment.round();
  const [row] = await payment.database.sql<{ action_txn_id: string }[]>`
    select action_txn_id from payments where saga_id = ${id}`;
  const action = await payment.provider.actionOf(row?.action_txn_id ?? "");
  if (action.kind !== "redirect") throw new Error(`the bank has no page: ${action.kind}`);
  return { id, page: action.url };
}

function isCharge(message: {
  readonly type: string;
}): message is Extract<Command, { type: "ChargePayment" }> {
  return message.type === "ChargePayment";
}

/** The shopper presses a button of the bank's page. */
function press(page: string, answer: "confirm" | "refuse"): Promise<Response> {
  const client_secret = new URL(page).searchParams.get("client_secret") ?? "";
  const body = new URLSearchParams({ client_secret, answer });
  return fetch(page, { method: "POST", body, redirect: "manual" });
}

/** All rows are gone, and only the saga database knows what was asked. */
async function loseAndRebuild(): Promise<PaymentRebuildReport> {
  await payment.database.sql`truncate payments, refunds, inbox, outbox`;
  return rebuildPayments({
    payment: payment.database.sql,
    saga: orchestrator.database.sql,
    provider: payment.provider.name,
    since: 0,
    newId: () => Bun.randomUUIDv7(),
    now: payment.now,
    ...WHO,
  });
}

/** Rounds until the payment has ended. */
async function settle(id: string): Promise<string | undefined> {
  for (let round = 0; round < 30; round += 1) {
    const status = await payment.status(id);
    if (status !== "UNKNOWN" && status !== "REFUND_PENDING") return status;
    await payment.round();
    payment.advance(MINUTE_MS);
  }
  return "UNKNOWN";
}

test("a refused charge of a compensating saga is cancelled before its undo is answered", async () => {
  const { id, page } = await asked();
  await press(page, "refuse");
  await orchestrator.cancel(id, WHO);
  expect((await loseAndRebuild()).lost).toBe(1);
  await payment.handle(cancelPayment(id));
  expect(await settle(id)).toBe("FAILED");
  expect(await payment.eventTypes(id)).toEqual(["PaymentCancelled"]);
  // The shopper still has the page, and tries again with another card.
  expect((await press(page, "confirm")).status).toBe(410);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
});

test("a refused charge whose key the provider has forgotten is cancelled before the payment fails", async () => {
  const { id, page } = await asked();
  await press(page, "refuse");
  payment.advance(23 * HOUR_MS);
  await loseAndRebuild();
  expect(await settle(id)).toBe("FAILED");
  expect(await payment.eventTypes(id)).toEqual(["PaymentFailed"]);
  expect((await press(page, "confirm")).status).toBe(410);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
});

test("a shopper who is faster than that cancel has paid", async () => {
  const { id, page } = await asked();
  await press(page, "refuse");
  payment.advance(23 * HOUR_MS);
  await loseAndRebuild();
  await payment.round();
  await press(page, "confirm");
  expect(await settle(id)).toBe("SUCCEEDED");
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(id)).toMatchObject({ charges: 1 });
});

test("an event about the refusal does not end the payment either", async () => {
  const { id, page } = await asked();
  await press(page, "refuse");
  await orchestrator.cancel(id, WHO);
  await loseAndRebuild();
  const intent = new URL(page).pathname.split("/").at(-1) ?? "";
  const at = Math.floor(payment.now / 1_000);
  const object = {
    id: intent,
    object: "payment_intent",
    status: "requires_payment_method",
    amount: 1_000,
    amount_received: 0,
    currency: "eur",
    metadata: { saga_id: id, shop: "checkout" },
    last_payment_error: { code: "payment_intent_authentication_failure" },
    created: at,
  };
  const event = { id: `evt_${id}`, type: "payment_intent.payment_failed", created: at, data: { object } };
  expect((await payment.sendEvent(event)).status).toBe(200);
  expect(await payment.status(id)).toBe("UNKNOWN");
  expect(await settle(id)).toBe("FAILED");
  expect((await press(page, "confirm")).status).toBe(410);
});

test.each([
  ["was captured since the backup", "PAYMENT_CHARGED", true, "SUCCEEDED"],
  ["was to be captured", "PAYMENT_CHARGED", false, "SUCCEEDED"],
  ["was captured since the backup, but its saga is undone", "COMPENSATING", true, "REFUNDED"],
  ["belongs to a saga that is undone", "COMPENSATING", false, "CANCELLED"],
  ["belongs to a saga that has not asked for it yet", "INVENTORY_RESERVED", false, "AUTHORIZED"],
] as const)("held money that %s ends as its saga and the provider say", async (_, saga, isCaptured, end) => {
  const id = await orchestrator.start({ payment_method: await payment.seal("pm_card_visa") });
  await payment.authorize(id);
  await payment.round();
  if (isCaptured) {
    await payment.handle(capturePayment(id));
    await payment.round();
    await payment.database.sql`update payments set status = 'AUTHORIZED' where saga_id = ${id}`;
  }
  const isUndone = saga === "COMPENSATING";
  const [step, failure] = isUndone ? ["authorize", "X"] : [null, null];
  await orchestrator.database.sql`
    update saga_state set status = ${saga}, compensation_step = ${step}, failure_code = ${failure} where saga_id = ${id}`;
  await rebuildPayments({
    payment: payment.database.sql,
    saga: orchestrator.database.sql,
    provider: payment.provider.name,
    since: Date.now(),
    newId: () => Bun.randomUUIDv7(),
    now: payment.now,
    ...WHO,
  });
  for (let round = 0; round < 4; round += 1) {
    await payment.round();
    payment.advance(MINUTE_MS);
  }
  expect(await payment.status(id)).toBe(end);
  expect(payment.money(id).net_cents).toBe(end === "SUCCEEDED" ? 600 : 0);
});

/** A provider with one page of charges. `now`: what became of those that the list does not tell. */
function listing(
  name: string,
  page: readonly ChargeAtProvider[],
  now: Readonly<Record<string, ChargeAtProvider>> = {},
): ListingProvider {
  return {
    name,
    chargesSince: () => [page],
    lookUp: (id) => Promise.resolve(now[id] ?? null),
    lagMs: name === "paypal" ? 3 * HOUR_MS : 0,
  };
}

test("money that is held for a payment that was cancelled as never requested is released", async () => {
  const id = await orchestrator.start({ payment_method: await payment.seal("pm_card_visa") });
  await payment.authorize(id);
  await payment.round();
  const [row] = await payment.database.sql<{ charge: string }[]>`
    update payments p set status = 'CANCELLED', provider_txn_id = null, undo_requested = true, capture = 'automatic'
      from (select saga_id, provider_txn_id from payments where saga_id = ${id}) old
     where p.saga_id = old.saga_id returning old.provider_txn_id as charge`;
  const provider_txn_id = row?.charge ?? "";
  await orchestrator.database.sql`
    update saga_state set status = 'COMPENSATING', compensation_step = 'authorize', failure_code = 'X' where saga_id = ${id}`;
  const held = { provider_txn_id, saga_id: id, amount_cents: 600, currency: "EUR", money: "held" as const };
  const databases = { payment: payment.database.sql, saga: orchestrator.database.sql };
  const times = { since: payment.now - MINUTE_MS, now: payment.now };
  const report = await reopenCharged({ ...databases, ...times, providers: [listing("stripe", [held])] });
  expect(report).toEqual({ compared: 1, reopened: [id], open: [], later: [] });
  expect(await settle(id)).toBe("FAILED");
  expect((await payment.eventTypes(id)).at(-1)).toBe("PaymentCancelled");
  expect((await payment.simulator.stripe.paymentIntents.retrieve(provider_txn_id)).status).toBe("canceled");
});

/** A payment of PayPal that ended as never requested. Its checkout is undone. */
async function cancelled(): Promise<string> {
  const id = await orchestrator.start({ payment_method: await payment.seal("paypal"), provider: "paypal" });
  await payment.handle(cancelPayment(id));
  await payment.database.sql`update payments set provider = 'paypal' where saga_id = ${id}`;
  await orchestrator.database.sql`
    update saga_state set status = 'COMPENSATING', compensation_step = 'authorize', failure_code = 'X' where saga_id = ${id}`;
  return id;
}

test("every provider's list is compared: a hold is looked up, what comes late and a list that we may not read are named", async () => {
  const [held, over, unseen] = [await cancelled(), await cancelled(), await cancelled()];
  const of = (saga_id: string, provider_txn_id: string) => ({
    provider_txn_id,
    saga_id,
    amount_cents: 600,
    currency: "EUR",
    money: "held" as const,
  });
  const listed = [held, over].map((id) => ({ ...of(id, `authorization:${id}`), isStale: true as const }));
  const now = {
    [`authorization:${held}`]: of(held, "order:O1"),
    [`authorization:${over}`]: { ...of(over, "order:O2"), money: "none" as const },
  };
  const refusing: ListingProvider = {
    ...listing("other", []),
    chargesSince: () => {
      throw new AppError("PROVIDER_REJECTED", "it refuses access to its list");
    },
  };
  const databases = { payment: payment.database.sql, saga: orchestrator.database.sql };
  const times = { since: payment.now - MINUTE_MS, now: payment.now };
  const report = await reopenCharged({
    ...databases,
    ...times,
    providers: [refusing, listing("paypal", listed, now)],
  });
  expect(report).toMatchObject({ compared: 2, reopened: [held] });
  expect(report.open).toEqual([
    expect.stringContaining("other does not list its charges (it refuses access to its list)"),
    expect.stringContaining("stripe has no credentials here"),
  ]);
  expect(report.later).toEqual([expect.stringContaining("paypal lists a charge up to 3 h late")]);
  const rows = await payment.database.sql`
    select saga_id, status, action_txn_id from payments where saga_id = any(${[held, over, unseen]}::uuid[]) order by status, saga_id`;
  expect([...rows]).toEqual([
    ...[over, unseen].toSorted().map((saga_id) => ({ saga_id, status: "CANCELLED", action_txn_id: null })),
    { saga_id: held, status: "UNKNOWN", action_txn_id: "order:O1" },
  ]);
});
