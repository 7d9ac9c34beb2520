// The payment's decisions as given / when / then, and the saga laws for the payment step.
import { describe, expect, test } from "bun:test";
import type { PaymentCommand } from "../../../schemas/commands.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import { cancelPayment, chargePayment, refundPayment } from "../../testkit/commands.ts";
import {
  type ChargeOutcome,
  claimCharge,
  claimRefund,
  comesTooLate,
  DEFAULT_POLICY as policy,
  type RefundOutcome,
  settleCharge,
  settleRefund,
} from "./attempts/attempts.ts";
import { decide } from "./decide.ts";
import type { Decision, Payment } from "./payment.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const HOUR_MS = 60 * 60 * 1_000;
const SAGA = "01900000-0000-7000-8000-000000000001";

const charged: ChargeOutcome = { kind: "succeeded", provider_txn_id: "pi_1" };
const declined: ChargeOutcome = { kind: "declined", error_code: "CARD_DECLINED", error_message: "no" };
const noEffect: ChargeOutcome = {
  kind: "no_effect",
  error_code: "PROVIDER_UNAVAILABLE",
  error_message: "unavailable",
};
const unknown: ChargeOutcome = { kind: "unknown" };
const deferred = { kind: "deferred", retry_after_ms: null } as const;
const refunded: RefundOutcome = { kind: "succeeded", provider_refund_id: "re_1" };
const notYet: RefundOutcome = { kind: "not_yet", error_code: "TIMEOUT" };

/** One saga's payment, changed by decisions as the service changes its row. */
class Till {
  payment: Payment | null = null;
  now = T0;

  when(command: PaymentCommand): readonly Outgoing[] {
    return this.#apply(decide(this.payment, command, this.now));
  }

  charge = () => this.when(chargePayment(SAGA));
  cancel = () => this.when(cancelPayment(SAGA));
  refund = () => this.when(refundPayment(SAGA));

  /** Null if nothing is due. */
  claim() {
    const claim = this.payment === null ? null : claimCharge(this.payment, this.now, policy);
    if (claim !== null) this.payment = claim.payment;
    return claim?.request ?? null;
  }

  claimRefund() {
    const claim = this.payment === null ? null : claimRefund(this.payment, this.now, policy);
    if (claim !== null) this.payment = claim.payment;
    return claim?.request ?? null;
  }

  settle(outcome: ChargeOutcome, attempt = this.existing.attempts): readonly Outgoing[] {
    return this.#apply(settleCharge(this.existing, attempt, outcome, this.now, policy));
  }

  settleRefund(outcome: RefundOutcome): readonly Outgoing[] {
    const { existing } = this;
    const attempt = "refund" in existing ? existing.refund.attempts : 0;
    return this.#apply(settleRefund(existing, attempt, outcome, this.now, policy));
  }

  get existing(): Payment {
    if (this.payment === null) throw new Error("the saga has no payment");
    return this.payment;
  }

  get status() {
    return this.payment?.status;
  }

  #apply(decision: Decision): readonly Outgoing[] {
    this.payment = decision.payment;
    return decision.out;
  }
}

type Given =
  | "NONE"
  | "PENDING"
  | "SENT"
  | "UNKNOWN"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLED"
  | "TOMBSTONE"
  | "REFUND_PENDING"
  | "REFUNDED";

/** A till in the given state, reached only by commands and results. */
function given(state: Given): Till {
  const till = new Till();
  if (state === "NONE") return till;
  if (state === "TOMBSTONE") till.cancel();
  else till.charge();
  if (state === "CANCELLED") till.cancel();
  if (["PENDING", "TOMBSTONE", "CANCELLED"].includes(state)) return till;
  till.claim();
  if (state === "UNKNOWN") till.settle(unknown);
  if (state === "FAILED") till.settle(declined);
  if (["SUCCEEDED", "REFUND_PENDING", "REFUNDED"].includes(state)) till.settle(charged);
  if (state === "REFUND_PENDING" || state === "REFUNDED") till.cancel();
  if (state === "REFUNDED") {
    till.claimRefund();
    till.settleRefund(refunded);
  }
  return till;
}

