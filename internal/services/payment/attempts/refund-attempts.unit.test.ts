// A refund that is pending at the provider, that fails, and that fails after it had succeeded: by results and by webhook events, in any
// order, old and repeated.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Difference } from "../difference.ts";
import { decide } from "../decide.ts";
import type { Decision, Payment, PendingRefund, RefundPendingPayment } from "../payment.ts";
import { refundPayment } from "../../../testkit/commands.ts";
import { FACTS, SAGA } from "../../../testkit/payment-facts.ts";
import { decideWebhookEvent } from "../webhooks/webhook-event.ts";
import { claimRefund, DEFAULT_POLICY as policy, type RefundOutcome, settleRefund } from "./attempts.ts";
import { requestRefund } from "./provider-call.ts";
import { LONGEST_PAUSE_MS } from "../../../kernel/backoff.ts";
import type { ProviderRefund } from "../providers/ledger.ts";
import type { PaymentProvider } from "../providers/provider.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const HOUR_MS = 60 * 60 * 1_000;

const waiting: RefundPendingPayment = {
  ...FACTS,
  status: "REFUND_PENDING",
  provider_txn_id: "pi_1",
  undo_requested: true,
  refund: {
    refund_id: SAGA,
    attempts: 0,
    created_at: 0,
    next_attempt_at: T0,
    error_code: null,
    provider_refund_id: null,
    failed: [],
    reported: false,
  },
};
const succeeded = (id = "re_1"): RefundOutcome => ({ kind: "succeeded", provider_refund_id: id });
const pending = (id = "re_1"): RefundOutcome => ({
  kind: "pending",
  provider_refund_id: id,
  error_code: "REFUND_PENDING",
});
const failed = (id = "re_1"): RefundOutcome => ({
  kind: "failed",
  provider_refund_id: id,
  error_code: "REFUND_FAILED",
});

/** The payment of one saga, whose refund is due. */
class Till {
  payment: Payment = waiting;
  now = T0;
  readonly replies: string[] = [];
  readonly alerts: Difference[] = [];

  /** Null if nothing is due. */
  claim() {
    const claim = claimRefund(this.payment, this.now, policy);
    if (claim !== null) this.payment = claim.payment;
    return claim?.request ?? null;
  }

  settle(
    outcome: RefundOutcome,
    attempt = "refund" in this.payment ? this.payment.refund.attempts : 0,
  ): void {
    this.apply(settleRefund(this.payment, attempt, outcome, this.now, policy));
  }

  hear(status: ProviderRefund["status"], id = "re_1", changes: Partial<ProviderRefund> = {}): string {
    const refund: ProviderRefund = {
      provider_refund_id: id,
      provider_txn_id: "pi_1",
      saga_id: SAGA,
      isMarked: true,
      isRequestedHere: true,
      amount_cents: 600,
      currency: "EUR",
      status,
      error_code: "REFUND_FAILED",
      ...changes,
    };
    const event = { kind: "refund", event_id: `evt_${this.now}`, refund } as const;
    const decided = decideWebhookEvent(this.payment, event, this.now, policy);
    if (decided.kind === "settled") this.apply(decided.decision);
    return decided.kind;
  }

  apply(decision: Decision): void {
    this.payment = decision.payment;
    this.replies.push(...decision.out.map(({ type }) => type));
    if (decision.alert !== undefined) this.alerts.push(decision.alert);
  }

  get pending(): PendingRefund {
    if (this.payment.status !== "REFUND_PENDING") throw new Error(`the refund is ${this.payment.status}`);
    return this.payment.refund;
  }
}

describe("a refund that is pending at the provider", () => {
  test("is not done, keeps the provider's id, and is looked up rarely", () => {
    const till = new Till();
    const pauses = [1, 2, 3, 4].map(() => {
      const request = till.claim();
      till.settle(pending());
      const pause = till.pending.next_attempt_at - till.now;
      till.now += pause;
      return [request?.search_first, pause];
    });
    expect(pauses).toEqual([
      [false, 5_000],
      [true, 60_000],
      [true, LONGEST_PAUSE_MS],
      [true, LONGEST_PAUSE_MS],
    ]);
    expect(till.pending).toMatchObject({ provider_refund_id: "re_1", error_code: "REFUND_PENDING" });
    expect([till.replies, till.alerts]).toEqual([[], []]);
    till.claim();
    till.settle(succeeded());
    expect([till.payment.status, till.replies]).toEqual(["REFUNDED", ["RefundCompleted"]]);
  });

  test("is done by the event of its success, and not by one of its creation", () => {
    const till = new Till();
    till.claim();
    till.settle(pending());
    expect([till.hear("pending"), till.payment.status]).toEqual(["unchanged", "REFUND_PENDING"]);
    expect([till.hear("succeeded"), till.payment.status]).toEqual(["settled", "REFUNDED"]);
    expect(till.replies).toEqual(["RefundCompleted"]);
  });
});

