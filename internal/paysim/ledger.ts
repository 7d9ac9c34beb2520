// The provider's ledger in memory: intents, refunds and stored answers, as the fold of the ledger entries. Entries come from decide.ts
// while running and from the file after a restart; both give the same ledger and the same stored answers. Pure.
import type { ProviderError, ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { Collection, type Identified } from "./collection.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { assert, assertNever } from "../kernel/errors.ts";

export type IntentStatus =
  | "succeeded"
  | "requires_payment_method"
  | "requires_confirmation"
  | "requires_action"
  | "requires_capture"
  | "canceled";

/** The bank wants the shopper to confirm the intent, which stays so until it is paid or cancelled. */
export interface Challenge {
  readonly paymentMethod: string;
  readonly returnUrl: string;
}

/** Never changed in place: a stored answer keeps showing the intent as it was. */
export interface Intent extends Identified {
  readonly status: IntentStatus;
  readonly amountCents: number;
  readonly currency: string;
  readonly paymentMethod: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** The money is held first, and taken by a capture. */
  readonly isManual: boolean;
  /** Until when held money can be taken; null if none was ever held. */
  readonly captureBeforeMs: number | null;
  readonly charged: boolean;
  readonly refundedCents: number;
  readonly lastError: ProviderError | null;
  readonly canceledMs: number | null;
  readonly cancellationReason: string | null;
  readonly challenge?: Challenge;
}

export interface Refund extends Identified {
  readonly intentId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: "pending" | "succeeded" | "failed";
  readonly failureReason: string | null;
}

export interface Dispute extends Identified {
  readonly intentId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly reason: string;
  readonly dueByMs: number;
  readonly status: "needs_response" | "won" | "lost";
}

export type Answer =
  | { readonly kind: "intent"; readonly intent: Intent }
  | { readonly kind: "refund"; readonly refund: Refund }
  /** A card error contains its `intent`. */
  | { readonly kind: "error"; readonly error: ProviderError; readonly intent: Intent | null };

type EntryOf<K extends ProviderLedgerEntry["kind"]> = Extract<ProviderLedgerEntry, { kind: K }>;
type Created = EntryOf<"charge" | "hold" | "decline" | "action" | "intent">;
type Later = EntryOf<"refund_failed" | "dispute" | "dispute_closed">;
type Executed = Exclude<ProviderLedgerEntry, { kind: "keys_expired" } | Later>;

export class Ledger {
  readonly intents = new Collection<Intent>();
  readonly refunds = new Collection<Refund>();
  readonly disputes = new Collection<Dispute>();
  readonly keys: IdempotencyKeys<Answer>;
  readonly #bySaga = new Map<string, string[]>();
  readonly totals = { charges: 0, charged_cents: 0, refunds: 0, refunded_cents: 0, declines: 0, holds: 0 };
  /** When the money of each open hold is released. */
  readonly #holds = new Map<string, number>();
  /** No open hold ends before this time. */
  #nextHoldEndMs = Infinity;
  #lastSeq = 0;

  constructor(keyLifetimeMs: number) {
    this.keys = new IdempotencyKeys(keyLifetimeMs);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Ids of the intents with this `metadata.saga_id`, oldest first. */
  intentsOfSaga(sagaId: string): readonly string[] {
    return this.#bySaga.get(sagaId) ?? [];
  }

  /** Ids of the open holds, or of those whose time is over at `nowMs`. */
  holds(nowMs = Infinity): readonly string[] {
    if (nowMs < this.#nextHoldEndMs) return [];
    const isOver = ([, endsMs]: readonly [string, number]) => endsMs <= nowMs;
    this.#nextHoldEndMs = Math.min(
      ...[...this.#holds].filter((hold) => !isOver(hold)).map(([, ms]) => ms),
      Infinity,
    );
    return [...this.#holds].filter(isOver).map(([id]) => id);
  }

  /**
   * Appends one entry and returns its answer; null if it belongs to no request. `cuts` is how many replays of the answer get lost. Throws
   * AssertionError if the entry is out of sequence.
   */
  apply(entry: ProviderLedgerEntry, cuts = 0): Answer | null {
    assert(entry.seq === this.#lastSeq + 1, `ledger entry ${entry.seq} follows ${this.#lastSeq}`);
    this.#lastSeq = entry.seq;
    if (entry.kind === "keys_expired") {
      this.keys.expire(entry.keys);
      return null;
    }
    if (entry.kind === "refund_failed" || entry.kind === "dispute" || entry.kind === "dispute_closed") {
      this.#bookLater(entry);
      return null;
    }
    const answer = this.#book(entry);
    if (entry.idempotency_key !== null) {
      this.keys.store(entry.idempotency_key, entry.fingerprint, answer, entry.at_ms, cuts);
    }
    return answer;
  }

  #book(entry: Executed): Answer {
    switch (entry.kind) {
      case "charge":
      case "hold":
      case "decline":
      case "action":
      case "intent":
        return this.#create(entry);
      case "cancel": {
        const intent = {
          ...this.#intent(entry.payment_intent),
          status: "canceled" as const,
          canceledMs: entry.at_ms,
          cancellationReason: entry.reason,
        };
        this.intents.put(intent);
        this.#holds.delete(intent.id);
        return answerWith(entry.error, { kind: "intent", intent });
      }
      case "refund":
      case "refund_pending":
        return this.#refund(entry);
      case "refusal":
        return { kind: "error", error: entry.error, intent: null };
      default:
        return assertNever(entry);
    }
  }

  /** A charge, a hold or a decline may also be the end of a challenge, and a charge that of a hold: then the intent is there already. */
  #create(entry: Created): Answer {
    const before = this.intents.get(entry.payment_intent);
    const challenge = challengeIn(entry) ?? before?.challenge;
    const intent: Intent = {
      ...(challenge === undefined ? {} : { challenge }),
      id: entry.payment_intent,
      createdMs: before?.createdMs ?? entry.at_ms,
      status: statusOf(entry),
      amountCents: entry.amount_cents,
      currency: entry.currency,
      // As at Stripe, a declined card does not stay attached.
      paymentMethod: entry.kind === "decline" ? null : entry.payment_method,
      description: entry.description,
      metadata: entry.metadata,
      isManual: entry.capture_method === "manual",
      captureBeforeMs: entry.kind === "hold" ? entry.capture_before_ms : (before?.captureBeforeMs ?? null),
      charged: entry.kind === "charge",
      refundedCents: 0,
      lastError: entry.kind === "decline" ? entry.error : null,
      canceledMs: null,
      cancellationReason: null,
    };
    this.intents.put(intent);
    this.#holds.delete(intent.id);
    if (entry.kind === "hold") {
      this.#holds.set(intent.id, entry.capture_before_ms);
      this.#nextHoldEndMs = Math.min(this.#nextHoldEndMs, entry.capture_before_ms);
      this.totals.holds++;
    }
    if (entry.kind === "charge") {
      this.totals.charges++;
      this.totals.charged_cents += entry.amount_cents;
    } else if (entry.kind === "decline") {
      this.totals.declines++;
    }
    if (entry.saga_id !== null && before === undefined) {
      const ids = this.#bySaga.get(entry.saga_id);
      if (ids === undefined) this.#bySaga.set(entry.saga_id, [intent.id]);
      else ids.push(intent.id);
    }
    if (entry.kind === "decline") return { kind: "error", error: entry.error, intent };
    return answerWith(entry.error, { kind: "intent", intent });
  }

  /** A pending refund already counts as refunded: nobody can refund the same money again. */
  #refund(entry: EntryOf<"refund" | "refund_pending">): Answer {
    const intent = this.#intent(entry.payment_intent);
    const before = this.refunds.get(entry.refund);
    const refundedCents = intent.refundedCents + (before === undefined ? entry.amount_cents : 0);
    assert(intent.charged && refundedCents <= intent.amountCents, `refund beyond the charge of ${intent.id}`);
    this.intents.put({ ...intent, refundedCents });
    const refund: Refund = {
      id: entry.refund,
      createdMs: before?.createdMs ?? entry.at_ms,
      status: entry.kind === "refund" ? "succeeded" : "pending",
      failureReason: null,
      intentId: intent.id,
      amountCents: entry.amount_cents,
      currency: entry.currency,
      reason: entry.reason,
      metadata: entry.metadata,
    };
    this.refunds.put(refund);
    if (entry.kind === "refund") {
      this.totals.refunds++;
      this.totals.refunded_cents += entry.amount_cents;
    }
    return answerWith(entry.error, { kind: "refund", refund });
  }

  #bookLater(entry: Later): void {
    if (entry.kind === "refund_failed") {
      const refund = this.refunds.get(entry.refund);
      assert(refund !== undefined && refund.status !== "failed", `no refund ${entry.refund} that can fail`);
      if (refund.status === "succeeded") {
        this.totals.refunds--;
        this.totals.refunded_cents -= refund.amountCents;
      }
      const intent = this.#intent(refund.intentId);
      this.intents.put({ ...intent, refundedCents: intent.refundedCents - refund.amountCents });
      this.refunds.put({ ...refund, status: "failed", failureReason: entry.reason });
    } else if (entry.kind === "dispute") {
      this.disputes.put({
        id: entry.dispute,
        createdMs: entry.at_ms,
        intentId: entry.payment_intent,
        amountCents: entry.amount_cents,
        currency: entry.currency,
        reason: entry.reason,
        dueByMs: entry.due_by_ms,
        status: "needs_response",
      });
    } else {
      const dispute = this.disputes.get(entry.dispute);
      assert(dispute !== undefined, `the ledger has no dispute ${entry.dispute}`);
      this.disputes.put({ ...dispute, status: entry.outcome });
    }
  }

  #intent(id: string): Intent {
    const intent = this.intents.get(id);
    assert(intent !== undefined, `the ledger has no intent ${id}`);
    return intent;
  }
}

function answerWith(error: ProviderError | null, answer: Answer): Answer {
  return error === null ? answer : { kind: "error", error, intent: null };
}

function challengeIn(entry: Created): Challenge | undefined {
  if (entry.kind !== "action") return undefined;
  return { paymentMethod: entry.payment_method ?? "", returnUrl: entry.return_url };
}

function statusOf(entry: Created): IntentStatus {
  if (entry.kind === "action") return "requires_action";
  if (entry.kind === "hold") return "requires_capture";
  if (entry.kind === "charge") return "succeeded";
  if (entry.kind === "decline" || entry.payment_method === null) return "requires_payment_method";
  return "requires_confirmation";
}
