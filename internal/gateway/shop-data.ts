// Fills the storefront's port with the gateway's clients. A checkout of the storefront goes through the same reading, sealing and
// hashing as one of an API client. Called by cmd/gateway.
import { type FailureKind, failureKind } from "../../schemas/failures.ts";
import { MAX_CART_LINES } from "../../schemas/fields.ts";
import type { CheckoutRequest, SagaStatusView } from "../../schemas/http.ts";
import type { SagaHistory } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { categoriesOf } from "../storefront/parts/names.ts";
import {
  type CheckoutStatus,
  type Following,
  type FromPage,
  type ProductQuery,
  type ShopCategory,
  type ShopData,
  type ShopProduct,
  type StartResult,
  TooManyRequests,
} from "../storefront/port.ts";
import { cancelOrder } from "./cancel-order.ts";
import type { GatewayLimits } from "./limits/hooks.ts";
import type { InventoryClient } from "./inventory-client.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { OrderClient } from "./order-client.ts";
import type { PaymentClient } from "./payment-client.ts";
import { ProblemError, STREAM_RETRY_AFTER_SECONDS } from "./problem.ts";
import type { RequestTraces } from "./request-traces.ts";
import { placeCheckout } from "./routes/checkout.ts";
import { SharedAnswers } from "./shared-answers.ts";
import type { StreamSlots } from "./stream-slots.ts";

const PAGE_PRODUCTS = 24;
const PAGE_ORDERS = 20;
/** Search and categories cover this many SKUs; about 1 KB each. */
const MAX_CATALOGUE = 5_000;
const LOAD_PAGE = 500;
const FRESHNESS = { freshMs: 5_000, staleMs: 60_000, restMs: 1_000, maxCalls: 4, maxEntries: 1 };
/** How long one call follows a saga; then the next one does. */
const FOLLOW_MS = 15_000;
/** A checkout of the pages is read like one of the API; nothing is sent to this address. */
const CHECKOUT_URL = "http://service.internal/api/v1/checkout";

/** The checkout found another price or stock than the page had shown. */
const CATALOGUE_DIFFERED: ReadonlySet<FailureKind> = new Set([
  "price_changed",
  "short_of_stock",
  "not_sold",
  "other_currency",
]);

export interface ShopDataOptions {
  readonly orchestrator: OrchestratorClient;
  readonly inventory: InventoryClient;
  readonly orders: OrderClient;
  readonly limits?: Pick<GatewayLimits, "checkout" | "accepted"> | undefined;
  /** Without it no bank is ever asked. */
  readonly payment?: PaymentClient | undefined;
  readonly seal: (paymentMethod: string) => string;
  readonly currencies: ReadonlySet<string>;
  readonly clock: Clock;
  /** Without them nothing is traced. */
  readonly traces?: Pick<RequestTraces, "contextOf"> | undefined;
  /** Of the pages' event streams, shared with those of the API, and of their long polls. */
  readonly slots: Readonly<Record<"stream" | "poll", Pick<StreamSlots, "take">>>;
}

/** What is read of it for each page is made once per load. */
interface Catalogue {
  readonly products: readonly ShopProduct[];
  /** What a search looks at, in the order of the products. */
  readonly searchTexts: readonly string[];
  readonly bySku: ReadonlyMap<string, ShopProduct>;
  readonly categories: readonly ShopCategory[];
}

export class GatewayShopData implements ShopData {
  readonly #options: ShopDataOptions;
  readonly #catalogue: SharedAnswers<Catalogue>;
  /** Epoch ms. What was loaded before is not shown any more: the shopper would order at the old price again. */
  #differedAt = 0;

  constructor(options: ShopDataOptions) {
    this.#options = options;
    const { clock } = options;
    this.#catalogue = new SharedAnswers({ ...FRESHNESS, clock, load: () => this.#loadCatalogue() });
  }

