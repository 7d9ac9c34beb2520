// A shop in memory, for the storefront's tests and its preview: a few products, orders in every state, and checkouts that a test moves by
// hand. It is a store of the same kind as the real ones behind the port: one key starts one checkout, however often it comes.
import type { CheckoutRequest } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { Language } from "../storefront/format.ts";
import type { StorefrontOptions } from "../storefront/options.ts";
import { categoriesOf } from "../storefront/parts/names.ts";
import {
  type CheckoutStatus,
  type Following,
  type FromPage,
  type PlacedOrder,
  type ProductQuery,
  type ShopData,
  type ShopProduct,
  TooManyRequests,
} from "../storefront/port.ts";
import { startedView } from "./status-view.ts";

export const SHOPPER_TOKEN = "header.shopper.signature";
export const OTHER_TOKEN = "header.other.signature";
export const SHOPPER_ID = "01890000-0000-7000-8000-00000000000a";
const OTHER_ID = "01890000-0000-7000-8000-00000000000b";
const FIXED_NOW = Date.parse("2026-11-29T12:04:05.000Z");

type ProductParts = readonly [
  sku: string,
  name: string,
  cents: number,
  left: number,
  category: string,
  text: string,
];
const PARTS: readonly ProductParts[] = [
  [
    "mug-red",
    "Mug, red",
    1_400,
    40,
    "Kitchen",
    "Stoneware for two coffees. Keeps warm, survives the dishwasher.",
  ],
  ["teapot-blue", "Teapot, blue", 4_900, 12, "Kitchen", "Pours without a drip, and holds enough for three."],
  [
    "notebook-green",
    "Notebook, green",
    1_650,
    3,
    "Desk",
    "Lies flat, takes ink, and has 192 numbered pages.",
  ],
  ["lamp-yellow", "Desk lamp, yellow", 8_900, 9, "Desk", "Warm light, where you need it."],
  ["kettle-grey", "Kettle, grey", 12_900, 25, "Kitchen", "Pours slowly and exactly, on every hob."],
  ["grinder-black", "Coffee grinder, black", 15_900, 0, "Kitchen", "Forty steps, no cable, and repairable."],
  ["apron-purple", "Apron, purple", 5_900, 18, "Home", "Firm cotton with a pocket for the towel."],
  ["vase-white", "Vase, white", 21_900, 6, "Home", "A narrow neck for one flower."],
  ["plant-moss", "Rubber plant in a green pot", 3_200, 14, "Home", "Likes light, forgives everything else."],
  ["bottle-blue", "Water bottle, blue", 2_800, 60, "On the way", "Steel, half a litre, closes tightly."],
  ["candle-white", "Candle, white", 1_800, 33, "Home", "Forty quiet evenings."],
  ["cushion-red", "Cushion, red", 3_900, 21, "Home", "Linen outside, wool inside."],
];

const GERMAN: Readonly<Record<string, string>> = {
  Kitchen: "Küche",
  Desk: "Schreibtisch",
  Home: "Zuhause",
  "On the way": "Unterwegs",
};

export const PRODUCTS: readonly ShopProduct[] = PARTS.map(
  ([sku_id, name, unit_price_cents, available_count, category, description]) => ({
    sku_id,
    name,
    unit_price_cents,
    currency: "EUR",
    available_count,
    category,
    categories: { de: GERMAN[category] ?? category },
    description,
  }),
);

const ADDRESS = {
  name: "Ada Lovelace",
  line1: "12 St James's Square",
  city: "London",
  postal_code: "SW1Y 4JH",
  country: "GB",
};

export function sagaOf(number: number): string {
  return `01890000-0000-7000-9000-${String(number).padStart(12, "0")}`;
}

export class ShopInMemory implements ShopData {
  catalogue: ShopProduct[] = [...PRODUCTS];
  readonly checkouts = new Map<string, { userId: string; status: CheckoutStatus }>();
  readonly placed: PlacedOrder[] = [];
  /** Every start, also repeated ones. */
  readonly starts: { key: string; checkout: CheckoutRequest; language: Language }[] = [];
  readonly #byKey = new Map<string, { sagaId: string; body: string }>();
  readonly #waiting = new Set<() => void>();
  /** The next starts are stored, but their answer is lost. */
  lostAnswers = 0;
  /** What the next starts are refused for. */
  faults: readonly { readonly path: string; readonly message: string }[] = [];
  /** The next status pages that want to follow have too many streams already. */
  refusedStreams = 0;
  isDown = false;
  bank: string | null = null;
  /** Sagas whose payment was looked up because the shopper came back. */
  readonly checked: string[] = [];
  isPaymentDown = false;
  /** Orders whose cancellation was asked for while they were not sent. */
  readonly cancels: string[] = [];

  async products({ search = "", category = "", after = "" }: ProductQuery) {
    this.#answers();
    const found = this.catalogue.filter(
      (product) =>
        product.name.toLowerCase().includes(search.toLowerCase()) &&
        (category === "" || product.category === category) &&
        product.sku_id > after,
    );
    const previous = after === "" ? null : "";
    return { items: found, next: null, previous, categories: categoriesOf(this.catalogue) };
  }

  async productsBySku(skus: readonly string[]) {
    this.#answers();
    return new Map(
      this.catalogue.filter(({ sku_id }) => skus.includes(sku_id)).map((one) => [one.sku_id, one]),
    );
  }

  async orders(userId: string) {
    this.#answers();
    return { items: userId === SHOPPER_ID ? this.placed : [], next: null };
  }

  async order(userId: string, orderId: string) {
    this.#answers();
    return (userId === SHOPPER_ID ? this.placed : []).find(({ order_id }) => order_id === orderId) ?? null;
  }

