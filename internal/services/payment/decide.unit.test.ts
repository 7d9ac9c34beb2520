// The payment's decisions as given / when / then, and the saga laws of its step.
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
  error_message: "away",
};
const unknown: ChargeOutcome = { kind: "unknown" };
const putOff = { kind: "deferred", retry_after_ms: null } as const;
const refunded: RefundOutcome = { kind: "succeeded", provider_refund_id: "re_1" };
const notYet: RefundOutcome = { kind: "not_yet", error_code: "TIMEOUT" };

/** One saga's payment, moved by decisions as the service moves its row. */
class Till {
  payment: Payment | null = null;
  now = T0;

  when(command: PaymentCommand): readonly Outgoing[] {
    return this.#apply(decide(this.payment, command, this.now));
  }

  charge = () => this.when(chargePayment(SAGA));
  cancel = () => this.when(cancelPayment(SAGA));
  refund = () => this.when(refundPayment(SAGA));

  /** Null where nothing is due. */
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

  answer(outcome: ChargeOutcome, attempt = this.existing.attempts): readonly Outgoing[] {
    return this.#apply(settleCharge(this.existing, attempt, outcome, this.now, policy));
  }

  answerRefund(outcome: RefundOutcome): readonly Outgoing[] {
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
  | "ASKED"
  | "UNKNOWN"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLED"
  | "TOMBSTONE"
  | "REFUND_PENDING"
  | "REFUNDED";

/** A till whose saga stands there, reached by commands and answers only. */
function given(state: Given): Till {
  const till = new Till();
  if (state === "NONE") return till;
  if (state === "TOMBSTONE") till.cancel();
  else till.charge();
  if (state === "CANCELLED") till.cancel();
  if (["PENDING", "TOMBSTONE", "CANCELLED"].includes(state)) return till;
  till.claim();
  if (state === "UNKNOWN") till.answer(unknown);
  if (state === "FAILED") till.answer(declined);
  if (["SUCCEEDED", "REFUND_PENDING", "REFUNDED"].includes(state)) till.answer(charged);
  if (state === "REFUND_PENDING" || state === "REFUNDED") till.cancel();
  if (state === "REFUNDED") {
    till.claimRefund();
    till.answerRefund(refunded);
  }
  return till;
}

const types = (out: readonly Outgoing[]) => out.map(({ type }) => type);

/** Each command in each state: the answers, and the status afterwards. Cancel and refund are one undo. */
describe("every (state, command) pair", () => {
  test.each([
    ["NONE", "charge", [], "PENDING"],
    ["NONE", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["PENDING", "charge", [], "PENDING"],
    ["PENDING", "cancel", ["PaymentCancelled"], "CANCELLED"],
    ["ASKED", "charge", [], "PENDING"],
    ["ASKED", "cancel", [], "PENDING"],
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
  ] as const)("%s, %s -> %j, %s", (state, verb, answers, after) => {
    const till = given(state);
    expect(types(till[verb]())).toEqual([...answers]);
    expect(till.status).toBe(after);
    if (verb === "cancel") {
      const other = given(state);
      expect(types(other.refund())).toEqual([...answers]);
      expect(other.status).toBe(after);
    }
  });
});

describe("an answer of the provider", () => {
  test("a charge is told with the provider's id, a decline with its reason", () => {
    const till = given("ASKED");
    const payment_id = till.existing.payment_id;
    expect(till.answer(charged)).toEqual([
      {
        type: "PaymentSucceeded",
        saga_id: SAGA,
        payment_id,
        transaction_id: "pi_1",
        amount_cents: 600,
        currency: "EUR",
      },
    ]);
    expect(given("ASKED").answer(declined)).toEqual([
      { type: "PaymentFailed", saga_id: SAGA, error_code: "CARD_DECLINED", error_message: "no" },
    ]);
  });

  test("given an undo in the meantime, a charge is given back and a decline is the undo's answer", () => {
    const till = given("ASKED");
    till.cancel();
    expect([till.answer(charged), till.status]).toEqual([[], "REFUND_PENDING"]);
    const other = given("UNKNOWN");
    other.cancel();
    expect([types(other.answer(declined)), other.status]).toEqual([["PaymentCancelled"], "FAILED"]);
    expect(types(other.charge())).toEqual(["PaymentFailed"]);
  });

  test("given one that came already, another changes nothing", () => {
    for (const outcome of [charged, declined, noEffect, unknown] as const) {
      for (const state of ["SUCCEEDED", "FAILED", "REFUND_PENDING", "REFUNDED"] as const) {
        const till = given(state);
        const before = till.existing;
        expect([till.answer(outcome), till.existing]).toEqual([[], before]);
      }
    }
  });
});

describe("an unknown outcome", () => {
  test("is asked again with growing pauses, and never fails", () => {
    const till = given("PENDING");
    const pauses = [1_000, 5_000, 25_000, 60_000, 60_000];
    for (const pauseMs of pauses) {
      expect(till.claim()).not.toBeNull();
      expect(till.answer(unknown)).toEqual([]);
      till.now += pauseMs - 1;
      expect(till.claim()).toBeNull();
      till.now += 1;
    }
    expect(till.status).toBe("UNKNOWN");
  });

  test("given a process that died, the request is asked again when its lease is over", () => {
    const till = given("ASKED");
    expect(till.claim()).toBeNull();
    till.now += policy.leaseMs;
    expect(till.claim()).toEqual({ ask: "charge", attempt: 2 });
    const lease = till.existing;
    expect([till.answer(unknown, 1), till.existing]).toEqual([[], lease]);
    expect(types(till.answer(charged, 1))).toEqual(["PaymentSucceeded"]);
  });

  test("the ledger are searched after a few attempts, and alone once the key may be forgotten", () => {
    const till = given("PENDING");
    const asked = Array.from({ length: 5 }, () => {
      till.now += 60_000;
      return till.claim()?.ask;
    });
    expect(asked).toEqual(["charge", "charge", "charge", "charge_then_search", "charge_then_search"]);
    till.now += 23 * HOUR_MS;
    expect(till.claim()?.ask).toBe("search");
  });
});

describe("an attempt without effect", () => {
  test("fails a payment that was never asked otherwise", () => {
    expect(given("ASKED").answer(noEffect)).toMatchObject([
      { type: "PaymentFailed", error_code: "PROVIDER_UNAVAILABLE" },
    ]);
  });

  test("says nothing of attempts before it", () => {
    const till = given("ASKED");
    till.now += policy.leaseMs;
    till.claim();
    expect([till.answer(noEffect), till.status]).toEqual([[], "UNKNOWN"]);
  });

  test("is made up for soon, however many there were: what was held back is no reason to wait ever longer", () => {
    const till = given("UNKNOWN");
    till.now += policy.leaseMs;
    for (let held = 0; held < 6; held++) {
      expect(till.claim()).not.toBeNull();
      till.answer(noEffect);
      till.now += 5_000;
    }
  });
});

describe("a request that the provider puts off", () => {
  test("was never asked: the payment stays as it was, and its undo has its answer at once", () => {
    const till = given("ASKED");
    expect([till.answer(putOff), till.status]).toEqual([[], "PENDING"]);
    expect(till.existing).toMatchObject({ attempts: 1, void_attempts: 1, first_attempt_at: null });
    expect([types(till.cancel()), till.status]).toEqual([["PaymentCancelled"], "CANCELLED"]);
  });

  test("answers the undo that came while it was on its way", () => {
    const till = given("ASKED");
    till.cancel();
    expect([types(till.answer(putOff)), till.status]).toEqual([["PaymentCancelled"], "CANCELLED"]);
  });

  test("is asked again soon, or when the provider says, as a first attempt", () => {
    const till = given("ASKED");
    for (let refusals = 0; refusals < 10; refusals++) {
      till.answer(putOff);
      till.now += 1_000;
      expect(till.claim()).toMatchObject({ ask: "charge" });
    }
    till.answer({ ...putOff, retry_after_ms: 20_000 });
    till.now += 19_999;
    expect(till.claim()).toBeNull();
    till.now += 1;
    expect(till.claim()).toMatchObject({ ask: "charge" });
  });

  test("says nothing of attempts before it", () => {
    const till = given("UNKNOWN");
    till.now += 1_000;
    till.claim();
    expect([till.answer(putOff), till.status]).toEqual([[], "UNKNOWN"]);
    expect([till.cancel(), till.status]).toEqual([[], "UNKNOWN"]);
  });

  test("counts once, however often its answer is settled, also when the next is on its way", () => {
    const till = given("ASKED");
    till.answer(putOff);
    till.now += 1_000;
    till.claim();
    till.answer(putOff, 1);
    expect([till.cancel(), till.status]).toEqual([[], "PENDING"]);
    expect([types(till.answer(charged)), till.status]).toEqual([[], "REFUND_PENDING"]);
  });

  test("of a refund is made up for soon", () => {
    const till = given("REFUND_PENDING");
    for (let refusals = 0; refusals < 10; refusals++) {
      expect(till.claimRefund()).not.toBeNull();
      till.answerRefund(putOff);
      till.now += 1_000;
    }
    till.claimRefund();
    expect(types(till.answerRefund(refunded))).toEqual(["RefundCompleted"]);
  });
});

describe("a charge whose saga is compensating", () => {
  const notFound = { kind: "not_found", execution_over: false } as const;

  test("is looked up, never asked for", () => {
    const till = given("UNKNOWN");
    till.cancel();
    for (let looks = 0; looks < 5; looks++) {
      till.now += 60_000;
      expect(till.claim()).toMatchObject({ ask: "search" });
      expect(till.answer(notFound)).toEqual([]);
    }
  });

  test("was never made once it can neither be under way nor be missing in the ledger", () => {
    const till = given("UNKNOWN");
    till.now += 1_000;
    till.claim();
    till.answer(unknown);
    till.cancel();
    till.now = T0 + 1_000 + policy.executionMs + policy.searchLagMs - 1;
    till.claim();
    expect(till.answer(notFound)).toEqual([]);
    till.now += 60_000;
    till.claim();
    expect([types(till.answer(notFound)), till.status]).toEqual([["PaymentCancelled"], "FAILED"]);
  });

  test("and that turns up is given back", () => {
    const till = given("UNKNOWN");
    till.cancel();
    till.now += 60_000;
    till.claim();
    expect([types(till.answer(charged)), till.status]).toEqual([[], "REFUND_PENDING"]);
  });
});

describe("a charge that waits for its turn", () => {
  const charge = () => ({ ...chargePayment(SAGA), answer_within_ms: 30_000 });

  test("comes too late when most of its saga's patience is gone, but not once it may be at the provider", () => {
    const till = new Till();
    till.when(charge());
    const isLate = () => comesTooLate(till.existing, till.now, policy);
    till.now += 23_999;
    expect(isLate()).toBe(false);
    till.now += 1;
    expect(isLate()).toBe(true);
    till.claim();
    expect(isLate()).toBe(false);
    till.answer(putOff);
    expect(isLate()).toBe(true);
  });

  test("waits for ever where the saga did not say how long it does", () => {
    const till = given("PENDING");
    till.now += 24 * HOUR_MS;
    expect(comesTooLate(till.existing, till.now, policy)).toBe(false);
  });
});

describe("a charge that is not in the ledger", () => {
  const ask = (ageMs: number, executionOver: boolean) => {
    const till = given("UNKNOWN");
    till.now = T0 + ageMs;
    till.claim();
    return till.answer({ kind: "not_found", execution_over: executionOver });
  };

  test("proves nothing while an attempt may be under way or the ledger may lag", () => {
    expect(ask(policy.searchLagMs * 2, false)).toEqual([]);
    expect(ask(policy.keyTrustedMs, false)).toEqual([]);
    expect(ask(policy.searchLagMs - 1, true)).toEqual([]);
  });

  test("was never made once neither can be", () => {
    const failed = [{ type: "PaymentFailed", error_code: "NOT_CHARGED" }];
    expect(ask(policy.searchLagMs, true)).toMatchObject(failed);
    expect(ask(policy.keyTrustedMs + policy.searchLagMs, false)).toMatchObject(failed);
  });

  test("counts from when it was asked, not from when the answer came", () => {
    const till = given("UNKNOWN");
    till.now += 60_000;
    till.claim();
    till.now += policy.searchLagMs;
    expect(till.answer({ kind: "not_found", execution_over: true })).toEqual([]);
  });
});

describe("a refund", () => {
  test("never gives up, and its key changes because an error may be stored under it", () => {
    const till = given("REFUND_PENDING");
    const requests = Array.from({ length: 7 }, () => {
      const request = till.claimRefund();
      expect(till.answerRefund(notYet)).toEqual([]);
      till.now += 60_000;
      return `${request?.idempotency_key.slice(SAGA.length)} ${request?.search_first}`;
    });
    expect(requests).toEqual([
      ...Array<string>(3).fill(":refund false"),
      ...Array<string>(3).fill(":refund:1 true"),
      ":refund:2 true",
    ]);
    till.claimRefund();
    expect(types(till.answerRefund(refunded))).toEqual(["RefundCompleted"]);
    expect(types(till.cancel())).toEqual(["RefundCompleted"]);
  });

  test("goes on for as long as the provider fails, and then succeeds", () => {
    const till = given("REFUND_PENDING");
    for (const end = till.now + 2 * HOUR_MS; till.now < end; till.now += 60_000) {
      expect(till.claimRefund()).not.toBeNull();
      expect(till.answerRefund(notYet)).toEqual([]);
    }
    till.claimRefund();
    expect([types(till.answerRefund(refunded)), till.status]).toEqual([["RefundCompleted"], "REFUNDED"]);
  });

  test("is of the whole amount and due at once", () => {
    const till = given("REFUND_PENDING");
    expect(till.claimRefund()).not.toBeNull();
    expect(till.answerRefund(refunded)).toEqual([
      { type: "RefundCompleted", saga_id: SAGA, payment_id: till.existing.payment_id, amount_cents: 600 },
    ]);
  });
});

describe("the saga laws", () => {
  test("succeed twice: charged once, the same answer", () => {
    const till = given("ASKED");
    const first = till.answer(charged);
    expect(till.charge()).toEqual(first);
    expect(till.claim()).toBeNull();
  });

  test("undo twice: one refund, the same answer", () => {
    const till = given("SUCCEEDED");
    till.cancel();
    till.refund();
    till.claimRefund();
    const first = till.answerRefund(refunded);
    expect([till.cancel(), till.refund()]).toEqual([first, first]);
    expect(till.claimRefund()).toBeNull();
  });

  test("undo before do, and do after undo: refused, naming the command", () => {
    for (const till of [given("TOMBSTONE"), given("CANCELLED"), given("REFUNDED")]) {
      const late = chargePayment(SAGA);
      expect(till.when(late)).toEqual([
        { type: "CommandRefused", saga_id: SAGA, command_id: late.message_id, command_type: "ChargePayment" },
      ]);
      expect(till.claim()).toBeNull();
    }
  });

  test("do while the undo waits for the provider: refused", () => {
    const till = given("UNKNOWN");
    till.cancel();
    expect(types(till.charge())).toEqual(["CommandRefused"]);
  });
});
