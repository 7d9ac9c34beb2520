// Any history of a payment: commands in any order, results late, lost or of a repeated request, and webhook events lost, late,
// repeated and out of order. The provider is a small pure simulation. Whatever happens, it charges at most once, and the replies to
// the saga are true.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { MessageType } from "../../../schemas/registry.ts";
import { cancelPayment, chargePayment, refundPayment } from "../../testkit/commands.ts";
import {
  canBeGivenUp,
  type ChargeOutcome,
  claimCharge,
  claimRefund,
  DEFAULT_POLICY,
  giveUp,
  settleCharge,
  settleRefund,
} from "./attempts/attempts.ts";
import { decide } from "./decide.ts";
import { decideWebhookEvent } from "./webhooks/webhook-event.ts";
import type { Decision, Payment } from "./payment.ts";
import type { WebhookEvent } from "./providers/webhook-reader.ts";

const SAGA = "01900000-0000-7000-8000-000000000001";
const HOUR_MS = 60 * 60 * 1_000;
const KEY_LIFETIME_MS = 24 * HOUR_MS;
const policy = DEFAULT_POLICY;

/** How one call to the provider goes. */
const FATES = [
  "completed",
  "reply_lost",
  "lost_before",
  "error_stored",
  "error_after",
  "never_sent",
  "deferred",
] as const;
type Fate = (typeof FATES)[number];
const COMMANDS = { charge: chargePayment, cancel: cancelPayment, refund: refundPayment };

type Step =
  | { readonly do: "command"; readonly command: keyof typeof COMMANDS }
  | { readonly do: "call"; readonly fate: Fate }
  /** `again`: the settlement's success got lost, so the result is settled once more later. */
  | { readonly do: "settle"; readonly which: number; readonly again: boolean }
  | { readonly do: "event"; readonly which: number }
  | { readonly do: "give_up" }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("command" as const), command: fc.constantFrom("charge", "cancel", "refund") }),
  fc.record({ do: fc.constant("call" as const), fate: fc.constantFrom(...FATES) }),
  fc.record({ do: fc.constant("settle" as const), which: fc.nat(5), again: fc.boolean() }),
  fc.record({ do: fc.constant("give_up" as const) }),
  fc.record({ do: fc.constant("event" as const), which: fc.nat(3) }),
  fc.record({
    do: fc.constant("wait" as const),
    ms: fc.constantFrom(1_000, policy.leaseMs, 60_000, policy.searchLagMs, 22 * HOUR_MS, KEY_LIFETIME_MS),
  }),
);

const DEFERRED = { kind: "deferred", retry_after_ms: null } as const;

/** As chargePayment requests it. */
const CHARGED = { saga_id: SAGA, isMarked: true, amount_cents: 600, currency: "EUR" };

class World {
  now = Date.parse("2026-11-23T12:00:00.000Z");
  payment: Payment | null = null;
  readonly replies: MessageType[] = [];
  charges = 0;
  refunds = 0;
  readonly #refusesCards: boolean;
  #chargedAt = 0;
  /** What the provider has stored under the charge's key. */
  #stored: { readonly outcome: ChargeOutcome; readonly until: number } | null = null;
  /** Results on their way, in any order. */
  readonly #results: (() => Decision | null)[] = [];
  /** The provider's own events. Never removed: each may arrive at any time, and again. */
  readonly #events: WebhookEvent[] = [];

  constructor(refusesCards: boolean) {
    this.#refusesCards = refusesCards;
  }

