// Every outcome of a checkout, on the compiled roles and real servers: the shopper's status, and then stock, money, orders and mails.
// At the end comes the audit, then the poison messages, then the stop of all roles. Called by checkouts.e2e.test.ts.
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cartOf, type Placed, Refused, type Shopper } from "../../../bench/shopper.ts";
import type { CheckoutRequest, SagaStatusView, ShipmentRecorded } from "../../../schemas/http.ts";
import type { ProviderLedgerEntry } from "../../../schemas/provider-ledger.ts";
import { PARTITIONS_PER_TOPIC, TOPICS } from "../../../schemas/topics.ts";
import type { AuditReport } from "../../audit/audit.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import type { DeadLetters } from "../../operations/dead-letters.ts";
import type { PaymentAlert, Reconciliation } from "../../operations/payment-alert-store.ts";
import type { ShopReport } from "../../operations/storefront-verify.ts";
import { type Bytes, sendBytes } from "../../testkit/kafka.ts";
import { describeExit } from "../child.ts";
import type { RoleOverrides } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { placesOf } from "./whole-memory.ts";
import { CURRENCY, existing, type RunningSystem, UNIT_PRICE_CENTS } from "./running-system.ts";

/** Longer than any checkout of this file takes, including the one that times out. */
const PATIENCE_MS = 40_000;
/** Below the 15 s for which the simulator delays a charge that times out: its saga must be compensating when the charge succeeds. */
const FORWARD_DEADLINE_MS = 12_000;
const NOT_SERVED = "AQ";

export const OUTCOMES: RoleOverrides = {
  orchestrator: { FORWARD_DEADLINE_MS: String(FORWARD_DEADLINE_MS) },
  order: { ORDER_BLOCKED_COUNTRIES: NOT_SERVED },
  payment: { RECONCILE_INTERVAL_MS: "1000", RECONCILE_GRACE_MS: "1000" },
};

let system: RunningSystem;
let shopper: Shopper;
/** Started first and awaited last, because it is slow. */
let chargedTooLate: Placed;

