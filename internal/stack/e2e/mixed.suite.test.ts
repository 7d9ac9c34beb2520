// Two payment providers side by side: 200 checkouts by card and with PayPal, in three currencies, with every answer of a payer, on both tables
// of the saga (mixed-plan.ts). Each must reach its end; stock, both providers' ledgers, orders and mails must agree to the last minor unit.
//
// The first half has the money of cards held first, and PayPal take it at once; the second half the other way round. The orchestrator gets the
// other setting while checkouts of the first half are open, so sagas of both tables are decided side by side. In the first half PayPal's news
// of approvals are lost and look-ups find them; in the second they come twice and late.
import { beforeAll, expect, test } from "bun:test";
import { readMovements } from "../../../bench/ledger.ts";
import { cartOf, type Post, Shopper } from "../../../bench/shopper.ts";
import type { CheckoutRequest, OrderView, PaymentAction, SagaStatusView } from "../../../schemas/http.ts";
import type { CaughtMail } from "../servers/mail-catcher.ts";
import { waitUntil } from "../wait.ts";
import {
  amountsInMail,
  type Answer,
  type Currency,
  type Plan,
  planOf,
  PRICES,
  PRODUCTS,
  type Provider,
  skuOf,
} from "./mixed-plan.ts";
import { existing, type RunningSystem } from "./running-system.ts";

const PATIENCE_MS = 60_000;
/** Between two looks at a checkout that may ask its payer. */
const LOOK_MS = 400;
const IN_STOCK = 1_000;
const CURRENCIES = Object.keys(PRICES).filter((text): text is Currency => text in PRICES);

/** By half and provider: how many checkouts of each currency reach which end. */
const ENDS = {
  "first stripe": {
    COMPLETED: 7,
    CARD_DECLINED: 4,
    ADDRESS_NOT_SERVED: 3,
    PAYMENT_INTENT_AUTHENTICATION_FAILURE: 2,
    PAYMENT_NOT_CONFIRMED: 2,
  },
  "first paypal": {
    COMPLETED: 11,
    PAYMENT_METHOD_PROVIDER_DECLINE: 5,
    ADDRESS_NOT_SERVED: 2,
    PAYMENT_NOT_CONFIRMED: 5,
  },
  "second stripe": {
    COMPLETED: 9,
    CARD_DECLINED: 2,
    ADDRESS_NOT_SERVED: 3,
    PAYMENT_INTENT_AUTHENTICATION_FAILURE: 2,
    PAYMENT_NOT_CONFIRMED: 2,
  },
  "second paypal": {
    COMPLETED: 11,
    PAYMENT_METHOD_PROVIDER_DECLINE: 5,
    ADDRESS_NOT_SERVED: 2,
    PAYMENT_NOT_CONFIRMED: 5,
  },
} as const;
/** The same with the currency in the key. */
const COUNTS = Object.fromEntries(
  Object.entries(ENDS).flatMap(([who, ends]) =>
    (who.endsWith("paypal") ? ["EUR", "JPY"] : CURRENCIES).flatMap((currency) =>
      Object.entries(ends).map(([end, count]) => [`${who} ${currency} ${end}`, count]),
    ),
  ),
);

interface Reconciliation {
  readonly compared_until: number;
}

export interface MixedOptions {
  readonly system: () => RunningSystem;
  /** New checkouts of this provider have the money held first, and those of the other do not. Resolves when the orchestrator is ready again. */
  readonly holdFirst: (provider: Provider) => Promise<void>;
}

/** A checkout under way. */
interface Running {
  readonly plan: Plan;
  readonly sagaId: string;
  /** The payer has done all that the plan says; null if nobody was asked. */
  readonly visited: Promise<PaymentAction | null>;
}

interface Done {
  readonly plan: Plan;
  readonly sagaId: string;
  readonly view: SagaStatusView;
}