  run(each: Step): void {
    if (each.do === "command") this.apply(decide(this.payment, COMMANDS[each.command](SAGA), this.now));
    else if (each.do === "wait") this.now += each.ms;
    else if (each.do === "call") this.call(each.fate);
    else if (each.do === "event") this.hear(this.#events[each.which]);
    else if (each.do === "give_up") this.giveUp();
    else this.settle(each.which, each.again);
    this.check();
  }

  /** All results arrive, then the provider works and time passes. */
  heal(): void {
    for (const result of this.#results.splice(0)) this.apply(result());
    for (let round = 0; round < 10; round += 1) {
      this.now += HOUR_MS * 4;
      this.call("completed");
      this.apply(this.#results.shift()?.() ?? null);
      this.check();
    }
  }

  settle(which: number, again: boolean): void {
    const result = this.#results[which];
    if (!again) this.#results.splice(which, 1);
    this.apply(result?.() ?? null);
  }

  giveUp(): void {
    if (this.payment !== null && canBeGivenUp(this.payment)) this.apply(giveUp(this.payment));
  }

  apply(decision: Decision | null): void {
    if (decision === null) return;
    this.payment = decision.payment;
    this.replies.push(...decision.out.map(({ type }) => type));
  }

  /** A provider that reports what it did never contradicts the saved payment. */
  hear(event: WebhookEvent | undefined): void {
    if (event === undefined || this.payment === null) return;
    const decided = decideWebhookEvent(this.payment, event, this.now, policy);
    expect(decided.kind).not.toBe("alert");
    if (decided.kind === "settled") this.apply(decided.decision);
  }

  call(fate: Fate): void {
    if (this.payment === null) return;
    const charge = claimCharge(this.payment, this.now, policy);
    if (charge !== null) {
      this.payment = charge.payment;
      const { attempt, ask } = charge.request;
      const outcome =
        ask === "search" ? this.#search(fate, false) : this.#charge(fate, ask === "charge_then_search");
      this.#results.push(
        () => this.payment && settleCharge(this.payment, attempt, outcome, this.now, policy),
      );
    }
    const refund = claimRefund(this.payment, this.now, policy);
    if (refund !== null) {
      this.payment = refund.payment;
      const { attempt } = refund.request;
      // The provider refunds no more than it took, under any key.
      if (fate === "completed" || fate === "reply_lost") this.#giveBack();
      const outcome =
        fate === "completed"
          ? ({ kind: "succeeded", provider_refund_id: "re_1" } as const)
          : fate === "deferred"
            ? DEFERRED
            : ({ kind: "not_yet", error_code: fate } as const);
      this.#results.push(
        () => this.payment && settleRefund(this.payment, attempt, outcome, this.now, policy),
      );
    }
  }

  check(): void {
    const { status } = this.payment ?? {};
    expect(this.charges).toBeLessThanOrEqual(1);
    if (status === "FAILED" || status === "CANCELLED" || status === undefined) expect(this.charges).toBe(0);
    if (status === "SUCCEEDED") expect(this.charges - this.refunds).toBe(1);
    if (status === "REFUNDED") expect([this.charges, this.refunds]).toEqual([1, 1]);
    if (this.replies.includes("PaymentCancelled")) expect(this.charges).toBe(0);
    if (this.replies.includes("PaymentFailed")) expect(this.charges).toBe(0);
    if (this.replies.includes("RefundCompleted")) expect(this.charges - this.refunds).toBe(0);
  }

  #charge(fate: Fate, thenSearch: boolean): ChargeOutcome {
    if (fate === "deferred") return DEFERRED;
    if (fate === "never_sent" && !thenSearch)
      return { kind: "no_effect", error_code: "PROVIDER_UNAVAILABLE", error_message: "" };
    if (fate === "lost_before" || fate === "never_sent") return { kind: "unknown" };
    const replayed = this.#stored !== null && this.#stored.until > this.now;
    const outcome = replayed ? (this.#stored?.outcome ?? { kind: "unknown" as const }) : this.#execute(fate);
    if (fate === "reply_lost") return { kind: "unknown" };
    return outcome.kind === "unknown" && thenSearch ? this.#search(fate, replayed) : outcome;
  }

  /** A stored error hides the real result. */
  #execute(fate: Fate): ChargeOutcome {
    const done = fate === "error_stored" ? ({ kind: "unknown" } as const) : this.#decideCharge();
    const outcome = fate === "error_after" ? ({ kind: "unknown" } as const) : done;
    this.#stored = { outcome, until: this.now + KEY_LIFETIME_MS };
    return outcome;
  }

  #decideCharge(): ChargeOutcome {
    const event = { kind: "charge", event_id: `evt_${this.#events.length}` } as const;
    if (this.#refusesCards) {
      const answer = { kind: "declined", error_code: "CARD_DECLINED", error_message: "" } as const;
      this.#events.push({ ...event, charge: { ...CHARGED, provider_txn_id: "pi_0", answer } });
      return answer;
    }
    this.charges += 1;
    this.#chargedAt = this.now;
    const answer = { kind: "succeeded", provider_txn_id: `pi_${this.charges}` } as const;
    this.#events.push({ ...event, charge: { ...CHARGED, ...answer, answer } });
    return answer;
  }

  #giveBack(): void {
    this.refunds = this.charges;
    const refund = {
      ...CHARGED,
      provider_refund_id: "re_1",
      provider_txn_id: "pi_1",
      isRequestedHere: true,
      status: "succeeded",
      error_code: null,
    } as const;
    this.#events.push({ kind: "refund", event_id: `evt_${this.#events.length}`, refund });
  }

  #search(fate: Fate, executionOver: boolean): ChargeOutcome {
    if (fate === "reply_lost" || fate === "lost_before" || fate === "deferred") return { kind: "unknown" };
    const isInLedger = this.charges > 0 && this.now - this.#chargedAt >= policy.searchLagMs;
    if (isInLedger) return { kind: "succeeded", provider_txn_id: "pi_1" };
    return { kind: "not_found", execution_over: executionOver };
  }
}

test("the provider charges at most once, and the replies are true", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 40 }), (refusesCards, steps) => {
      const world = new World(refusesCards);
      for (const each of steps) world.run(each);
    }),
    { numRuns: 2_000 },
  );
});

test("with a working provider every payment finishes, and an undone one keeps no money", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(step, { maxLength: 30 }),
      fc.boolean(),
      (refusesCards, steps, undo) => {
        const world = new World(refusesCards);
        for (const each of steps) world.run(each);
        if (undo) world.run({ do: "command", command: "cancel" });
        world.heal();
        expect(["PENDING", "UNKNOWN", "REFUND_PENDING"]).not.toContain(world.payment?.status ?? "none");
        if (undo) expect(world.charges - world.refunds).toBe(0);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a finished payment changes only by an undo", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(step, { maxLength: 30 }),
      fc.array(step, { maxLength: 10 }),
      (refuses, before, after) => {
        const world = new World(refuses);
        for (const each of before) world.run(each);
        world.heal();
        const { payment } = world;
        fc.pre(payment !== null && payment.status !== "SUCCEEDED");
        for (const each of after) world.run(each);
        expect(world.payment).toEqual(payment);
      },
    ),
  );
});