/** Defines the tests. The roles have the settings OUTCOMES, and are stopped afterwards. */
export function outcomes(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
    await system.restock("slow-tea", 10);
    chargedTooLate = await place(cart("slow-tea", { payment_method: "pm_sim_timeout_then_success" }));
  });

  describe("a successful checkout", () => {
    test("has one confirmed order, its stock, its money and its mail", async () => {
      // given
      await system.restock("tea", 10, {}, "Tea, green");
      await system.restock("cup", 10);
      const items = [
        { sku_id: "tea", quantity: 2 },
        { sku_id: "cup", quantity: 1 },
      ];
      const total = 3 * UNIT_PRICE_CENTS;
      // when
      const view = await buy({ ...cart("tea"), items, expected_total_cents: total });
      // then
      expect(view).toMatchObject({ status: "COMPLETED", failure_code: null, total_cents: total });
      const { reservation, money, orders } = await system.story(view.saga_id);
      expect(reservation).toMatchObject(items.map((item) => ({ ...item, status: "CONFIRMED" })));
      expect(money).toMatchObject([{ kind: "payment", status: "SUCCEEDED", amount_cents: total }]);
      expect(orders).toMatchObject([{ order_id: view.order_id, status: "CONFIRMED", total_cents: total }]);
      expect(await system.ledgerOf(view.saga_id)).toMatchObject([{ kind: "charge", amount_cents: total }]);
      expect([await system.available("tea"), await system.available("cup")]).toEqual([8, 9]);
      const mail = await system.mailAbout(view.saga_id, "order_confirmed");
      expect(mail.to).toEqual(["shopper@example.com"]);
      expect(mail.source).toContain("2 x Tea, green,");
      expect(mail.source).toContain("Paid with: Visa ending 4242");
      expect(mail.source).toContain(`Order ${orderNumberOf(view.order_id ?? "")}`);
    });

    test("is what the shop is for, and the shop is what its release must be", async () => {
      await system.restock("tea", 1);
      const { gateway } = system.context.addresses;
      const { token } = await system.operatorSees<{ token: string }>(["token"]);
      const tokenFile = join(system.stack.dataDirectory, "verify-token");
      await Bun.write(tokenFile, token);
      const verify = ["storefront", "verify", gateway];
      const { checks } = await system.operatorSees<ShopReport>([...verify, "--token-file", tokenFile]);
      expect(checks.map(({ check, result }) => `${check}: ${result}`)).toEqual([
        "pages: ok",
        "headers: ok",
        "scripts: ok",
        "checkout page: ok",
        "cookies: ok",
        "foreign requests: ok",
        "api: ok",
      ]);
      expect((await system.checkoutctl(...verify)).stdout).toMatch(/^checkout page +not checked {2}give/m);
      // The simulator is no shop.
      const { code, stdout } = await system.checkoutctl(
        "storefront",
        "verify",
        system.context.addresses.paysim,
      );
      expect([code, stdout]).toEqual([
        EXIT_VIOLATIONS,
        expect.stringContaining("/ answers 404, expected 200"),
      ]);
    });

    test("is cancelled by an operator afterwards: refunded, restocked, and the checkout stays completed", async () => {
      // given
      await system.restock("second-thought", 1);
      const view = await buy(cart("second-thought"));
      const cancel = ["order", "cancel", view.order_id ?? "", "--reason", "the shopper called"];
      // when
      const started = await system.operatorSees<{ started_now: boolean }>(cancel);
      await system.mailAbout(view.saga_id, "order_cancelled");
      // then
      expect(started.started_now).toBe(true);
      const { saga, reservation, money, orders } = await system.story(view.saga_id);
      expect(saga).toMatchObject({ status: "COMPLETED", order_id: view.order_id });
      expect(orders).toMatchObject([{ order_id: view.order_id, status: "CANCELLED" }]);
      expect(reservation).toMatchObject([{ status: "RELEASED" }]);
      expect(money.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
        "payment REFUNDED",
        "refund SUCCEEDED",
      ]);
      expect((await system.ledgerOf(view.saga_id)).map(({ kind }) => kind)).toContain("charge");
      expect(await system.available("second-thought")).toBe(1);
      const again = await system.operatorSees<{ started_now: boolean; status: string }>(cancel);
      expect(again).toMatchObject({ started_now: false, status: "CANCELLED" });
      const late = await system.checkoutctl("order", "ship", view.order_id ?? "", "--reason", "packed");
      expect([late.code, late.stderr]).toEqual([3, expect.stringContaining("nothing may be sent")]);
    });

    test("is cancelled by its shopper afterwards, once, and until it is shipped", async () => {
      // given
      await system.restock("regret", 2);
      const [view, sent] = [await buy(cart("regret")), await buy(cart("regret"))];
      const [order, sentOrder] = [view.order_id ?? "", sent.order_id ?? ""];
      await system.operatorSees(["order", "ship", sentOrder, "--reason", "packed"]);
      // when
      const presses = await Promise.all([shopper.cancelOrder(order), shopper.cancelOrder(order)]);
      const late = await shopper.cancelOrder(sentOrder);
      await system.mailAbout(view.saga_id, "order_cancelled");
      // then
      expect([presses.includes(null), late]).toEqual([false, null]);
      expect(await shopper.cancelOrder(order)).toBe("CANCELLED");
      const { money, orders, timeline } = await system.story(view.saga_id);
      expect(orders).toMatchObject([{ order_id: order, status: "CANCELLED" }]);
      expect(money.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
        "payment REFUNDED",
        "refund SUCCEEDED",
      ]);
      expect(timeline.filter(({ what }) => what.includes("order.cancel"))).toHaveLength(1);
      expect(await system.available("regret")).toBe(1);
      expect((await system.story(sent.saga_id)).orders).toMatchObject([{ status: "SHIPPED" }]);
    });

    test("is shipped and delivered by an operator, and its shopper gets one mail about it", async () => {
      // given
      await system.restock("parcel", 1);
      const view = await buy(cart("parcel"));
      const order = view.order_id ?? "";
      const act = ["--reason", "packed"];
      const ship = ["order", "ship", order, "--tracking", "JD0146", "--carrier", "DHL", ...act];
      // when
      const shipped = [
        await system.operatorSees<ShipmentRecorded>(ship),
        await system.operatorSees<ShipmentRecorded>(ship),
      ];
      const delivered = await system.operatorSees<ShipmentRecorded>(["order", "deliver", order, ...act]);
      // then
      expect(shipped.map(({ changed }) => changed)).toEqual([true, false]);
      expect(delivered).toMatchObject({ changed: true, status: "DELIVERED", tracking: { number: "JD0146" } });
      const mail = await system.mailAbout(view.saga_id, "order_shipped");
      expect(mail.to).toEqual(["shopper@example.com"]);
      expect(mail.source).toContain("Tracking number: JD0146");
      const trail = async () =>
        (await system.story(view.saga_id)).timeline.map(({ what }) => what).join("\n");
      await waitUntil(
        "the audit trail has the delivery",
        async () => (await trail()).includes("order.deliver"),
        { timeoutMs: PATIENCE_MS },
      );
      expect(await trail()).toContain("order.ship");
      expect((await system.story(view.saga_id)).saga.status).toBe("COMPLETED");
      const about = (await system.mails()).filter(({ message_id }) => message_id.includes(view.saga_id));
      expect(about).toHaveLength(2);
    });

    test.each([
      { currency: "JPY", price: 50_000, text: "50000 JPY", atProvider: 50_000 },
      { currency: "KWD", price: 1_860, text: "1.860 KWD", atProvider: 1_860 },
      // The provider counts ISK in hundredths, although the currency has none.
      { currency: "ISK", price: 4_900, text: "4900 ISK", atProvider: 490_000 },
    ])("costs $text for provider, shopper and operator", async ({ currency, price, text, atProvider }) => {
      // given
      const sku = `sold-in-${currency}`;
      await system.restock(sku, 1, { amount_cents: price, currency });
      // when
      const view = await buy(cart(sku, { currency, expected_total_cents: price }));
      // then
      expect(view).toMatchObject({ status: "COMPLETED", total_cents: price, currency });
      expect(await system.ledgerOf(view.saga_id)).toMatchObject([
        { kind: "charge", amount_cents: atProvider, currency },
      ]);
      const mail = await system.mailAbout(view.saga_id, "order_confirmed");
      expect(mail.source).toContain(`1 x ${sku}, ${text} each`);
      expect(mail.source).toContain(`Total: ${text}`);
      expect((await system.checkoutctl("saga", "show", view.saga_id)).stdout).toContain(`payment of ${text}`);
      expect((await system.checkoutctl("catalogue", "ls")).stdout).toContain(text);
    });

    test("of imported products has their prices; the import can be repeated after it", async () => {
      // given
      const imported = async () => {
        const { stdout } = await system.checkoutctl("catalogue", "import", "--demo");
        return stdout.trim();
      };
      expect(await imported()).toStartWith("60 new, 0 changed, 0 unchanged");
      // when
      const view = await buy(cart("tea-matcha-30", { expected_total_cents: 2_400 }));
      // then
      expect(view).toMatchObject({ status: "COMPLETED", total_cents: 2_400 });
      expect(await imported()).toBe("0 new, 0 changed, 60 unchanged; stock: 0 pieces more, 0 fewer");
      expect(await system.available("tea-matcha-30")).toBe(89);
    });

    test("that is free has no charge, but stock, order and mail; an address in Hong Kong works", async () => {
      // given
      await system.restock("gift", 1, { amount_cents: 0 });
      const street = { name: "Ada", line1: "8 Argyle St", district: "Mong Kok", region: "Kowloon" };
      const shipping_address = { ...street, country: "HK", phone: "+852 5555 0100" };
      // when
      const view = await buy(cart("gift", { shipping_address }));
      // then
      expect(view).toMatchObject({ status: "COMPLETED", total_cents: 0 });
      const { reservation, money, orders } = await system.story(view.saga_id);
      expect(reservation).toMatchObject([{ sku_id: "gift", status: "CONFIRMED" }]);
      expect(orders).toMatchObject([{ order_id: view.order_id, status: "CONFIRMED", total_cents: 0 }]);
      expect([money, await system.ledgerOf(view.saga_id)]).toEqual([[], []]);
      const mail = await system.mailAbout(view.saga_id, "order_confirmed");
      expect(mail.source).toContain("Total: 0.00 EUR");
    });

    test("is charged once if the provider's reply was lost", async () => {
      // given
      await system.restock("lost-reply", 1);
      // when
      const view = await buy(cart("lost-reply", { payment_method: "pm_sim_reply_lost" }));
      // then
      expect(view).toMatchObject({ status: "COMPLETED", total_cents: UNIT_PRICE_CENTS });
      const ledger = await system.ledgerOf(view.saga_id);
      expect(ledger).toMatchObject([{ kind: "charge", reply_lost: true }]);
    });

    test("gets its charge from the provider's webhook event if every answer is an error", async () => {
      // given a provider that took the money and always answers 500 to this key
      await system.restock("hidden", 1);
      // when
      const view = await buy(cart("hidden", { payment_method: "pm_sim_500_after_effect" }));
      // then it completes within its deadline, long before a search of the provider ledger
      expect(view).toMatchObject({ status: "COMPLETED", total_cents: UNIT_PRICE_CENTS });
      expect(await system.ledgerOf(view.saga_id)).toMatchObject([{ kind: "charge", reply_lost: true }]);
    });

    test("is one checkout even if it is sent several times with its Idempotency-Key", async () => {
      // given
      await system.restock("once", 10);
      const key = Bun.randomUUIDv7();
      const first = await place(cart("once"), key);
      // when sent again several times at once, and again after it has finished
      const again = await Promise.all([1, 2, 3].map(() => place(cart("once"), key)));
      const view = await untilFinished(first);
      const late = await place(cart("once"), key);
      // then
      expect(new Set([...again, late].map(({ saga_id }) => saga_id))).toEqual(new Set([first.saga_id]));
      expect(view.status).toBe("COMPLETED");
      expect(await system.available("once")).toBe(9);
    });
  });

  describe("a checkout that fails", () => {
    type Movement = ProviderLedgerEntry["kind"];
    interface Failure {
      readonly why: string;
      readonly stock: number;
      readonly checkout: Partial<CheckoutRequest>;
      readonly failure_code: string;
      /** The expected entries in the provider ledger. */
      readonly ledger: readonly Movement[];
    }
    const failures: readonly Failure[] = [
      { why: "out of stock", stock: 0, checkout: {}, failure_code: "INSUFFICIENT_STOCK", ledger: [] },
      {
        why: "card declined",
        stock: 1,
        checkout: { payment_method: "pm_card_visa_chargeDeclined" },
        failure_code: "CARD_DECLINED",
        ledger: ["decline"],
      },
      {
        why: "another price than the shopper saw",
        stock: 1,
        checkout: { expected_total_cents: UNIT_PRICE_CENTS - 1 },
        failure_code: "PRICE_CHANGED",
        ledger: [],
      },
      {
        why: "an address that is not served",
        stock: 1,
        checkout: { shipping_address: { ...cartOf([], "", "").shipping_address, country: NOT_SERVED } },
        failure_code: "ADDRESS_NOT_SERVED",
        ledger: ["charge", "refund"],
      },
    ];

    for (const { why, stock, checkout, failure_code, ledger } of failures) {
      test(`${why}: the shopper learns the reason and pays nothing, and the stock is complete`, async () => {
        // given
        const sku = why.replaceAll(" ", "-");
        await system.restock(sku, stock);
        // when
        const view = await buy(cart(sku, checkout));
        // then
        expect(view).toMatchObject({ status: "COMPENSATED", failure_code, order_id: null });
        await expectNothingLeftOf(view.saga_id, ledger);
        expect(await system.available(sku)).toBe(stock);
      });
    }

    test.each([
      ["a product that does not exist", "no-such-thing", {}, "UNKNOWN_SKU", "is not sold in this shop"],
      [
        "another currency",
        "for-euros",
        { currency: "JPY" },
        "CURRENCY_MISMATCH",
        "currency of your checkout",
      ],
      [
        "a total below the smallest charge",
        "penny-sweet",
        {},
        "TOTAL_TOO_SMALL",
        "less than the smallest amount",
      ],
    ])("%s has its own failure code and mail text", async (_, sku, changes, failure_code, words) => {
      await system.restock("for-euros", 1);
      await system.restock("penny-sweet", 1, { amount_cents: 10 });
      const view = await buy(cart(sku, changes));
      expect(view).toMatchObject({ status: "COMPENSATED", failure_code });
      expect((await system.mailAbout(view.saga_id, "checkout_failed")).source).toContain(words);
      await expectNothingLeftOf(view.saga_id, []);
    });

    test(
      "a charge that succeeds after the deadline is refunded before the stock is released",
      async () => {
        // given a charge that times out, and succeeds when the deadline has passed
        const view = await untilFinished(chargedTooLate);
        // then
        expect(view).toMatchObject({ status: "COMPENSATED", failure_code: "DEADLINE_EXCEEDED" });
        await expectNothingLeftOf(view.saga_id, ["charge", "refund"]);
        const { timeline } = await system.story(view.saga_id);
        const steps = timeline.filter(({ who }) => who === "saga").map(({ what }) => what);
        const refunded = steps.findIndex((what) => what.includes("RefundCompleted"));
        const released = steps.findIndex((what) => what.includes("InventoryReleased"));
        expect(refunded).toBeGreaterThan(0);
        expect(released).toBeGreaterThan(refunded);
        expect(await system.available("slow-tea")).toBe(10);
      },
      PATIENCE_MS,
    );

    async function expectNothingLeftOf(sagaId: string, ledger: readonly Movement[]): Promise<void> {
      const { reservation, orders } = await system.story(sagaId);
      expect(reservation.filter(({ status }) => status === "HELD" || status === "CONFIRMED")).toEqual([]);
      expect(orders.filter(({ status }) => status !== "CANCELLED")).toEqual([]);
      expect((await system.ledgerOf(sagaId)).map(({ kind }) => kind)).toEqual([...ledger]);
      expect((await system.mailAbout(sagaId, "checkout_failed")).source).toContain("You pay nothing");
    }
  });

  describe("a shopper cannot", () => {
    test("send another cart with a used key", async () => {
      const key = Bun.randomUUIDv7();
      await system.restock("taken", 10);
      await place(cart("taken"), key);
      const refusal: unknown = await place(cart("taken", { email: "other@example.com" }), key).catch(
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(Refused);
      expect(refusal).toMatchObject({
        problem: { status: 422, type: "urn:checkout:problem:idempotency-key-reused" },
      });
    });

    test("see another shopper's checkout", async () => {
      await system.restock("private", 1);
      const { saga_id } = await buy(cart("private"));
      const stranger = await system.shopper();
      expect(await stranger.status(saga_id, Date.now())).toBeNull();
    });
  });

  describe("sensitive data", () => {
    const CARD = "4242424242424242";

    test("a card number instead of a token is rejected, and no part of the system stores it", async () => {
      await system.restock("carded", 1);
      const spellings = [CARD, "4242-4242-4242-4242", "4242 4242 4242 4242", `pm_${CARD}`];
      for (const payment_method of spellings) {
        const refusal: unknown = await place(cart("carded", { payment_method })).catch(
          (error: unknown) => error,
        );
        expect(refusal).toMatchObject({ problem: { status: 422, type: "urn:checkout:problem:card-number" } });
        expect(JSON.stringify(refusal)).not.toContain(payment_method);
      }
      expect(await placesOf(system, spellings)).toEqual([]);
    });

    test("an unknown payment method is reported by a code, and no part of the system stores it", async () => {
      // given methods that the provider quotes in its refusal: mistyped, of another provider, a bank account
      const methods = [
        "pm_card_viisa-canary",
        "tok_canary_of_another_provider",
        "DE89370400440532013000canary",
      ];
      await system.restock("quoted", methods.length);
      // when
      const views = await Promise.all(
        methods.map((payment_method) => buy(cart("quoted", { payment_method }))),
      );
      // then
      for (const { saga_id, failure_code } of views) {
        expect(failure_code).toBe("PAYMENT_METHOD_INVALID");
        await system.mailAbout(saga_id, "checkout_failed");
      }
      expect(await placesOf(system, [...methods, "canary"])).toEqual([]);
      // Check that the search would find something.
      const places = await placesOf(system, [views[0]?.saga_id ?? "", "checkout-payment"]);
      const kinds = new Set(places.map((found) => found.split(" ")[0]));
      expect(kinds).toEqual(new Set(["database", "log", "mail", "redis", "topic"]));
      expect(places).toContain("topic payment-events");
      expect(places).toContain("database payment: public.payments");
    });
  });

  describe("at the end", () => {
    test("the audit is clean and there is no dead letter", async () => {
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
      expect(await system.operatorSees<DeadLetters>(["dlq", "ls"])).toMatchObject({
        total: 0,
        unreadable: 0,
      });
    });

    test(
      "the provider's ledger agrees with every payment",
      async () => {
        const until = Date.now();
        const isCompared = async () =>
          (await system.operatorSees<Reconciliation>(["payments", "reconcile"])).compared_until > until;
        await waitUntil("the ledgers are compared", isCompared, { timeoutMs: PATIENCE_MS, intervalMs: 500 });
        expect(await system.operatorSees<PaymentAlert[]>(["payments", "alerts"])).toEqual([]);
      },
      PATIENCE_MS,
    );

    test("poison messages become dead letters in every partition, block nothing, and the audit names them until they are discarded", async () => {
      // given bytes that are not a message, and an invalid command of a finished saga
      await system.restock("antidote", 10);
      const { saga_id } = await buy(cart("antidote"));
      const header = [["type", Buffer.from("ReserveInventory")]] as const;
      const poison = Array.from({ length: PARTITIONS_PER_TOPIC }, (_, partition): Bytes[] => [
        { partition, value: Buffer.from([0xff, 0x00, 0x7b]) },
        {
          partition,
          value: Buffer.from(`{"type":"ReserveInventory","saga_id":"${saga_id}"}`),
          headers: header,
        },
      ]).flat();
      // when
      await sendBytes(TOPICS.commands, poison, system.kafka());
      const view = await buy(cart("antidote"));
      // then
      expect(view.status).toBe("COMPLETED");
      const expected = [
        { service: "inventory", type: "ReserveInventory", error_code: "SCHEMA_VIOLATION", count: 16 },
        { service: "inventory", type: "unreadable", error_code: "UNDECODABLE", count: 16 },
      ];
      await waitUntil(
        "the dead letters are listed",
        async () => (await deadLetters()).total >= poison.length,
        {
          timeoutMs: PATIENCE_MS,
        },
      );
      const { causes } = await deadLetters();
      const sorted = causes.toSorted((one, other) => one.error_code.localeCompare(other.error_code));
      expect(sorted).toMatchObject(expected);
      expect(existing(await shopper.status(saga_id, Date.now()))).toMatchObject({ status: "COMPLETED" });
      // They come from no outbox, and that is the only violation.
      const report = await system.operatorSees<AuditReport>(["audit", "--expect-idle"], EXIT_VIOLATIONS);
      const broken = report.invariants.filter(({ violations }) => violations > 0);
      expect(broken).toMatchObject([{ name: "kafka-comes-from-an-outbox", violations: poison.length }]);
      // An operator discards them, and the audit is clean again; it still names them.
      const why = ["--reason", "sent by a test", "--confirm", String(poison.length)];
      await system.operatorSees(["dlq", "discard", "--everything", ...why]);
      const clean = await system.operatorSees<AuditReport>(["audit", "--expect-idle"]);
      expect(clean).toMatchObject({ ok: true, foreign: { count: poison.length } });
      expect(clean.foreign.messages[0]).toMatchObject({ discarded_by: "ada", reason: "sent by a test" });
    });

    test("every role drains on SIGTERM and exits 0", async () => {
      await system.stack.stop();
      const exits = system.stack.roles.map(
        (role) => `${role.name}: ${describeExit(role.exit() ?? NOT_EXITED)}`,
      );
      expect(exits).toEqual(system.stack.roles.map(({ name }) => `${name}: exit code 0`));
    });
  });
}

const EXIT_VIOLATIONS = 3;
const NOT_EXITED = { code: null, signal: null };

function deadLetters(): Promise<DeadLetters> {
  return system.operatorSees(["dlq", "ls", "--limit", "100"]);
}

/** One piece of one product with a valid card, with `changes` applied. */
function cart(skuId: string, changes: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return { ...cartOf([skuId], "pm_card_visa", CURRENCY), ...changes };
}

function place(checkout: CheckoutRequest, key: string = Bun.randomUUIDv7()): Promise<Placed> {
  return shopper.checkout(checkout, key, Date.now() + PATIENCE_MS);
}

async function untilFinished({ saga_id }: Placed): Promise<SagaStatusView> {
  return existing(await shopper.status(saga_id, Date.now() + PATIENCE_MS));
}

async function buy(checkout: CheckoutRequest): Promise<SagaStatusView> {
  return untilFinished(await place(checkout));
}
