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
import type { Reconciler, ReconcilerOptions } from "./reconciler.ts";

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
  beforeLookUp: () => Promise<void> = () => Promise.resolve();
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
        charge: async (id) => {
          this.asked.push(id);
          await this.beforeLookUp();
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

/** Remembers what the database has of reconciliation. The function returned brings it back, as a standby that was behind does. */
async function remembered(payment: TestPayment): Promise<() => Promise<void>> {
  const { sql } = payment.database;
  const tables = ["reconciliation", "payment_alerts", "looked_up_holds"];
  const read = (table: string) => sql<{ line: string }[]>`select t::text as line from ${sql(table)} t`;
  const rows = await Promise.all(tables.map(read));
  return async () => {
    for (const [at, table] of tables.entries()) {
      const before = (rows[at] ?? []).map(({ line }) => line);
      await sql`delete from ${sql(table)}`;
      await sql`insert into ${sql(table)} select (line::${sql(table)}).* from unnest(${before}::text[]) as line`;
    }
  };
}

test("a run that the database has forgotten looks up its holds again", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const lost = await shop.held(saga());
  shop.advance();
  const goBack = await remembered(payment);
  await reconciler.runOnce();
  const found = await shop.openAlerts();
  expect(found).toEqual([expect.stringContaining(lost)]);
  await goBack();
  expect(await shop.openAlerts()).toEqual([]);
  await reconciler.runOnce();
  expect(await shop.openAlerts()).toEqual(found);
});

test("a run whose database went back meanwhile, without an error, looks up its holds again", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  const lost = [await shop.held(saga()), await shop.held(saga())];
  shop.advance();
  let goBack = () => Promise.resolve();
  shop.beforeLookUp = async () => {
    if (shop.asked.length === 1) goBack = await remembered(payment);
    if (shop.asked.length === 2) await goBack();
  };
  await expect(reconciler.runOnce()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(await shop.openAlerts()).toEqual([]);
  shop.advance();
  await reconciler.runOnce();
  const found = await shop.openAlerts();
  for (const id of lost) expect(found).toContainEqual(expect.stringContaining(id));
});

test("a look-up that fails is repeated by the next run, and those before it are not", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  for (const id of [await shop.held(saga()), await shop.held(saga())]) await shop.provider.cancelCharge(id);
  shop.advance();
  shop.beforeLookUp = async () => {
    if (shop.asked.length === 2) throw new AppError("PROVIDER_UNAVAILABLE", "the provider is away");
  };
  await expect(reconciler.runOnce()).rejects.toMatchObject({ code: "PROVIDER_UNAVAILABLE" });
  await reconciler.runOnce();
  const [first = "", second = ""] = shop.asked;
  expect(second).not.toBe(first);
  expect(shop.asked).toEqual([first, second, second]);
});

test("a hold that two spans list is looked up once, and is forgotten afterwards", async () => {
  await using payment = await TestPayment.open();
  await using shop = new Shop(payment);
  const reconciler = await shop.reconciler();
  payment.advance(INTERVAL_MS - 5_000);
  await shop.provider.cancelCharge(await shop.held(saga()));
  const marks = () => payment.database.sql`select from looked_up_holds`;
  const run = async (ms: number) => {
    payment.advance(ms);
    shop.paypal.nowMs = payment.now;
    await reconciler.runOnce();
    return [shop.listed.length, shop.asked.length, (await marks()).length];
  };
  expect(await run(GRACE_MS + 5_000)).toEqual([1, 1, 1]);
  expect(await run(INTERVAL_MS)).toEqual([2, 1, 0]);
});

test("more holds in doubt than a run looks up wait for the next runs, of any process; none starves, and none is looked up twice", async () => {
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
  const options: Partial<ReconcilerOptions> = {
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
  };
  const processes = [await payment.reconciler(options), await payment.reconciler(options)];
  await processes[0]?.runOnce();
  payment.advance(GRACE_MS + INTERVAL_MS);
  const runs: number[] = [];
  for (let run = 0; run < 4; run += 1) {
    const before = asked.length;
    expect(await processes[run % 2]?.runOnce()).toMatchObject({ processed: 1, hasMore: false });
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
