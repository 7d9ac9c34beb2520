// Everything that invariants may look at, collected once: per saga what each database and the provider say about it, the stock, and
// where outboxes and topics differ. Plain data, so that each check is a pure function of it.
import type { SagaStatus } from "../../schemas/http.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Topic } from "../../schemas/topics.ts";

/** Cart lines as one text, summed per SKU and sorted: two carts are equal exactly if their texts are equal. */
export type Items = string;

export interface SagaFacts {
  readonly saga_id: string;
  readonly status: SagaStatus;
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly order_id: string | null;
  /** The cart that the shopper sent, without prices. */
  readonly cart: Items;
  /** The cart with the reservation's prices; null until then. */
  readonly priced_cart: Items | null;
  /** `priced_cart` without its prices. */
  readonly priced_quantities: Items | null;
  readonly total_cents: number | null;
  readonly currency: string;
  /** The status changes in order, from the saga's first. Sagas with the same way share one array. */
  readonly way: readonly HistoryStep[];
}

export interface HistoryStep {
  readonly from: string;
  readonly to: string;
  /** The type of the message that led there. */
  readonly message: string;
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
  /** Null for a payment that was cancelled before its charge was asked for. */
  readonly currency: string | null;
  readonly provider_txn_id: string | null;
  readonly refunds: readonly RefundFacts[];
}

export interface RefundFacts {
  readonly refund_id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly provider_refund_id: string | null;
}

/** Money that moved, according to the provider. */
export interface Movement {
  readonly kind: "charge" | "refund";
  /** The provider's id of the charge, or of the refunded charge. */
  readonly transaction_id: string;
  readonly refund_id: string | null;
  /** In minor units of the currency, whatever unit the provider uses. */
  readonly amount_cents: number;
  readonly currency: string;
}

/** Money that was held on a card, according to the provider, and what has become of it. */
export interface HoldFacts {
  readonly transaction_id: string;
  /** In minor units of the currency, whatever unit the provider uses. */
  readonly amount_cents: number;
  readonly currency: string;
  readonly end: "open" | "captured" | "released";
}

/** A message that must name the same thing however often it is sent. `id` is what it names. */
export interface Effect {
  readonly type: string;
  readonly id: string;
}

/** One saga with everything that the sources say about it. */
export interface SagaCase {
  readonly saga: SagaFacts;
  /** Of its order after it was completed; null if there is none, or the order was shipped before. */
  readonly cancellation: "in progress" | "done" | null;
  /** Finished long enough ago that all its effects are visible everywhere. */
  readonly isJudged: boolean;
  readonly reservations: ReservationFacts[];
  readonly orders: OrderFacts[];
  readonly payments: PaymentFacts[];
  readonly movements: Movement[];
  readonly holds: HoldFacts[];
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

/** Something that names an unknown saga, or none. */
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
  /** Null if it has none that one of our roles could have given it. */
  readonly id: string | null;
  readonly saga_id: string | null;
  /** The dead letters of exactly these bytes at this place; several services may read a topic. */
  readonly deadLetters: readonly StrayDeadLetter[];
}

export interface StrayDeadLetter {
  readonly dead_letter_id: string;
  /** Null if no operator has discarded it. */
  readonly discard: Discard | null;
}

export interface Discard {
  readonly actor: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A message in Kafka, and the database whose inbox should have it. */
export interface UntakenMessage {
  readonly database: DatabaseName;
  readonly topic: Topic;
  readonly type: string;
  readonly message_id: string;
  readonly saga_id: string | null;
}

export interface MessageFacts {
  readonly outboxRows: number;
  readonly records: number;
  /** Marked as published but not in Kafka, although Kafka should still have it. */
  readonly lost: readonly LostRow[];
  /** In Kafka but in no outbox, although an outbox should still have it. */
  readonly strays: readonly StrayRecord[];
  /** Not in the inbox of their service, which has later ones of the same partition. */
  readonly untaken: readonly UntakenMessage[];
  /** Message ids that are in an inbox more than once. */
  readonly repeatedInbox: readonly { readonly database: DatabaseName; readonly message_id: string }[];
}

/** Work in progress: a violation only if the system should be idle. */
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
  /** Milliseconds since the epoch; null if `count` is 0. */
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
  /** Sagas that do not exist although a 202 promised them. */
  readonly brokenPromises: readonly string[];
  /** What could not be checked and why, one sentence each. */
  readonly notChecked: readonly string[];
}

/** The text contains `unit_price_cents` only if it is given. */
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