  async products({ after = "", search = "", category }: ProductQuery) {
    const { products, searchTexts, categories } = await this.#catalogueNow();
    const words = [...new Set(search.toLowerCase().split(/\s+/).filter(Boolean))];
    const found = products.filter((product, index) => {
      if (category !== undefined && product.category !== category) return false;
      const text = searchTexts[index] ?? "";
      return words.every((word) => text.includes(word));
    });
    const start = found.findIndex(({ sku_id }) => sku_id > after);
    const items = start < 0 ? [] : found.slice(start, start + PAGE_PRODUCTS);
    const hasMore = start >= 0 && found.length > start + PAGE_PRODUCTS;
    return {
      items,
      categories,
      next: hasMore ? (items.at(-1)?.sku_id ?? null) : null,
      // Also from beyond the end, where a page is empty.
      previous:
        after === "" || start === 0
          ? null
          : (found[(start < 0 ? found.length : start) - PAGE_PRODUCTS - 1]?.sku_id ?? ""),
    };
  }

  async productsBySku(skus: readonly string[]) {
    const { products, bySku } = await this.#catalogueNow();
    const wanted = [...new Set(skus)];
    const found = new Map<string, ShopProduct>();
    for (const sku of wanted) {
      const product = bySku.get(sku);
      if (product !== undefined) found.set(sku, product);
    }
    if (products.length < MAX_CATALOGUE) return found;
    // A large catalogue is not all in memory.
    const others = wanted.filter((sku) => !found.has(sku));
    for (let i = 0; i < others.length; i += MAX_CART_LINES)
      for (const item of await this.#options.inventory.items(others.slice(i, i + MAX_CART_LINES)))
        found.set(item.sku_id, item);
    return found;
  }

  async orders(userId: string, after: string | undefined) {
    const { orders, next } = await this.#options.orders.page({ userId, after, limit: PAGE_ORDERS });
    return { items: orders, next };
  }

  order(userId: string, orderId: string) {
    return this.#options.orders.order(orderId, userId);
  }

  async cancelOrder(userId: string, orderId: string): Promise<void> {
    await cancelOrder(this.#options, orderId, userId).catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
    });
  }

  async cancelling(userId: string, sagaIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (sagaIds.length === 0) return new Set();
    const views = await this.#options.orchestrator.some(sagaIds, userId);
    return new Set(views.filter(({ cancelling }) => cancelling === true).map(({ saga_id }) => saga_id));
  }