  /** As far as the first step, which the order decides later: see `set` and `placed`. */
  async cancelOrder(userId: string, orderId: string) {
    const found = await this.order(userId, orderId);
    if (found?.status !== "CONFIRMED") return;
    this.cancels.push(orderId);
    this.set(found.saga_id, { cancelling: true }, userId);
  }

  async cancelling(userId: string, sagaIds: readonly string[]) {
    this.#answers();
    const isCancelling = (id: string) => {
      const found = this.checkouts.get(id);
      return found?.userId === userId && found.status.cancelling === true;
    };
    return new Set(sagaIds.filter(isCancelling));
  }

  async openCheckouts(userId: string) {
    this.#answers();
    return [...this.checkouts.values()]
      .filter((one) => one.userId === userId && !["COMPLETED", "COMPENSATED"].includes(one.status.status))
      .map(({ status }) => status);
  }

  async startCheckout(userId: string, key: string, checkout: CheckoutRequest, { language }: FromPage) {
    this.#answers();
    this.starts.push({ key, checkout, language });
    const errors = [...this.faults];
    if (!checkout.email.includes("@")) errors.push({ path: "/email", message: "Expected an address" });
    if (checkout.shipping_address.city === undefined)
      errors.push({ path: "/shipping_address/city", message: "Expected a city" });
    if (errors.length > 0) return { kind: "invalid" as const, errors };
    const body = JSON.stringify(checkout);
    const known = this.#byKey.get(`${userId} ${key}`);
    if (known !== undefined && known.body !== body) return { kind: "key_reused" as const };
    const sagaId = known?.sagaId ?? sagaOf(this.checkouts.size + 1);
    this.#byKey.set(`${userId} ${key}`, { sagaId, body });
    if (known === undefined) this.set(sagaId, { total_cents: checkout.expected_total_cents ?? null }, userId);
    if (this.lostAnswers > 0) {
      this.lostAnswers -= 1;
      throw new AppError("SERVICE_UNAVAILABLE", "the answer was lost");
    }
    return { kind: "accepted" as const, saga_id: sagaId };
  }

  async status(sagaId: string, userId: string) {
    this.#answers();
    const found = this.checkouts.get(sagaId);
    return found?.userId === userId ? found.status : null;
  }

  async changes(sagaId: string, userId: string, { signal }: Following) {
    if (this.refusedStreams > 0) {
      this.refusedStreams -= 1;
      throw new TooManyRequests(10_000);
    }
    return (await this.status(sagaId, userId)) === null ? null : this.#changes(sagaId, userId, signal);
  }

  async *#changes(sagaId: string, userId: string, signal: AbortSignal) {
    for (let last: CheckoutStatus | null = null; !signal.aborted;) {
      const now: CheckoutStatus | null = await this.status(sagaId, userId);
      if (now === null) return;
      if (now !== last) yield now;
      if (now.completed_at !== null) return;
      last = now;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async checkPayment(sagaId: string) {
    this.#answers();
    if (this.isPaymentDown) throw new AppError("SERVICE_UNAVAILABLE", "the payment service does not answer");
    this.checked.push(sagaId);
  }

  async extendAction(sagaId: string, userId: string) {
    const found = await this.status(sagaId, userId);
    if (found?.next_action?.extendable !== true) return;
    const expires_at = new Date(Date.parse(found.next_action.expires_at) + 300_000).toISOString();
    this.set(sagaId, { next_action: { kind: "redirect", expires_at } }, userId);
  }

  async bankUrl() {
    return this.bank;
  }

  /** Starts a checkout, or moves it on. */
  set(sagaId: string, parts: Partial<CheckoutStatus>, userId = SHOPPER_ID): void {
    const before = this.checkouts.get(sagaId)?.status ?? startedView(sagaId, "2026-11-29T12:04:00.000Z");
    this.checkouts.set(sagaId, { userId, status: { ...before, ...parts } });
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** An order of the shopper with two lines. */
  addOrder(number: number, parts: Partial<PlacedOrder>): PlacedOrder {
    const order: PlacedOrder = {
      order_id: `01890000-0000-7000-a000-${String(number).padStart(12, "0")}`,
      saga_id: sagaOf(900 + number),
      status: "CONFIRMED",
      items: [
        { sku_id: "mug-red", quantity: 2, unit_price_cents: 1_400 },
        { sku_id: "teapot-blue", quantity: 1, unit_price_cents: 4_900 },
      ],
      total_cents: 7_700,
      currency: "EUR",
      shipping_address: ADDRESS,
      created_at: "2026-11-27T09:30:00.000Z",
      shipped_at: null,
      delivered_at: null,
      cancelled_at: null,
      tracking: null,
      ...parts,
    };
    this.placed.push(order);
    return order;
  }

  #answers(): void {
    if (this.isDown) throw new AppError("SERVICE_UNAVAILABLE", "the shop is down");
  }
}

/** The storefront's settings over this shop; `SHOPPER_TOKEN` and `OTHER_TOKEN` are its two valid sessions. */
export function storefrontOptions(data: ShopData, parts: Partial<StorefrontOptions> = {}): StorefrontOptions {
  return {
    data,
    shopName: "Larkfield",
    userOf: async (token) => (token === SHOPPER_TOKEN ? SHOPPER_ID : token === OTHER_TOKEN ? OTHER_ID : null),
    cards: { kind: "test_cards" },
    guestOf: (_, token) => (token === "guest" ? SHOPPER_ID : null),
    clock: { now: () => FIXED_NOW },
    uuid: () => crypto.randomUUID(),
    counts: { page: () => undefined, cspReport: () => undefined, refusedOrigin: () => undefined },
    onError: () => undefined,
    ...parts,
  };
}
