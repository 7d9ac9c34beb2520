// A charge that waits for its shopper (3-D Secure), on a real Postgres with the simulator's bank: confirmed, refused, abandoned, too
// late, twice, in any order of what reports it; and the internal API that tells where the bank's page is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PaymentAction } from "../../../../schemas/http.ts";
import { Value } from "@sinclair/typebox/value";
import { waitFor } from "../../../paysim/test-provider.ts";
import { cancelPayment, refundPayment } from "../../../testkit/commands.ts";
import { SHOP_URL, TestPayment } from "../../../testkit/payment.ts";
import { LOOK_UP_PAUSE_MS } from "./shopper-http.ts";
import { asGateway } from "../../../testkit/callers.ts";

const ACCEPTS = "pm_card_threeDSecure2Required";
const DECLINES = "pm_card_threeDSecureRequiredChargeDeclined";
const MINUTE_MS = 60_000;

let payment: TestPayment;
let api: ReturnType<TestPayment["shopperApi"]>;
beforeAll(async () => {
  payment = await TestPayment.open();
  api = payment.shopperApi();
});
afterAll(() => payment[Symbol.asyncDispose]());

/** A charge that waits for its shopper. */
async function waiting(token = ACCEPTS): Promise<string> {
  const id = Bun.randomUUIDv7();
  await payment.chargePresent(id, token);
  await payment.round();
  return id;
}

async function ask(id: string, what: "action" | "check"): Promise<Response> {
  const method = what === "check" ? "POST" : "GET";
  const headers = await asGateway();
  return api.handle(new Request(`http://localhost/payments/${id}/${what}`, { method, headers }));
}

/** The bank's page, as the internal API tells it now. */
async function pageOf(id: string): Promise<string> {
  return Value.Parse(PaymentAction, await (await ask(id, "action")).json()).url;
}

/** The shopper presses a button of the bank's page. */
function press(page: string, answer: "confirm" | "refuse"): Promise<Response> {
  const { searchParams } = new URL(page);
  const client_secret = searchParams.get("client_secret") ?? "";
  const body = new URLSearchParams({ client_secret, answer });
  return fetch(page, { method: "POST", body, redirect: "manual" });
}

const kinds = (id: string) =>
  payment.simulator
    .entries()
    .flatMap((entry) => ("saga_id" in entry && entry.saga_id === id ? [entry.kind] : []));

test("the charge waits, its saga hears until when, and nothing stored holds the secret", async () => {
  const id = await waiting();
  const [event] = await payment.events(id);
  expect(event).toMatchObject({
    type: "PaymentActionRequired",
    kind: "redirect",
    expires_at: new Date(payment.now + 10 * MINUTE_MS).toISOString(),
  });
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
  const page = await pageOf(id);
  expect(page).toStartWith(`${payment.simulator.url}/bank/pi_`);
  const secret = new URL(page).searchParams.get("client_secret") ?? "";
  expect(secret.length).toBeGreaterThan(40);
  const { sql } = payment.database;
  const [rows] = await sql<{ text: string }[]>`
    select (select json_agg(p) from payments p)::text || (select json_agg(o) from outbox o)::text as text`;
  expect(rows?.text).toContain(id);
  expect(rows?.text).not.toContain(secret.split("_secret_")[1] ?? "");
});

test("confirmed: a look-up finds it, and it is charged once", async () => {
  const id = await waiting();
  const back = await press(await pageOf(id), "confirm");
  expect(back.status).toBe(303);
  const to = new URL(back.headers.get("location") ?? "");
  expect([to.origin, to.pathname, to.searchParams.get("redirect_status")]).toEqual([
    SHOP_URL.origin,
    `/checkout/${id}`,
    "succeeded",
  ]);
  expect(await payment.eventTypes(id)).toEqual(["PaymentActionRequired"]);
  payment.advance(5_000);
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["PaymentActionRequired", "PaymentSucceeded"]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
  expect((await ask(id, "action")).status).toBe(404);
});

test("confirmed twice: the second time leads back to the shop and takes nothing", async () => {
  const id = await waiting();
  const page = await pageOf(id);
  await press(page, "confirm");
  const again = await press(page, "confirm");
  expect(again.headers.get("location")).toContain("redirect_status=succeeded");
  payment.advance(5_000);
  await payment.round();
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test.each([
  ["refused by the shopper", ACCEPTS, "refuse", "PAYMENT_INTENT_AUTHENTICATION_FAILURE"],
  ["declined by the bank", DECLINES, "confirm", "CARD_DECLINED"],
] as const)(
  "%s: the charge is cancelled before it counts as failed",
  async (_, token, answer, error_code) => {
    const id = await waiting(token);
    const page = await pageOf(id);
    expect((await press(page, answer)).headers.get("location")).toContain("redirect_status=failed");
    payment.advance(5_000);
    await payment.round();
    expect(await payment.events(id)).toMatchObject([
      { type: "PaymentActionRequired" },
      { type: "PaymentFailed", error_code },
    ]);
    expect(kinds(id)).toEqual(["action", "decline", "cancel"]);
    // then the shopper, who still has the page, cannot pay any more
    expect((await press(page, "confirm")).status).toBe(410);
    expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
  },
);

test("abandoned: the undo cancels the charge at once, and its page is closed", async () => {
  const id = await waiting();
  const page = await pageOf(id);
  await payment.handle(cancelPayment(id));
  expect((await ask(id, "action")).status).toBe(404);
  expect(await payment.round()).toBe(1);
  expect(await payment.eventTypes(id)).toEqual(["PaymentActionRequired", "PaymentCancelled"]);
  expect(kinds(id)).toEqual(["action", "cancel"]);
  expect((await press(page, "confirm")).status).toBe(410);
});

test("confirmed while the undo is on its way: it is refunded", async () => {
  const id = await waiting();
  await payment.handle(cancelPayment(id));
  const page = `${payment.simulator.url}/bank/${await intentOf(id)}`;
  const shown = await pageFromProvider(id);
  expect(shown).toStartWith(page);
  await press(shown, "confirm");
  await payment.round();
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["PaymentActionRequired", "RefundCompleted"]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 1 });
  await payment.handle(refundPayment(id));
  expect(payment.money(id).net_cents).toBe(0);
});

