// Everything an invariant may look at, collected once: per saga what each database and the provider say about it, the stock,
// and where outboxes and topics differ. Plain data, so that each check is a pure function of it.
import type { SagaStatus } from "../../schemas/http.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Topic } from "../../schemas/topics.ts";

/** Cart lines as one text, summed per SKU and sorted, so that two carts are the same exactly where their texts are. */
export type Items = string;

export interface SagaFacts {
  readonly saga_id: string;
  readonly status: SagaStatus;
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly order_id: string | null;
  /** What the shopper asked for, without prices. */
  readonly cart: Items;
  /** The same as the reservation priced it; null until then. */
  readonly priced_cart: Items | null;
  /** `priced_cart` without its prices. */
  readonly priced_quantities: Items | null;
  readonly total_cents: number | null;
  readonly currency: string;
  /** Statuses in order, the first being where the saga began. Shared by all sagas with the same way. */
  readonly way: readonly HistoryStep[];
}

export interface HistoryStep {
  readonly from: string;
  readonly to: string;
}

export interface ReservationFacts {
  readonly reservation_id: string;
  readonly status: string;
  readonly items: Items;
}

export interface OrderFacts {
  readonly order_id: string;
  readonly status: string;
  readonly items: Items;
  readonly total_cents: number;
  readonly currency: string | null;
}

export interface PaymentFacts {
  readonly payment_id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly provider_txn_id: string | null;
  readonly refunds: readonly RefundFacts[];
}

export interface RefundFacts {
  readonly refund_id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly provider_refund_id: string | null;
}

/** Money that moved, by the provider's own word. */
export interface Movement {
  readonly kind: "charge" | "refund";
  /** The provider's id of the charge, or of the charge that is given back. */
  readonly transaction_id: string;
  readonly refund_id: string | null;
  /** In minor units of the currency, whatever the provider counts in. */
  readonly amount_cents: number;
  readonly currency: string;
}

/** A message that must tell the same thing however often it is sent: `id` is what it tells. */
export interface Effect {
  readonly type: string;
  readonly id: string;
}

/** One saga with all that anybody says about it. */
export interface SagaCase {
  readonly saga: SagaFacts;
  /** Finished, for long enough that everything it caused is visible everywhere. */
  readonly isJudged: boolean;
  readonly reservations: ReservationFacts[];
  readonly orders: OrderFacts[];
  readonly payments: PaymentFacts[];
  readonly movements: Movement[];
  /** Distinct by type and id. */
  readonly effects: Effect[];
}

export interface StockFacts {
  readonly sku_id: string;
  readonly stocked: number;
  readonly available: number;
  readonly held: number;
  readonly confirmed: number;
}

/** Something that names a saga nobody knows (or none at all). */
export interface Orphan {
  readonly saga_id: string | null;
  /** For example `order 0197...`. */
  readonly what: string;
}

export interface LostRow {
  readonly database: DatabaseName;
  readonly event_id: string;
  readonly topic: string;
  readonly type: string;
  readonly saga_id: string;
}

export interface StrayRecord {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  readonly id: string | null;
  readonly saga_id: string | null;
}

export interface MessageFacts {
  readonly outboxRows: number;
  readonly records: number;
  /** Marked as published, and not in Kafka although it should still be there. */
  readonly lost: readonly LostRow[];
  /** In Kafka, and in no outbox although it should still be there. */
  readonly strays: readonly StrayRecord[];
  /** Message ids that stand in an inbox more than once. */
  readonly repeatedInbox: readonly { readonly database: DatabaseName; readonly message_id: string }[];
}

/** Work under way: not a violation unless the system is meant to be finished. */
export interface OpenItems {
  readonly sagas: Backlog;
  /** By database. */
  readonly unpublished: Readonly<Record<string, Backlog>>;
  /** By database. */
  readonly retries: Readonly<Record<string, Backlog>>;
  /** Neither discarded nor replayed with an outcome. */
  readonly dead_letters: Backlog;
}

export interface Backlog {
  readonly count: number;
  /** Milliseconds since the epoch; null where there is none. */
  readonly oldest_at: number | null;
}

export interface Facts {
  /** Milliseconds since the epoch, by the saga database's clock. */
  readonly auditedAt: number;
  readonly expectIdle: boolean;
  readonly cases: ReadonlyMap<string, SagaCase>;
  readonly stock: readonly StockFacts[];
  readonly orphans: readonly Orphan[];
  readonly messages: MessageFacts;
  readonly open: OpenItems;
  /** Sagas that were promised by a 202 and do not exist. */
  readonly brokenPromises: readonly string[];
  /** What could not be checked and why, one sentence each. */
  readonly notChecked: readonly string[];
}

/** `unit_price_cents` is left out of the text where it is not given. */
export function itemsOf(
  lines: readonly {
    readonly sku_id: string;
    readonly quantity: number;
    readonly unit_price_cents?: number | undefined;
  }[],
): Items {
  const quantities = new Map<string, number>();
  for (const { sku_id, quantity, unit_price_cents } of lines) {
    const product = unit_price_cents === undefined ? sku_id : `${sku_id} at ${unit_price_cents}`;
    quantities.set(product, (quantities.get(product) ?? 0) + quantity);
  }
  return [...quantities]
    .map(([product, quantity]) => `${quantity} x ${product}`)
    .toSorted()
    .join(", ");
}