describe("a refund that failed", () => {
  test("by its event or a look-up is an alert, once, and no other is requested", () => {
    for (const fail of [(till: Till) => till.settle(failed()), (till: Till) => void till.hear("failed")]) {
      const till = new Till();
      till.claim();
      till.settle(pending());
      fail(till);
      fail(till);
      expect(till.alerts).toMatchObject([{ kind: "refund_failed", subject: "re_1", saga_id: SAGA }]);
      expect([till.payment.status, till.replies]).toEqual(["REFUND_PENDING", []]);
      for (let hours = 0; hours < 48; hours += 1) {
        till.now += HOUR_MS;
        expect(till.claim()).toMatchObject({ search_first: true, search_only: true });
        till.settle({ kind: "not_yet", error_code: "REFUND_NOT_LISTED" });
      }
      expect(till.pending).toMatchObject({ failed: ["re_1"], error_code: "REFUND_FAILED" });
    }
  });

  test("after it was reported is open again, and the saga hears of no second success", () => {
    const till = new Till();
    till.claim();
    till.settle(succeeded());
    expect(till.hear("failed")).toBe("settled");
    expect(till.payment.status).toBe("REFUND_PENDING");
    expect(till.alerts[0]?.detail).toContain("after it was reported as refunded");
    // The saga may ask once more. It must not hear that the money is back.
    till.apply(decide(till.payment, refundPayment(SAGA), till.now));
    expect(till.replies).toEqual(["RefundCompleted"]);
    // A person has refunded at the provider.
    expect(till.hear("succeeded", "re_2", { isRequestedHere: false })).toBe("settled");
    expect([till.payment.status, till.replies]).toEqual(["REFUNDED", ["RefundCompleted"]]);
    till.apply(decide(till.payment, refundPayment(SAGA), till.now));
    expect(till.replies).toEqual(["RefundCompleted", "RefundCompleted"]);
  });

  test("is not done by an event or a stored answer from before its failure", () => {
    const till = new Till();
    till.claim();
    till.hear("failed");
    expect([till.hear("succeeded"), till.payment.status]).toEqual(["unchanged", "REFUND_PENDING"]);
    till.settle(succeeded());
    till.settle(pending());
    expect([till.payment.status, till.pending.failed]).toEqual(["REFUND_PENDING", ["re_1"]]);
    expect(till.pending.next_attempt_at).toBeGreaterThan(till.now);
  });

  test("of somebody else says nothing about ours", () => {
    const till = new Till();
    till.claim();
    till.settle(pending());
    // A provider may give it the mark of its charge.
    for (const isMarked of [false, true])
      expect(till.hear("failed", "re_2", { isMarked, isRequestedHere: false })).toBe("unchanged");
    expect(till.hear("failed", "re_1", { amount_cents: 1 })).toBe("unchanged");
    till.settle(succeeded());
    expect(till.hear("failed", "re_2")).toBe("unchanged");
    expect([till.payment.status, till.alerts]).toEqual(["REFUNDED", []]);
  });
});

test("a search that may request nothing requests nothing", async () => {
  const provider: Pick<PaymentProvider, "findRefund" | "refund"> = {
    findRefund: () => Promise.resolve({ kind: "not_found" }),
    refund: () => Promise.reject(new Error("it was requested")),
  };
  const call = { idempotency_key: "k", search_first: true, search_only: true, attempt: 9 };
  expect(await requestRefund(provider, waiting, call, Infinity)).toMatchObject({ kind: "not_yet" });
});

/** What may become of the refund at the provider, in this order. */
const LIVES = [
  ["succeeded"],
  ["pending", "succeeded"],
  ["pending", "failed"],
  ["succeeded", "failed"],
  ["pending", "succeeded", "failed"],
] as const;

test("whatever arrives in whatever order, in the end the payment is what the refund is", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...LIVES),
      fc.array(fc.record({ by: fc.constantFrom("event", "result"), which: fc.nat(2) }), { maxLength: 12 }),
      (life, arrivals) => {
        const till = new Till();
        till.claim();
        for (const { by, which } of arrivals) {
          const status = life[which % life.length] ?? life[0];
          const outcome = { succeeded, pending, failed }[status];
          const hasFailed = till.alerts.length > 0;
          if (by === "event") till.hear(status);
          else till.settle(outcome());
          if (hasFailed) expect(till.payment.status).toBe("REFUND_PENDING");
          till.now += 1_000;
        }
        const end = life.at(-1) ?? "pending";
        till.hear(end);
        expect(till.payment.status).toBe(end === "succeeded" ? "REFUNDED" : "REFUND_PENDING");
        expect(till.alerts.length).toBe(end === "failed" ? 1 : 0);
        expect(till.replies.length).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 2_000 },
  );
});
