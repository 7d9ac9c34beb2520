// Any history of a payment whose money is first held: commands in any order, results late, lost or of a repeated request, and webhook
// events late, repeated and out of order. The provider is a small pure simulation. Whatever happens, it takes the money at most once, the
// replies to the saga are true, and in the end nothing stays held that nobody asked to keep.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { MessageType } from "../../../schemas/registry.ts";
import { authorizePayment, cancelPayment, capturePayment, refundPayment } from "../../testkit/commands.ts";
import { type Attempt, claimHold, type Outcome, settlementOf } from "./attempts/attempt.ts";
import { claimCharge, claimRefund, DEFAULT_POLICY as policy } from "./attempts/attempts.ts";
import { decide } from "./decide.ts";
import type { Decision, Payment } from "./payment.ts";
import type { ProviderChargeResult } from "./providers/provider.ts";
import type { WebhookEvent } from "./providers/webhook-reader.ts";
import { decideWebhookEvent } from "./webhooks/webhook-event.ts";

const SAGA = "01900000-0000-7000-8000-000000000001";
const HOUR_MS = 60 * 60 * 1_000;
const COMMANDS = {
  authorize: authorizePayment,
  capture: capturePayment,
  cancel: cancelPayment,
  refund: refundPayment,
};
/** How one call goes. `late`: the provider executes it only when its result is settled. */
const FATES = ["completed", "reply_lost", "lost_before", "late", "refused", "deferred"] as const;
type Fate = (typeof FATES)[number];

type Step =
  | { readonly do: "command"; readonly command: keyof typeof COMMANDS }
  | { readonly do: "call"; readonly fate: Fate }
  | { readonly do: "settle"; readonly which: number; readonly again: boolean }
  | { readonly do: "event"; readonly which: number }
  | { readonly do: "hold_ends" }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("command" as const),
    command: fc.constantFrom("authorize", "authorize", "capture", "capture", "cancel", "refund"),
  }),
  fc.record({ do: fc.constant("call" as const), fate: fc.constantFrom(...FATES) }),
  fc.record({ do: fc.constant("settle" as const), which: fc.nat(3), again: fc.boolean() }),
  fc.record({ do: fc.constant("event" as const), which: fc.nat(4) }),
  fc.record({ do: fc.constant("hold_ends" as const) }),
  fc.record({
    do: fc.constant("wait" as const),
    ms: fc.constantFrom(1_000, policy.leaseMs, 60_000, HOUR_MS),
  }),
);

const DEFERRED = { kind: "deferred", retry_after_ms: null } as const;
const UNKNOWN = { kind: "unknown", reason: "timeout", replayed: false } as const;
const ENDED = {
  kind: "declined",
  error_code: "AUTHORIZATION_ENDED",
  error_message: "",
  closed: true,
} as const;

class World {
  now = Date.parse("2026-11-23T12:00:00.000Z");
  payment: Payment | null = null;
  readonly replies: MessageType[] = [];
  charge: "none" | "held" | "taken" | "released" = "none";
  captures = 0;
  refunds = 0;
  readonly #results: (() => void)[] = [];
  readonly #events: WebhookEvent[] = [];

  run(each: Step): void {
    if (each.do === "command") this.#apply(decide(this.payment, COMMANDS[each.command](SAGA), this.now));
    else if (each.do === "wait") this.now += each.ms;
    else if (each.do === "call") this.call(each.fate);
    else if (each.do === "event") this.#hear(this.#events[each.which]);
    else if (each.do === "hold_ends") this.#release();
    else {
      const result = this.#results[each.which];
      if (!each.again) this.#results.splice(each.which, 1);
      result?.();
    }
    this.check();
  }

