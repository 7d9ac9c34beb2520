// Money that PayPal holds and no payment of ours knows is found in its list, on a real Postgres with the simulator's PayPal. The list says
// that there was a hold, so what became of it is asked only where a payment does not know.
import { expect, test } from "bun:test";
import { AppError } from "../../../kernel/errors.ts";
import { TestPayPal } from "../../../paysim/paypal/test-paypal.ts";
import { cancelPayment, capturePayment } from "../../../testkit/commands.ts";
import { MARK, SHOP_URL, TestPayment } from "../../../testkit/payment.ts";
import type { ProviderCharge, Span } from "../providers/ledger.ts";
import { PayPalLedger } from "../providers/paypal/paypal-ledger.ts";
import { PayPalProvider } from "../providers/paypal/paypal.ts";
import { MAX_HOLDS_IN_DOUBT } from "./holds-in-doubt.ts";
import type { Reconciler } from "./reconciler.ts";

const INTERVAL_MS = 60_000;
const GRACE_MS = 30_000;
const saga = () => Bun.randomUUIDv7();

class Shop implements AsyncDisposable {
  readonly paypal = new TestPayPal();
  readonly payment: TestPayment;
  /** Ids of look-ups. */
  readonly asked: string[] = [];
  /** Ids of charges in the list. */
  readonly listed: string[] = [];
  readonly provider: PayPalProvider;
  beforeLookUp: () => void = () => undefined;
  readonly #ledger: PayPalLedger;

  constructor(payment: TestPayment, mark = MARK) {
    this.payment = payment;
    this.paypal.nowMs = payment.now;
    const account = { clientId: "client", clientSecret: "secret", baseUrl: new URL(this.paypal.url) };
    const clock = { now: () => this.paypal.nowMs };
    this.provider = new PayPalProvider({ ...account, mark, shopUrl: SHOP_URL, clock });
    this.#ledger = new PayPalLedger({ ...account, mark: MARK });
  }

  /** The money of an approved order is held. Returns the charge's id. */
  async held(saga_id: string): Promise<string> {
    this.paypal.nowMs = this.payment.now;
    const waiting = await this.provider.charge({
      idempotency_key: `${saga_id}:charge`,
      saga_id,
      amount_cents: 600,
      currency: "EUR",
      payment_method: "paypal",
      shopper_present: true,
      capture: "manual",
    });
    const charge = "provider_txn_id" in waiting ? (waiting.provider_txn_id ?? "") : "";
    await this.paypal.press(charge.replace("order:", ""), "approve");
    expect(await this.provider.lookUpCharge(charge)).toMatchObject({ kind: "authorized" });
    return charge;
  }

  /** After its first run, with which the comparison begins. */
  async reconciler(): Promise<Reconciler> {
    const ledger = this.#ledger;
    const reconciler = await this.payment.reconciler({
      provider: "paypal",
      graceMs: GRACE_MS,
      intervalMs: INTERVAL_MS,
      ledger: {
        charges: async (span, after) => {
          const page = await ledger.charges(span, after);
          this.listed.push(...page.entries.map(({ provider_txn_id }) => provider_txn_id));
          return page;
        },
        refunds: (span, after) => ledger.refunds(span, after),
        refund: (id) => ledger.refund(id),
        charge: (id) => {
          this.asked.push(id);
          this.beforeLookUp();
          return ledger.charge(id);
        },
      },
    });
    await reconciler.runOnce();
    return reconciler;
  }

  advance(): void {
    this.payment.advance(GRACE_MS + INTERVAL_MS);
    this.paypal.nowMs = this.payment.now;
  }

  async openAlerts(): Promise<readonly string[]> {
    const alerts = await this.payment.alerts();
    return alerts
      .filter(({ close_note }) => close_note === null)
      .map(({ kind, subject, detail }) => `${kind} ${subject} ${detail}`);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.paypal[Symbol.asyncDispose]();
  }
}

test("a hold whose payment was lost opens an alert, which ends with the hold", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const lost = await shop.held(saga());
  shop.advance();
  await reconciler.runOnce();
  expect(await shop.openAlerts()).toEqual([
    `charge_without_payment ${lost} the provider holds 6.00 EUR, but there is no payment`,
  ]);
  await shop.provider.cancelCharge(lost);
  shop.advance();
  await reconciler.runOnce();
  expect(await shop.openAlerts()).toEqual([]);
});

test("a hold that was taken since opens one alert, for what was taken", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const saga_id = saga();
  const charge = await shop.held(saga_id);
  const request = { idempotency_key: `${saga_id}:capture`, saga_id, provider_txn_id: charge };
  const taken = await shop.provider.capture(request);
  const capture = "provider_txn_id" in taken ? taken.provider_txn_id : "";
  shop.advance();
  await reconciler.runOnce();
  expect(shop.listed).toHaveLength(2);
  expect(await shop.openAlerts()).toEqual([
    `charge_without_payment ${capture} the provider took 6.00 EUR, but there is no payment`,
  ]);
});