export function mixed({ system, holdFirst }: MixedOptions): void {
  let shoppers: { readonly english: Shopper; readonly german: Shopper };
  let done: readonly Done[] = [];

  const shopperOf = ({ isGerman }: Plan) => (isGerman ? shoppers.german : shoppers.english);

  beforeAll(async () => {
    for (const currency of CURRENCIES)
      for (const product of PRODUCTS) {
        const price = { amount_cents: PRICES[currency][product], currency };
        await system().restock(skuOf(product, currency), IN_STOCK, price);
      }
    const { gateway } = system().context.addresses;
    shoppers = {
      english: await system().shopper(),
      german: await Shopper.signIn({
        gateway,
        jwtSecret: system().context.secrets.jwt_hs256_secret,
        userId: Bun.randomUUIDv7(),
        post: inGerman(gateway),
      }),
    };
  }, PATIENCE_MS);

  async function begin(plan: Plan): Promise<Running> {
    const placed = shopperOf(plan).checkout(requestOf(plan), Bun.randomUUIDv7(), Date.now() + PATIENCE_MS);
    const { saga_id: sagaId } = await placed;
    return { plan, sagaId, visited: visit(shopperOf(plan), plan, sagaId) };
  }

  async function end({ plan, sagaId, visited }: Running): Promise<Done> {
    const page = await visited;
    const view = existing(await shopperOf(plan).status(sagaId, Date.now() + PATIENCE_MS));
    // Who was asked and got no order tries once more: nothing may be taken any more.
    if (page !== null && plan.end !== "COMPLETED")
      await press(page.url, plan.provider === "stripe" ? "confirm" : "approve");
    return { plan, sagaId, view };
  }

  test(
    "each of 200 checkouts reaches the end that was planned for it",
    async () => {
      const { paysim } = system().context.addresses;
      await setFaults(`${paysim}/_sim`, { webhook_duplicate_rate: 0.5, webhook_jitter_ms: 500 });
      await setFaults(`${paysim}/paypal/_sim`, { webhook_drop_rate: 1 });
      const first = await Promise.all(planOf("first", "stripe").map(begin));
      const firstEnds = Promise.all(first.map(end));
      await Promise.all(first.map(({ visited }) => visited));
      await holdFirst("paypal");
      await setFaults(`${paysim}/paypal/_sim`, { webhook_duplicate_rate: 1, webhook_jitter_ms: 500 });
      const second = await Promise.all(planOf("second", "paypal").map(begin));
      done = [...(await firstEnds), ...(await Promise.all(second.map(end)))];
      expect(done.map(endOf)).toEqual(done.map(({ plan }) => `${named(plan)}: ${plan.end}`));
      expect(done).toHaveLength(200);
      for (const { plan, view } of done)
        expect(view, named(plan)).toMatchObject({
          status: plan.end === "COMPLETED" ? "COMPLETED" : "COMPENSATED",
          total_cents: plan.total_cents,
          currency: plan.currency,
          money: moneyOf(plan),
        });
      expect(tallyOf(done)).toEqual(COUNTS);
    },
    4 * PATIENCE_MS,
  );

  test("exactly what was ordered left the stock", async () => {
    for (const currency of CURRENCIES)
      for (const product of PRODUCTS) {
        const sku = skuOf(product, currency);
        const ordered = completed(done).flatMap(({ plan }) =>
          plan.lines.filter((line) => line.sku_id === sku),
        );
        const left = IN_STOCK - sum(ordered.map(({ quantity }) => quantity));
        expect([sku, await system().available(sku)]).toEqual([sku, left]);
      }
  });

  test(
    "each provider moved exactly what its checkouts say, and holds nothing any more",
    async () => {
      const entries = Map.groupBy(await system().ledger(), (entry) =>
        "saga_id" in entry ? (entry.saga_id ?? "") : "",
      );
      for (const { plan, sagaId } of done) {
        const own = (entries.get(sagaId) ?? []).filter((entry) => isMove(entry.kind, plan));
        expect([named(plan), own.map(({ kind }) => kind)]).toEqual([named(plan), [...plan.moves]]);
        for (const entry of own)
          if ("amount_cents" in entry)
            expect([named(plan), entry.kind, entry.amount_cents, entry.currency]).toEqual([
              named(plan),
              entry.kind,
              plan.total_cents,
              plan.currency,
            ]);
      }
    },
    PATIENCE_MS,
  );

  test(
    "by provider and currency, the orders are worth what was taken and not given back",
    async () => {
      const orders = [...(await shoppers.english.orders()), ...(await shoppers.german.orders())];
      const wanted = completed(done);
      expect(orders.map(({ saga_id }) => saga_id).toSorted()).toEqual(
        wanted.map(({ sagaId }) => sagaId).toSorted(),
      );
      const providers = new Map(done.map(({ plan, sagaId }) => [sagaId, plan.provider]));
      const of = (sagaId: string | null) => providers.get(sagaId ?? "") ?? "another checkout";
      const moved = (await readMovements(system().context.addresses.paysim)).filter(({ saga_id }) =>
        providers.has(saga_id ?? ""),
      );
      const worth = sums(orders, (order: OrderView) => [
        `${of(order.saga_id)} ${order.currency}`,
        order.total_cents,
      ]);
      expect(
        sums(moved, (move) => [
          `${of(move.saga_id)} ${move.currency}`,
          move.kind === "charge" ? move.amount_cents : -move.amount_cents,
        ]),
      ).toEqual(worth);
      expect(Object.keys(worth).toSorted()).toEqual([
        "paypal EUR",
        "paypal JPY",
        "stripe EUR",
        "stripe JPY",
        "stripe KWD",
      ]);
    },
    PATIENCE_MS,
  );

  test(
    "every payer gets one mail, which names the right amounts in the form of their currency and language",
    async () => {
      const all = async () => Map.groupBy(await system().mails(), sagaOfMail);
      const arrived = async () => {
        const mails = await all();
        return done.every(({ sagaId }) => mails.has(sagaId));
      };
      await waitUntil("every payer has a mail", arrived, { timeoutMs: PATIENCE_MS, intervalMs: 200 });
      const mails = await all();
      for (const { plan, sagaId } of done) {
        const own = mails.get(sagaId) ?? [];
        expect([named(plan), own.map(templateOf)]).toEqual([
          named(plan),
          [plan.end === "COMPLETED" ? "order_confirmed" : "checkout_failed"],
        ]);
        const [mail] = own;
        expect(mail?.to).toEqual([addressOf(plan)]);
        for (const part of partsOf(mail)) {
          expect([named(plan), amountsIn(part)]).toEqual([named(plan), amountsInMail(plan)]);
          const words = plan.isGerman ? "Sie bezahlen nichts" : "You pay nothing";
          expect(part.includes(words), named(plan)).toBe(plan.end !== "COMPLETED");
        }
      }
    },
    2 * PATIENCE_MS,
  );

  test(
    "the providers' own lists agree with every payment: no alert",
    async () => {
      const until = Date.now();
      const isCompared = async () => {
        const runs = await system().operatorSees<Reconciliation>(["payments", "reconcile"]);
        return runs.compared_until > until;
      };
      await waitUntil("the ledgers are compared", isCompared, { timeoutMs: PATIENCE_MS, intervalMs: 500 });
      expect(await system().operatorSees<readonly unknown[]>(["payments", "alerts"])).toEqual([]);
    },
    PATIENCE_MS,
  );
}