  /** All results arrive, then the provider works and time passes. */
  heal(): void {
    for (const result of this.#results.splice(0)) result();
    for (let round = 0; round < 10; round += 1) {
      this.now += 4 * HOUR_MS;
      this.call("completed");
      this.#results.shift()?.();
      this.check();
    }
  }

  call(fate: Fate): void {
    const attempt = this.#claim();
    if (attempt === null) return;
    this.payment = attempt.payment;
    const early = fate === "late" ? null : this.#ask(attempt, fate);
    const ask = () => early ?? this.#ask(attempt, "completed");
    let answer: Outcome | null = null;
    this.#results.push(() => {
      answer ??= ask();
      if (this.payment === null) return;
      const result = { saga_id: SAGA, attempt: attempt.request.attempt, ...answer };
      this.#apply(settlementOf(this.payment, result, this.now, policy));
    });
  }

  check(): void {
    const { status } = this.payment ?? {};
    expect(this.captures).toBeLessThanOrEqual(1);
    if (status === "SUCCEEDED") expect([this.charge, this.refunds]).toEqual(["taken", 0]);
    if (status === "REFUNDED") expect([this.charge, this.refunds]).toEqual(["taken", 1]);
    // A request that was never answered may still hold money later; the payment then is not over.
    if (status === "FAILED" || status === "CANCELLED") expect(["none", "released"]).toContain(this.charge);
    if (this.replies.includes("PaymentCancelled")) expect(["none", "released"]).toContain(this.charge);
    if (this.replies.includes("PaymentFailed")) expect(["none", "released"]).toContain(this.charge);
    if (this.replies.includes("PaymentSucceeded")) expect(this.charge).toBe("taken");
    if (this.replies.includes("RefundCompleted")) expect([this.charge, this.refunds]).toEqual(["taken", 1]);
  }

  #claim(): Attempt | null {
    if (this.payment === null) return null;
    const charge = claimCharge(this.payment, this.now, policy);
    if (charge !== null) return { kind: "charge", ...charge };
    const refund = claimRefund(this.payment, this.now, policy);
    return refund === null ? claimHold(this.payment, this.now, policy) : { kind: "refund", ...refund };
  }

  #ask({ kind, request }: Attempt, fate: Fate): Outcome {
    const isSent = fate === "completed" || fate === "reply_lost";
    const isLost = fate === "reply_lost" || fate === "lost_before" || fate === "late";
    if (kind === "refund") {
      if (isSent) this.refunds = 1;
      const done = { kind: "succeeded", provider_refund_id: "re_1" } as const;
      return { kind, outcome: isSent && !isLost ? done : { kind: "not_yet", error_code: fate } };
    }
    if (fate === "deferred" || fate === "refused") return { kind, outcome: DEFERRED };
    if (kind === "capture") {
      if (isSent && this.charge === "held") this.#take();
      if (isLost) return { kind, outcome: UNKNOWN };
      return { kind, outcome: this.charge === "taken" ? this.#taken() : ENDED };
    }
    if (kind === "void") {
      if (isSent) this.#release();
      if (isLost) return { kind, outcome: UNKNOWN };
      return { kind, outcome: this.charge === "taken" ? this.#taken() : { kind: "voided" } };
    }
    if (isSent && request.ask !== "search" && this.charge === "none") {
      this.charge = "held";
      this.#announce(this.#held());
    }
    if (isLost) return { kind, outcome: UNKNOWN };
    if (this.charge === "none") return { kind, outcome: { kind: "not_found", execution_over: false } };
    return { kind, outcome: this.charge === "released" ? ENDED : this.#present() };
  }

  #take(): void {
    this.charge = "taken";
    this.captures += 1;
    this.#announce(this.#taken());
  }

  #release(): void {
    if (this.charge !== "held") return;
    this.charge = "released";
    this.#announce(ENDED);
  }

  #present() {
    return this.charge === "taken" ? this.#taken() : this.#held();
  }

  #held() {
    return { kind: "authorized", provider_txn_id: "pi_1" } as const;
  }

  #taken() {
    return { kind: "succeeded", provider_txn_id: "pi_1" } as const;
  }

  #announce(answer: ProviderChargeResult): void {
    const charge = {
      provider_txn_id: "pi_1",
      saga_id: SAGA,
      isMarked: true,
      amount_cents: 600,
      currency: "EUR",
      answer,
    };
    this.#events.push({ kind: "charge", event_id: `evt_${this.#events.length}`, charge });
  }

  #hear(event: WebhookEvent | undefined): void {
    if (event === undefined || this.payment === null) return;
    const decided = decideWebhookEvent(this.payment, event, this.now, policy);
    expect(decided.kind).not.toBe("alert");
    if (decided.kind === "settled") this.#apply(decided.decision);
  }

  #apply(decision: Decision): void {
    this.payment = decision.payment;
    this.replies.push(...decision.out.map(({ type }) => type));
  }
}

test("the money is taken at most once, and the replies are true", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const each of steps) world.run(each);
    }),
    { numRuns: 3_000 },
  );
});

test("with a working provider every request ends, and an undone payment neither holds nor keeps money", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, undo) => {
      const world = new World();
      for (const each of steps) world.run(each);
      if (undo) world.run({ do: "command", command: "cancel" });
      world.heal();
      expect(["PENDING", "UNKNOWN", "CAPTURE_PENDING", "VOID_PENDING", "REFUND_PENDING"]).not.toContain(
        world.payment?.status ?? "none",
      );
      if (undo) expect(["none held", "released held", "taken back"]).toContain(heldOrBack(world));
    }),
    { numRuns: 2_000 },
  );
});

function heldOrBack({ charge, refunds }: World): string {
  return charge === "taken" ? `taken ${refunds === 1 ? "back" : "kept"}` : `${charge} held`;
}