test("a hold whose payment was cancelled as never requested opens an alert; one that was released does not", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const [forgotten, released] = [saga(), saga()];
  await payment.handle(cancelPayment(forgotten), cancelPayment(released));
  await payment.database.sql`update payments set provider = 'paypal'`;
  const charge = await shop.held(forgotten);
  await shop.provider.cancelCharge(await shop.held(released));
  shop.advance();
  await reconciler.runOnce();
  expect(await shop.openAlerts()).toEqual([
    `status_differs ${charge} the provider holds 6.00 EUR, but the payment is CANCELLED`,
  ]);
});

test("a hold that its payment knows, and one of another shop on the account, cost no look-up", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  await using theirs = new Shop(payment, "another-shop");
  for (const one of [shop, theirs]) {
    const reconciler = await one.reconciler();
    const id = saga();
    const charge = await one.held(id);
    if (one === shop) {
      await payment.authorize(id);
      await payment.round();
      await payment.handle(capturePayment(id));
      await payment.round();
      await payment.database.sql`
        update payments set provider = 'paypal', provider_txn_id = ${charge}, reconciled_at = now() where saga_id = ${id}`;
    }
    one.advance();
    await reconciler.runOnce();
    expect([one.listed.length, one.asked, await one.openAlerts()]).toEqual([1, [], []]);
  }
});

// A standby that was behind lacks the end of the run, with the alerts that it opened.
test("a run that the database has forgotten looks up its holds again", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const lost = await shop.held(saga());
  shop.advance();
  const { sql } = payment.database;
  const [before] = await sql<{ compared_until: number; due_at: number }[]>`
    select compared_until, due_at from reconciliation where provider = 'paypal'`;
  if (before === undefined) throw new Error("nothing was compared");
  await reconciler.runOnce();
  const found = await shop.openAlerts();
  expect(found).toEqual([expect.stringContaining(lost)]);
  await sql`delete from payment_alerts`;
  await sql`
    update reconciliation set compared_until = ${before.compared_until}::timestamptz, due_at = ${before.due_at}::timestamptz
     where provider = 'paypal'`;
  await reconciler.runOnce();
  expect(await shop.openAlerts()).toEqual(found);
});

test("a run that lost its database looks up its holds again, also those that it had looked up", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const lost = [await shop.held(saga()), await shop.held(saga())];
  shop.advance();
  shop.beforeLookUp = () => {
    if (shop.asked.length === 2) throw new AppError("DATABASE_UNAVAILABLE", "it fails over");
  };
  await expect(reconciler.runOnce()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(await shop.openAlerts()).toHaveLength(1);
  await payment.database.sql`delete from payment_alerts`;
  await reconciler.runOnce();
  const found = await shop.openAlerts();
  for (const id of lost) expect(found).toContainEqual(expect.stringContaining(id));
});

test("more holds in doubt than a run looks up wait for the next runs; none starves, and none is looked up twice", async () => {
  await using payment = await TestPayment.open();
  const listed = Array.from({ length: MAX_HOLDS_IN_DOUBT + 100 }, (_, at) => ({
    at: payment.now + 1_000 + at * 50,
    provider_txn_id: `authorization:${at}`,
    saga_id: saga(),
    isMarked: true,
    amount_cents: 600,
    currency: "EUR",
    answer: { kind: "authorized", provider_txn_id: `authorization:${at}` } as const,
    isStale: true as const,
  }));
  const within = ({ fromMs, untilMs }: Span) => listed.filter(({ at }) => at >= fromMs && at < untilMs);
  const asked: string[] = [];
  const reconciler = await payment.reconciler({
    provider: "paypal",
    graceMs: GRACE_MS,
    intervalMs: INTERVAL_MS,
    ledger: {
      charges: async (span): Promise<{ entries: readonly ProviderCharge[]; next: null }> => ({
        entries: within(span),
        next: null,
      }),
      refunds: async () => ({ entries: [], next: null }),
      refund: () => Promise.resolve(null),
      charge: (id) => {
        asked.push(id);
        return Promise.resolve(null);
      },
    },
  });
  await reconciler.runOnce();
  payment.advance(GRACE_MS + INTERVAL_MS);
  const runs: number[] = [];
  for (let run = 0; run < 4; run += 1) {
    const before = asked.length;
    expect(await reconciler.runOnce()).toMatchObject({ hasMore: false });
    runs.push(asked.length - before);
    payment.advance(INTERVAL_MS);
  }
  expect(runs).toEqual([MAX_HOLDS_IN_DOUBT, 100, 0, 0]);
  expect(asked).toEqual(listed.map(({ provider_txn_id }) => provider_txn_id));
  expect(payment.warnings).toEqual([expect.stringContaining("than a run looks up")]);
  const [row] = await payment.database.sql<{ compared_until: number }[]>`
    select compared_until from reconciliation where provider = 'paypal'`;
  expect(row?.compared_until).toBeGreaterThan(payment.now - 3 * INTERVAL_MS);
});