/** What the payer of `plan` does once somebody asks. Returns the page; null if nobody asks. */
async function visit(shopper: Shopper, plan: Plan, sagaId: string): Promise<PaymentAction | null> {
  const { answer, staysAway = false } = plan;
  if (answer === undefined) return null;
  const asks = async () => (await shopper.look(sagaId, 0))?.next_action !== undefined;
  const patience = { timeoutMs: PATIENCE_MS, intervalMs: LOOK_MS };
  await waitUntil(`${named(plan)} (${sagaId}) waits for its payer`, asks, patience);
  const page = await shopper.action(sagaId);
  if (page === null) throw new Error(`${named(plan)} (${sagaId}) has no page`);
  if (answer === null) return page;
  await press(page.url, answer);
  if (!staysAway) await shopper.back(sagaId);
  return page;
}

/** The payer presses a button of the bank's or PayPal's page. Returns where it leads to, or the status if that is nowhere. */
export async function press(page: string, answer: Answer): Promise<string> {
  const { origin, pathname, searchParams } = new URL(page);
  const name = pathname.startsWith("/paypal/") ? "token" : "client_secret";
  const body = new URLSearchParams({ [name]: searchParams.get(name) ?? "", answer });
  const response = await fetch(`${origin}${pathname}`, { method: "POST", body, redirect: "manual" });
  await response.body?.cancel();
  return response.headers.get("location") ?? String(response.status);
}