async function intentOf(id: string): Promise<string> {
  const [row] = await payment.database.sql<{ action_txn_id: string }[]>`
    select action_txn_id from payments where saga_id = ${id}`;
  return row?.action_txn_id ?? "";
}

async function pageFromProvider(id: string): Promise<string> {
  const found = await payment.provider.actionOf(await intentOf(id));
  if (found.kind !== "redirect") throw new Error(`the charge waits for nobody: ${found.kind}`);
  return found.url;
}

test("without a shopper the bank's wish is a decline, as ever", async () => {
  const id = Bun.randomUUIDv7();
  await payment.charge(id, ACCEPTS);
  await payment.round();
  expect(await payment.events(id)).toMatchObject([
    { type: "PaymentFailed", error_code: "AUTHENTICATION_REQUIRED" },
  ]);
  expect(kinds(id)).toEqual(["decline"]);
});

test("a card that needs no confirmation is charged at once, shopper or not", async () => {
  const id = Bun.randomUUIDv7();
  await payment.chargePresent(id, "pm_card_visa");
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
});

test("a charge whose answer was lost is found waiting, and its undo cancels it", async () => {
  const id = Bun.randomUUIDv7();
  await payment.chargePresent(id, ACCEPTS);
  // a process that dies after its request
  const [attempt] = await payment.claimAndDie();
  expect(attempt?.payment.saga_id).toBe(id);
  await payment.provider.charge({
    idempotency_key: `${id}:charge`,
    saga_id: id,
    amount_cents: 600,
    currency: "EUR",
    payment_method: ACCEPTS,
    shopper_present: true,
    capture: "automatic",
  });
  await payment.handle(cancelPayment(id));
  payment.advance(payment.policy.leaseMs);
  await payment.round();
  await payment.round();
  expect(await payment.eventTypes(id)).toEqual(["PaymentCancelled"]);
  expect(kinds(id)).toEqual(["action", "cancel"]);
});

test("it is asked about after 5 s, 15 s and then every minute, and sooner when the shopper is back", async () => {
  const id = await waiting();
  const dueAfter: number[] = [];
  for (let asked = 0; asked < 4; asked += 1) {
    const [row] = await payment.database.sql<{ next_attempt_at: number }[]>`
      select next_attempt_at from payments where saga_id = ${id}`;
    dueAfter.push((row?.next_attempt_at ?? 0) - payment.now);
    payment.advance((row?.next_attempt_at ?? 0) - payment.now);
    await payment.round();
  }
  expect(dueAfter).toEqual([5_000, 15_000, 60_000, 60_000]);
  const check = async () => (await ask(id, "check")).json();
  expect(await check()).toEqual({ checking: false });
  payment.advance(LOOK_UP_PAUSE_MS);
  expect(await check()).toEqual({ checking: true });
  expect(await check()).toEqual({ checking: false });
  expect(await payment.round()).toBe(1);
});

describe("the internal API", () => {
  test("knows no action of a stranger, of a settled payment, or under a wrong id", async () => {
    expect((await ask(Bun.randomUUIDv7(), "action")).status).toBe(404);
    expect((await ask("nonsense", "action")).status).toBe(422);
    expect(await (await ask(Bun.randomUUIDv7(), "check")).json()).toEqual({ checking: false });
  });

  test("ends with the time that the shopper had, and has no-store", async () => {
    const id = await waiting();
    const response = await ask(id, "action");
    expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
    payment.advance(10 * MINUTE_MS);
    expect((await ask(id, "action")).status).toBe(404);
  });
});

test("the provider's events settle it, whatever their order, and a refusal only makes it looked up", async () => {
  await using hearing = await TestPayment.openHearing();
  const paid = Bun.randomUUIDv7();
  const refused = Bun.randomUUIDv7();
  for (const id of [paid, refused]) await hearing.chargePresent(id, ACCEPTS);
  await hearing.round();
  const pages = hearing.shopperApi();
  const page = async (id: string) => {
    const headers = await asGateway();
    const response = await pages.handle(new Request(`http://localhost/payments/${id}/action`, { headers }));
    return Value.Parse(PaymentAction, await response.json()).url;
  };
  await press(await page(paid), "confirm");
  await waitFor(async () => (await hearing.status(paid)) === "SUCCEEDED");
  await press(await page(refused), "refuse");
  // The event of the refusal makes the look-up due at once, which cancels.
  await waitFor(async () => (await hearing.round()) > 0);
  await waitFor(async () => (await hearing.status(refused)) === "FAILED");
  expect(await hearing.eventTypes(refused)).toEqual(["PaymentActionRequired", "PaymentFailed"]);
});

test("reconciliation sees a waiting and a cancelled charge, and has nothing to say", async () => {
  await using own = await TestPayment.open();
  const [open, gone] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  const reconciler = await own.reconciler();
  for (const id of [open, gone]) await own.chargePresent(id, ACCEPTS);
  await own.round();
  await own.handle(cancelPayment(gone));
  await own.round();
  own.advance(5 * MINUTE_MS);
  expect(await reconciler.runOnce()).toMatchObject({ processed: 1 });
  expect(await own.alerts()).toEqual([]);
});
