// What the storefront needs from the rest of the shop. The gateway fills it with its clients; the preview and the tests fill it from
// memory. Pages see only these types, so no page knows where an answer comes from.
import type { CardOnReceipt } from "../kernel/charged-card.ts";
import type { CheckoutRequest, SagaStatusView } from "../../schemas/http.ts";
import type { Language } from "./format.ts";

export interface ShopProduct {
  readonly sku_id: string;
  readonly name: string;
  readonly unit_price_cents: number;
  readonly currency: string;
  readonly available_count: number;
  readonly category?: string;
  readonly description?: string;
  /** By language code; `name` and `description` are used for a language that is missing. */
  readonly names?: Readonly<Record<string, string>>;
  readonly descriptions?: Readonly<Record<string, string>>;
  readonly categories?: Readonly<Record<string, string>>;
  /** A path of this server, or an https address; browsers load it from the hosts of PICTURE_HOSTS. */
  readonly picture?: string;
}

/** `category` identifies it, in every language. */
export type ShopCategory = Required<Pick<ShopProduct, "category">> & Pick<ShopProduct, "categories">;

export interface ProductQuery {
  /** The SKU that the page before ended with. */
  readonly after?: string;
  readonly search?: string;
  readonly category?: string;
}

export interface ProductsPage {
  readonly items: readonly ShopProduct[];
  readonly next: string | null;
  /** The `after` of the page before; empty for the first page, null on it. */
  readonly previous: string | null;
  readonly categories: readonly ShopCategory[];
}

export type MoneyState = "none" | "authorized" | "taken" | "returning" | "returned" | "unknown";

export interface ShortLine {
  readonly sku_id: string;
  readonly available_count: number;
}

/** The saga's status, with what is left of the lines that are short. */
export interface CheckoutStatus extends Omit<SagaStatusView, "lines_short"> {
  /** What is left of the lines that could not be reserved. */
  readonly lines_short?: readonly ShortLine[];
}

export interface OrderLine {
  readonly sku_id: string;
  readonly quantity: number;
  readonly unit_price_cents: number;
}

export type OrderStatus = "CONFIRMED" | "SHIPPED" | "DELIVERED" | "CANCELLED";

export interface PlacedOrder {
  readonly order_id: string;
  readonly saga_id: string;
  readonly status: OrderStatus;
  readonly items: readonly OrderLine[];
  readonly total_cents: number;
  readonly currency: string;
  readonly shipping_address: Partial<CheckoutRequest["shipping_address"]>;
  readonly created_at: string;
  readonly shipped_at: string | null;
  readonly delivered_at: string | null;
  readonly cancelled_at: string | null;
  readonly tracking: { readonly carrier: string; readonly number: string; readonly url?: string } | null;
  /** The card that was charged; undefined if it is not known. */
  readonly card?: CardOnReceipt;
}

export interface OrdersPage {
  readonly items: readonly PlacedOrder[];
  readonly next: string | null;
}

export type StartResult =
  | { readonly kind: "accepted"; readonly saga_id: string }
  /** The key was used with another checkout. */
  | { readonly kind: "key_reused" }
  | {
      readonly kind: "invalid";
      readonly errors: readonly { readonly path: string; readonly message: string }[];
    };

/** A limit of this shopper or their address is reached. */
export class TooManyRequests extends Error {
  readonly retryAfterSeconds: number;

  constructor(retryAfterMs: number) {
    super("too many requests");
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  }
}

/** Where a checkout comes from. */
export interface FromPage {
  /** What the browser sent. */
  readonly request: Request;
  /** Of the page: the mails are written in it. */
  readonly language: Language;
}

/** How a page follows a checkout: slots of streams and of polls are counted apart. */
export interface Following {
  readonly signal: AbortSignal;
  readonly by: "stream" | "poll";
  /** Holds no slot of the shopper's, because a link may be passed on; all guests of a checkout share a few of their own. */
  readonly isGuest: boolean;
}

/** Every method may throw an AppError with `canRetry`: the page then says that the shop does not answer at the moment. */
export interface ShopData {
  products(query: ProductQuery): Promise<ProductsPage>;
  /** The existing products among these, by SKU. */
  productsBySku(skus: readonly string[]): Promise<ReadonlyMap<string, ShopProduct>>;
  orders(userId: string, after: string | undefined): Promise<OrdersPage>;
  order(userId: string, orderId: string): Promise<PlacedOrder | null>;
  /** Cancels the user's order, if there is one that is not sent. Afterwards the order and its checkout's status tell. */
  cancelOrder(userId: string, orderId: string): Promise<void>;
  /** Those of these checkouts of the user whose order is being cancelled. At most as many as a page of orders has. */
  cancelling(userId: string, sagaIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** The user's checkouts that have not finished, newest first. */
  openCheckouts(userId: string): Promise<readonly CheckoutStatus[]>;
  /** Throws TooManyRequests. */
  startCheckout(userId: string, key: string, checkout: CheckoutRequest, from: FromPage): Promise<StartResult>;
  /** Null if the user has no such saga. */
  status(sagaId: string, userId: string): Promise<CheckoutStatus | null>;
  /**
   * The status now, and then each change of it, until the saga finishes or the signal aborts; null if the user has no such saga. Holds
   * one of the shopper's few slots until then, so go through it or abort. Throws TooManyRequests while all are taken.
   */
  changes(
    sagaId: string,
    userId: string,
    following: Following,
  ): Promise<AsyncIterable<CheckoutStatus> | null>;
  /** Where the bank asks the shopper to confirm the payment; null if it does not ask. */
  bankUrl(sagaId: string, userId: string): Promise<string | null>;
  /** Gives the shopper more time to confirm, if there is any and they have not had it. */
  extendAction(sagaId: string, userId: string): Promise<void>;
  /** The shopper is back from the bank: the payment is looked up now. */
  checkPayment(sagaId: string, userId: string): Promise<void>;
}