/** Replaces the faults of one provider; `control` is the address of its control API. */
export async function setFaults(control: string, faults: object): Promise<void> {
  const answer = await fetch(`${control}/faults`, { method: "PUT", body: JSON.stringify(faults) });
  if (!answer.ok) throw new Error(`the simulator refuses these faults: ${await answer.text()}`);
}

function requestOf(plan: Plan): CheckoutRequest {
  const { lines, method, currency, country, answer } = plan;
  return {
    ...cartOf([], method, currency, country),
    items: lines.map(({ sku_id, quantity }) => ({ sku_id, quantity })),
    email: addressOf(plan),
    shopper_present: answer !== undefined,
  };
}

/** As a browser that is set to German sends it. */
function inGerman(gateway: string): Post {
  return async (path, headers, body) => {
    const all = { ...headers, "accept-language": "de-DE,de;q=0.9" };
    const response = await fetch(`${gateway}${path}`, { method: "POST", headers: all, body });
    return { status: response.status, text: await response.text() };
  };
}

function addressOf({ id }: Plan): string {
  return `payer-${id}@example.com`;
}

function named({ id, provider, currency, name }: Plan): string {
  return `${id} (${provider}, ${currency}, ${name})`;
}

function endOf({ plan, view }: Done): string {
  return `${named(plan)}: ${view.failure_code ?? view.status}`;
}

function completed(done: readonly Done[]): readonly Done[] {
  return done.filter(({ view }) => view.status === "COMPLETED");
}

/** As the shopper's status says it at the end. */
function moneyOf({ moves }: Plan): string {
  if (moves.includes("refund")) return "returned";
  return moves.includes("charge") ? "taken" : "none";
}

/** Whether it is about money. Banks also cancel what holds none. */
function isMove(kind: string, { moves }: Plan): boolean {
  return ["hold", "charge", "refund"].includes(kind) || (kind === "cancel" && moves.includes("hold"));
}

/** By half, provider, currency and end. */
function tallyOf(done: readonly Done[]): Record<string, number> {
  return sums(done, ({ plan, view }) => [
    `${plan.id.split("-")[0]} ${plan.provider} ${plan.currency} ${view.failure_code ?? view.status}`,
    1,
  ]);
}

function sums<Item>(items: readonly Item[], of: (item: Item) => readonly [string, number]) {
  const all: Record<string, number> = {};
  for (const item of items) {
    const [key, count] = of(item);
    all[key] = (all[key] ?? 0) + count;
  }
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** `<saga.template@shop>` */
function sagaOfMail({ message_id }: CaughtMail): string {
  return /^<([0-9a-f-]{36})\./.exec(message_id)?.[1] ?? "";
}

function templateOf({ message_id }: CaughtMail): string {
  return /^<[0-9a-f-]{36}\.(\w+)/.exec(message_id)?.[1] ?? "";
}

/** Its text and its HTML, with the lines that quoted-printable breaks. */
function partsOf(mail: CaughtMail | undefined): readonly string[] {
  const parts = (mail?.source ?? "").split(/Content-Type: text\/(?:plain|html)/).slice(1);
  expect(parts).toHaveLength(2);
  return parts.map((part) => part.replaceAll(/=\r?\n/g, ""));
}

function amountsIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/[\d.,]+ (?:EUR|JPY|KWD)\b/g), ([amount]) => amount);
}