  async openCheckouts(userId: string): Promise<readonly CheckoutStatus[]> {
    const views = await this.#options.orchestrator.open(userId);
    return Promise.all(views.map((view) => this.#withStock(view)));
  }

  async startCheckout(
    userId: string,
    key: string,
    checkout: CheckoutRequest,
    { request: from, language }: FromPage,
  ): Promise<StartResult> {
    const request = new Request(CHECKOUT_URL, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(checkout),
    });
    try {
      const { saga_id } = await placeCheckout(this.#options, { request, userId, from, language });
      return { kind: "accepted", saga_id };
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (error.type === "idempotency-key-reused") return { kind: "key_reused" };
      if (error.type === "too-many-requests") throw new TooManyRequests(error.parts.limit?.msBeforeNext ?? 0);
      if (error.type === "invalid-body" || error.type === "card-number")
        return { kind: "invalid", errors: error.parts.errors ?? [] };
      throw error;
    }
  }

  async status(sagaId: string, userId: string): Promise<CheckoutStatus | null> {
    const signal = new AbortController().signal;
    const view = await this.#options.orchestrator.status(sagaId, userId, { waitMs: 0, signal });
    return view === null ? null : this.#withStock(view);
  }

  async changes(
    sagaId: string,
    userId: string,
    { signal, by, isGuest }: Following,
  ): Promise<AsyncGenerator<CheckoutStatus> | null> {
    const slot = this.#take(by, isGuest ? `guest:${sagaId}` : userId, signal);
    try {
      const wait = { waitMs: 0, signal: slot.signal };
      const first = await this.#options.orchestrator.history(sagaId, userId, { after: 0, ...wait });
      if (first !== null) return this.#follow(sagaId, userId, first, slot);
      slot.abort();
      return null;
    } catch (error) {
      slot.abort();
      throw error;
    }
  }

  async *#follow(
    sagaId: string,
    userId: string,
    first: SagaHistory,
    slot: AbortController,
  ): AsyncGenerator<CheckoutStatus> {
    const { signal } = slot;
    let after = 0;
    try {
      for (let seen: SagaHistory | null = first; seen !== null && !signal.aborted;) {
        // Also without a new line: the page says when it takes long.
        yield await this.#withStock(seen.view);
        if (seen.view.completed_at !== null) return;
        after = seen.events.at(-1)?.id ?? after;
        const wait = { waitMs: FOLLOW_MS, signal };
        seen = await this.#options.orchestrator.history(sagaId, userId, { after, ...wait });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      slot.abort();
    }
  }

  async bankUrl(sagaId: string, userId: string): Promise<string | null> {
    if ((await this.status(sagaId, userId)) === null) return null;
    return (await this.#options.payment?.action(sagaId))?.url ?? null;
  }

  async extendAction(sagaId: string, userId: string): Promise<void> {
    await this.#options.orchestrator.extendAction(sagaId, userId).catch((error: unknown) => {
      if (!(error instanceof ProblemError) || error.type !== "not-extendable") throw error;
    });
  }

  async checkPayment(sagaId: string, userId: string): Promise<void> {
    if ((await this.status(sagaId, userId)) !== null) await this.#options.payment?.check(sagaId);
  }

  /** Says how many pieces are left of the lines that are short: the saga knows only which they are. */
  async #withStock({ lines_short, ...view }: SagaStatusView): Promise<CheckoutStatus> {
    this.#noteDifference(view);
    if (lines_short === undefined) return view;
    const products = await this.productsBySku(lines_short.map(({ sku_id }) => sku_id));
    const leftOf = (sku_id: string) => products.get(sku_id)?.available_count ?? 0;
    const lines = lines_short.map(({ sku_id, reason }) => ({
      sku_id,
      available_count: reason === "short" ? leftOf(sku_id) : 0,
    }));
    return { ...view, lines_short: lines };
  }

  #noteDifference({ failure_code, completed_at }: Omit<SagaStatusView, "lines_short">): void {
    if (completed_at === null || !CATALOGUE_DIFFERED.has(failureKind(failure_code ?? ""))) return;
    // Not the future of a host whose clock is ahead.
    const at = Math.min(Date.parse(completed_at), this.#options.clock.now());
    this.#differedAt = Math.max(this.#differedAt, at);
  }

  #catalogueNow(): Promise<Catalogue> {
    return this.#catalogue.get("all", this.#differedAt);
  }

  #take(by: Following["by"], holder: string, signal: AbortSignal): AbortController {
    try {
      return this.#options.slots[by].take(holder, signal);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (error.type === "too-many-streams") throw new TooManyRequests(STREAM_RETRY_AFTER_SECONDS * 1_000);
      throw new AppError("SERVICE_UNAVAILABLE", "too many status pages are followed at once");
    }
  }

  async #loadCatalogue(): Promise<Catalogue> {
    const items: ShopProduct[] = [];
    for (let after: string | undefined; items.length < MAX_CATALOGUE;) {
      // One after the other, because each page says where the next one begins.
      const page = await this.#options.inventory.page(after, LOAD_PAGE);
      items.push(...page.items);
      if (page.next === null) break;
      after = page.next;
    }
    return {
      products: items,
      searchTexts: items.map(searchText),
      bySku: new Map(items.map((item) => [item.sku_id, item])),
      categories: categoriesOf(items),
    };
  }
}

function searchText({ sku_id, name, category = "", names = {}, categories = {} }: ShopProduct): string {
  return [sku_id, name, category, ...Object.values(names), ...Object.values(categories)]
    .join(" ")
    .toLowerCase();
}
