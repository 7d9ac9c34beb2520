// The state of the simulated PayPal: the fold of its ledger's entries. Pure.
import type { PayPalLedgerEntry } from "../../../schemas/paypal-ledger.ts";
import { assert, assertNever } from "../../kernel/errors.ts";
import { Collection } from "../collection.ts";
import { IdempotencyKeys } from "../idempotency.ts";
import { hundredths, type Money } from "./money.ts";

/** What a key belongs to. PayPal answers a repeated key with the present state of this. */
export interface Named {
  readonly kind: "order" | "authorization" | "capture" | "refund";
  readonly id: string;
}

export interface Capture extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly orderId: string;
  readonly authorizationId: string | null;
}

export interface Refund extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly captureId: string;
  /** Null: none was requested. */
  readonly customId: string | null;
}

export interface Authorization extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly status: "CREATED" | "CAPTURED" | "VOIDED";
}

export interface Order extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly status: "CREATED" | "APPROVED" | "COMPLETED";
  /** Approved with a way to pay that is declined: always, or only when money is taken. Null: it is not. */
  readonly declines: "all" | "capture" | null;
  readonly intent: string;
  readonly referenceId: string;
  readonly customId: string | null;
  readonly invoiceId: string | null;
  readonly returnUrl: string;
  readonly cancelUrl: string;
  readonly authorization: Authorization | null;
  readonly capture: Capture | null;
}

const DECLINES = { approved: null, declined: "all", capture_declined: "capture", refused: null } as const;

type Executed = Exclude<PayPalLedgerEntry, { kind: "keys_expired" }>;

export class PayPalLedger {
  readonly orders = new Collection<Order>();
  readonly captures = new Collection<Capture>();
  readonly refunds = new Collection<Refund>();
  readonly keys: IdempotencyKeys<Named>;
  readonly totals = { orders: 0, captures: 0, refunds: 0, voids: 0 };
  readonly #orderOfAuthorization = new Map<string, string>();
  readonly #refundsOf = new Map<string, readonly Refund[]>();
  readonly #invoices = new Set<string>();
  #lastSeq = 0;

  constructor(keyLifetimeMs: number) {
    this.keys = new IdempotencyKeys(keyLifetimeMs);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Whether a payment with this invoice id was captured. */
  isPaid(invoiceId: string | null): boolean {
    return invoiceId !== null && this.#invoices.has(invoiceId);
  }

  orderOf(authorizationId: string): Order | undefined {
    return this.orders.get(this.#orderOfAuthorization.get(authorizationId) ?? "");
  }

  refundsOf(captureId: string): readonly Refund[] {
    return this.#refundsOf.get(captureId) ?? [];
  }

  refundedHundredths(captureId: string): number {
    return this.refundsOf(captureId).reduce((sum, { value }) => sum + hundredths(value), 0);
  }

  /** Returns what the entry made or changed. */
  apply(entry: PayPalLedgerEntry): Named | null {
    assert(entry.seq === this.#lastSeq + 1, `ledger entry ${entry.seq} does not follow ${this.#lastSeq}`);
    this.#lastSeq = entry.seq;
    if (entry.kind === "keys_expired") {
      this.keys.expire(entry.keys);
      return null;
    }
    const named = this.#applied(entry);
    if (entry.request_id !== null) this.keys.store(entry.request_id, entry.fingerprint, named, entry.at_ms);
    return named;
  }

  #applied(entry: Executed): Named {
    switch (entry.kind) {
      case "order":
        this.totals.orders++;
        this.orders.put(newOrder(entry));
        return { kind: "order", id: entry.order };
      case "approval":
        this.#change(entry.order, {
          status: entry.answer === "refused" ? "CREATED" : "APPROVED",
          declines: DECLINES[entry.answer],
        });
        return { kind: "order", id: entry.order };
      case "intent":
        this.#change(entry.order, { intent: entry.intent });
        return { kind: "order", id: entry.order };
      case "authorization": {
        const { value, currency, at_ms: createdMs, authorization: id } = entry;
        const authorization = { id, value, currency, createdMs, status: "CREATED" } as const;
        this.#orderOfAuthorization.set(id, entry.order);
        this.#change(entry.order, { status: "COMPLETED", authorization });
        return { kind: "order", id: entry.order };
      }
      case "void":
        this.totals.voids++;
        this.#changeAuthorization(entry.order, "VOIDED");
        return { kind: "authorization", id: entry.authorization };
      case "capture":
        return this.#applyCapture(entry);
      case "refund": {
        const { value, currency, at_ms: createdMs, refund: id, capture: captureId } = entry;
        this.totals.refunds++;
        const refund = { id, createdMs, captureId, customId: entry.custom_id ?? null, value, currency };
        this.refunds.put(refund);
        this.#refundsOf.set(captureId, [...this.refundsOf(captureId), refund]);
        return { kind: "refund", id };
      }
      default:
        return assertNever(entry);
    }
  }

  #applyCapture(entry: Extract<Executed, { kind: "capture" }>): Named {
    const { value, currency, at_ms: createdMs, capture: id, authorization: authorizationId } = entry;
    this.totals.captures++;
    const capture = { id, createdMs, orderId: entry.order, authorizationId, value, currency };
    this.captures.put(capture);
    if (authorizationId !== null) this.#changeAuthorization(entry.order, "CAPTURED");
    const { invoiceId } = this.#change(entry.order, { status: "COMPLETED", capture });
    if (invoiceId !== null) this.#invoices.add(invoiceId);
    return authorizationId === null ? { kind: "order", id: entry.order } : { kind: "capture", id };
  }

  #changeAuthorization(orderId: string, status: Authorization["status"]): void {
    const authorization = this.orders.get(orderId)?.authorization ?? null;
    assert(authorization !== null, `order ${orderId} has no authorization`);
    this.#change(orderId, { authorization: { ...authorization, status } });
  }

  #change(id: string, changes: Partial<Order>): Order {
    const order = this.orders.get(id);
    assert(order !== undefined, `there is no order ${id}`);
    const changed = { ...order, ...changes };
    this.orders.put(changed);
    return changed;
  }
}

function newOrder(entry: Extract<PayPalLedgerEntry, { kind: "order" }>): Order {
  return {
    id: entry.order,
    createdMs: entry.at_ms,
    status: "CREATED",
    declines: null,
    intent: entry.intent,
    referenceId: entry.reference_id,
    customId: entry.saga_id,
    invoiceId: entry.invoice_id,
    returnUrl: entry.return_url,
    cancelUrl: entry.cancel_url,
    value: entry.value,
    currency: entry.currency,
    authorization: null,
    capture: null,
  };
}