const types = (out: readonly Outgoing[]) => out.map(({ type }) => type);

/** Each command in each state: the replies, and the status afterwards. Cancel and refund are the same undo. */
describe("every (state, command) pair", () => {
  test.each([
    ["NONE", "charge", [], "PENDING"],
    ["NONE", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["PENDING", "charge", [], "PENDING"],
    ["PENDING", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["SENT", "charge", [], "PENDING"],
    ["SENT", "cancel", [], "PENDING"],
    ["UNKNOWN", "charge", [], "UNKNOWN"],
    ["UNKNOWN", "cancel", [], "UNKNOWN"],
    ["SUCCEEDED", "charge", ["PaymentSucceeded"], "SUCCEEDED"],
    ["SUCCEEDED", "cancel", [], "REFUND_PENDING"],
    ["FAILED", "charge", ["PaymentFailed"], "FAILED"],
    ["FAILED", "cancel", ["PaymentCancelled"], "FAILED"],
    ["CANCELLED", "charge", ["CommandRefused"], "CANCELLED"],
    ["CANCELLED", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["TOMBSTONE", "charge", ["CommandRefused"], "CANCELLED"],
    ["TOMBSTONE", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["REFUND_PENDING", "charge", ["CommandRefused"], "REFUND_PENDING"],
    ["REFUND_PENDING", "cancel", [], "REFUND_PENDING"],
    ["REFUNDED", "charge", ["CommandRefused"], "REFUNDED"],
    ["REFUNDED", "cancel", ["RefundCompleted"], "REFUNDED"],
  ] as const)("%s, %s -> %j, %s", (state, verb, replies, after) => {
    const till = given(state);
    expect(types(till[verb]())).toEqual([...replies]);
    expect(till.status).toBe(after);
    if (verb === "cancel") {
      const other = given(state);
      expect(types(other.refund())).toEqual([...replies]);
      expect(other.status).toBe(after);
    }
  });
});

describe("a result of the provider", () => {
  test("a charge is reported with the provider's id, a decline with its reason", () => {
    const till = given("SENT");
    const payment_id = till.existing.payment_id;
    expect(till.settle(charged)).toEqual([
      {
        type: "PaymentSucceeded",
        saga_id: SAGA,
        payment_id,
        transaction_id: "pi_1",
        amount_cents: 600,
        currency: "EUR",
      },
    ]);
    expect(given("SENT").settle(declined)).toEqual([
      { type: "PaymentFailed", saga_id: SAGA, error_code: "CARD_DECLINED", error_message: "no" },
    ]);
  });

  test("after an undo in the meantime, a charge is refunded and a decline completes the undo", () => {
    const till = given("SENT");
    till.cancel();
    expect([till.settle(charged), till.status]).toEqual([[], "REFUND_PENDING"]);
    const other = given("UNKNOWN");
    other.cancel();
    expect([types(other.settle(declined)), other.status]).toEqual([["PaymentCancelled"], "FAILED"]);
    expect(types(other.charge())).toEqual(["PaymentFailed"]);
  });

  test("a second result changes nothing", () => {
    for (const outcome of [charged, declined, noEffect, unknown] as const) {
      for (const state of ["SUCCEEDED", "FAILED", "REFUND_PENDING", "REFUNDED"] as const) {
        const till = given(state);
        const before = till.existing;
        expect([till.settle(outcome), till.existing]).toEqual([[], before]);
      }
    }
  });
});

describe("an unknown outcome", () => {
  test("is retried with growing pauses, and never fails", () => {
    const till = given("PENDING");
    const pauses = [1_000, 5_000, 25_000, 60_000, 60_000];
    for (const pauseMs of pauses) {
      expect(till.claim()).not.toBeNull();
      expect(till.settle(unknown)).toEqual([]);
      till.now += pauseMs - 1;
      expect(till.claim()).toBeNull();
      till.now += 1;
    }
    expect(till.status).toBe("UNKNOWN");
  });

  test("is retried after a process died, when the lease expires", () => {
    const till = given("SENT");
    expect(till.claim()).toBeNull();
    till.now += policy.leaseMs;
    expect(till.claim()).toEqual({ ask: "charge", attempt: 2 });
    const lease = till.existing;
    expect([till.settle(unknown, 1), till.existing]).toEqual([[], lease]);
    expect(types(till.settle(charged, 1))).toEqual(["PaymentSucceeded"]);
  });

  test("is also searched after a few attempts, and only searched once the key may be forgotten", () => {
    const till = given("PENDING");
    const calls = Array.from({ length: 5 }, () => {
      till.now += 60_000;
      return till.claim()?.ask;
    });
    expect(calls).toEqual(["charge", "charge", "charge", "charge_then_search", "charge_then_search"]);
    till.now += 23 * HOUR_MS;
    expect(till.claim()?.ask).toBe("search");
  });
});

describe("an attempt without effect", () => {
  test("fails a payment without other attempts", () => {
    expect(given("SENT").settle(noEffect)).toMatchObject([
      { type: "PaymentFailed", error_code: "PROVIDER_UNAVAILABLE" },
    ]);
  });

  test("says nothing about earlier attempts", () => {
    const till = given("SENT");
    till.now += policy.leaseMs;
    till.claim();
    expect([till.settle(noEffect), till.status]).toEqual([[], "UNKNOWN"]);
  });

  test("is retried soon, however many there were: the pauses do not grow", () => {
    const till = given("UNKNOWN");
    till.now += policy.leaseMs;
    for (let held = 0; held < 6; held++) {
      expect(till.claim()).not.toBeNull();
      till.settle(noEffect);
      till.now += 5_000;
    }
  });
});

describe("a request that the provider defers", () => {
  test("does not count: the payment stays as it was, and its undo gets a reply at once", () => {
    const till = given("SENT");
    expect([till.settle(deferred), till.status]).toEqual([[], "PENDING"]);
    expect(till.existing).toMatchObject({ attempts: 1, void_attempts: 1, first_attempt_at: null });
    expect([types(till.cancel()), till.status]).toEqual([["PaymentCancelled"], "CANCELLED"]);
  });

  test("completes an undo that came while it was in flight", () => {
    const till = given("SENT");
    till.cancel();
    expect([types(till.settle(deferred)), till.status]).toEqual([["PaymentCancelled"], "CANCELLED"]);
  });

  test("is retried soon, or when the provider says, as a first attempt", () => {
    const till = given("SENT");
    for (let refusals = 0; refusals < 10; refusals++) {
      till.settle(deferred);
      till.now += 1_000;
      expect(till.claim()).toMatchObject({ ask: "charge" });
    }
    till.settle({ ...deferred, retry_after_ms: 20_000 });
    till.now += 19_999;
    expect(till.claim()).toBeNull();
    till.now += 1;
    expect(till.claim()).toMatchObject({ ask: "charge" });
  });

  test("says nothing about earlier attempts", () => {
    const till = given("UNKNOWN");
    till.now += 1_000;
    till.claim();
    expect([till.settle(deferred), till.status]).toEqual([[], "UNKNOWN"]);
    expect([till.cancel(), till.status]).toEqual([[], "UNKNOWN"]);
  });

  test("counts once, however often its result is settled, even if the next request is in flight", () => {
    const till = given("SENT");
    till.settle(deferred);
    till.now += 1_000;
    till.claim();
    till.settle(deferred, 1);
    expect([till.cancel(), till.status]).toEqual([[], "PENDING"]);
    expect([types(till.settle(charged)), till.status]).toEqual([[], "REFUND_PENDING"]);
  });

  test("for a refund is retried soon", () => {
    const till = given("REFUND_PENDING");
    for (let refusals = 0; refusals < 10; refusals++) {
      expect(till.claimRefund()).not.toBeNull();
      till.settleRefund(deferred);
      till.now += 1_000;
    }
    till.claimRefund();
    expect(types(till.settleRefund(refunded))).toEqual(["RefundCompleted"]);
  });
});

describe("a charge whose saga is compensating", () => {
  const notFound = { kind: "not_found", execution_over: false } as const;

  test("is searched, never requested", () => {
    const till = given("UNKNOWN");
    till.cancel();
    for (let searches = 0; searches < 5; searches++) {
      till.now += 60_000;
      expect(till.claim()).toMatchObject({ ask: "search" });
      expect(till.settle(notFound)).toEqual([]);
    }
  });

  test("counts as never made once it can neither be in progress nor be missing from the ledger", () => {
    const till = given("UNKNOWN");
    till.now += 1_000;
    till.claim();
    till.settle(unknown);
    till.cancel();
    till.now = T0 + 1_000 + policy.executionMs + policy.searchLagMs - 1;
    till.claim();
    expect(till.settle(notFound)).toEqual([]);
    till.now += 60_000;
    till.claim();
    expect([types(till.settle(notFound)), till.status]).toEqual([["PaymentCancelled"], "FAILED"]);
  });

  test("is refunded if it is found", () => {
    const till = given("UNKNOWN");
    till.cancel();
    till.now += 60_000;
    till.claim();
    expect([types(till.settle(charged)), till.status]).toEqual([[], "REFUND_PENDING"]);
  });
});

describe("a charge that waits for its turn", () => {
  const charge = () => ({ ...chargePayment(SAGA), answer_within_ms: 30_000 });

  test("comes too late when most of its saga's waiting time is over, but not once it may be at the provider", () => {
    const till = new Till();
    till.when(charge());
    const isLate = () => comesTooLate(till.existing, till.now, policy);
    till.now += 23_999;
    expect(isLate()).toBe(false);
    till.now += 1;
    expect(isLate()).toBe(true);
    till.claim();
    expect(isLate()).toBe(false);
    till.settle(deferred);
    expect(isLate()).toBe(true);
  });

  test("waits forever if the saga set no limit", () => {
    const till = given("PENDING");
    till.now += 24 * HOUR_MS;
    expect(comesTooLate(till.existing, till.now, policy)).toBe(false);
  });
});

describe("a charge that is not in the ledger", () => {
  const search = (ageMs: number, executionOver: boolean) => {
    const till = given("UNKNOWN");
    till.now = T0 + ageMs;
    till.claim();
    return till.settle({ kind: "not_found", execution_over: executionOver });
  };

  test("proves nothing while an attempt may be in progress or the ledger may lag", () => {
    expect(search(policy.searchLagMs * 2, false)).toEqual([]);
    expect(search(policy.keyTrustedMs, false)).toEqual([]);
    expect(search(policy.searchLagMs - 1, true)).toEqual([]);
  });

  test("was never made once neither is possible", () => {
    const failed = [{ type: "PaymentFailed", error_code: "NOT_CHARGED" }];
    expect(search(policy.searchLagMs, true)).toMatchObject(failed);
    expect(search(policy.keyTrustedMs + policy.searchLagMs, false)).toMatchObject(failed);
  });

  test("counts from the request, not from the result", () => {
    const till = given("UNKNOWN");
    till.now += 60_000;
    till.claim();
    till.now += policy.searchLagMs;
    expect(till.settle({ kind: "not_found", execution_over: true })).toEqual([]);
  });
});

describe("a refund", () => {
  test("is always retried, and its key changes because an error may be stored under it", () => {
    const till = given("REFUND_PENDING");
    const requests = Array.from({ length: 7 }, () => {
      const request = till.claimRefund();
      expect(till.settleRefund(notYet)).toEqual([]);
      till.now += 60_000;
      return `${request?.idempotency_key.slice(SAGA.length)} ${request?.search_first}`;
    });
    expect(requests).toEqual([
      ...Array<string>(3).fill(":refund false"),
      ...Array<string>(3).fill(":refund:1 true"),
      ":refund:2 true",
    ]);
    till.claimRefund();
    expect(types(till.settleRefund(refunded))).toEqual(["RefundCompleted"]);
    expect(types(till.cancel())).toEqual(["RefundCompleted"]);
  });

  test("is retried while the provider fails, and then succeeds", () => {
    const till = given("REFUND_PENDING");
    for (const end = till.now + 2 * HOUR_MS; till.now < end; till.now += 60_000) {
      expect(till.claimRefund()).not.toBeNull();
      expect(till.settleRefund(notYet)).toEqual([]);
    }
    till.claimRefund();
    expect([types(till.settleRefund(refunded)), till.status]).toEqual([["RefundCompleted"], "REFUNDED"]);
  });

  test("is for the full amount and due at once", () => {
    const till = given("REFUND_PENDING");
    expect(till.claimRefund()).not.toBeNull();
    expect(till.settleRefund(refunded)).toEqual([
      { type: "RefundCompleted", saga_id: SAGA, payment_id: till.existing.payment_id, amount_cents: 600 },
    ]);
  });
});

describe("the saga laws", () => {
  test("charge twice: one charge, the same reply", () => {
    const till = given("SENT");
    const first = till.settle(charged);
    expect(till.charge()).toEqual(first);
    expect(till.claim()).toBeNull();
  });

  test("undo twice: one refund, the same reply", () => {
    const till = given("SUCCEEDED");
    till.cancel();
    till.refund();
    till.claimRefund();
    const first = till.settleRefund(refunded);
    expect([till.cancel(), till.refund()]).toEqual([first, first]);
    expect(till.claimRefund()).toBeNull();
  });

  test("a charge after its undo is refused, naming the command", () => {
    for (const till of [given("TOMBSTONE"), given("CANCELLED"), given("REFUNDED")]) {
      const late = chargePayment(SAGA);
      expect(till.when(late)).toEqual([
        { type: "CommandRefused", saga_id: SAGA, command_id: late.message_id, command_type: "ChargePayment" },
      ]);
      expect(till.claim()).toBeNull();
    }
  });

  test("a charge while the undo waits for the provider is refused", () => {
    const till = given("UNKNOWN");
    till.cancel();
    expect(types(till.charge())).toEqual(["CommandRefused"]);
  });
});

describe("a refused charge that the provider still holds open", () => {
  const open: ChargeOutcome = { ...declined, provider_txn_id: "pi_1" };
  const present = (state: "SENT" | "UNKNOWN") => {
    const till = new Till();
    till.when({ ...chargePayment(SAGA), shopper_present: true });
    till.claim();
    if (state === "UNKNOWN") {
      till.settle(unknown);
      till.now += HOUR_MS;
    }
    return till;
  };

  test("ends the payment while its first request is in flight, because no shopper was sent to the bank", () => {
    const till = present("SENT");
    expect([types(till.settle(open)), till.status]).toEqual([["PaymentFailed"], "FAILED"]);
  });

  test("ends the payment of a shopper who is not there", () => {
    const till = given("UNKNOWN");
    expect([types(till.settle(open)), till.status]).toEqual([["PaymentFailed"], "FAILED"]);
  });

  test.each([false, true])(
    "is cancelled if the shopper may have been at the bank, undone: %p",
    (isUndone) => {
      const till = present("UNKNOWN");
      if (isUndone) till.cancel();
      till.claim();
      expect([till.settle(open), till.status]).toEqual([[], "UNKNOWN"]);
      // It is due at once, and a cancel without an answer soon after.
      expect(till.claim()?.ask).toBe("cancel");
      till.settle(unknown);
      till.now += policy.backoffMs[1] ?? 0;
      expect(till.claim()?.ask).toBe("cancel");
      const end = isUndone ? "PaymentCancelled" : "PaymentFailed";
      expect([types(till.settle({ ...declined, closed: true })), till.status]).toEqual([[end], "FAILED"]);
    },
  );
});
