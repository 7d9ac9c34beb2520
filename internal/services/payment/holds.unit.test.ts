// Payments whose money is first held and then taken: every command and every result in every state, and that no hold is ever lost.
import { describe, expect, test } from "bun:test";
import type { PaymentCommand } from "../../../schemas/commands.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import {
  authorizePayment,
  cancelPayment,
  capturePayment,
  chargePayment,
  refundPayment,
} from "../../testkit/commands.ts";
import {
  type ChargeOutcome,
  claimCharge,
  claimRefund,
  DEFAULT_POLICY as policy,
  settleCharge,
  settleRefund,
} from "./attempts/attempts.ts";
import {
  type CaptureOutcome,
  claimCapture,
  claimVoid,
  settleCapture,
  settleEndedHold,
  settleVoid,
  type VoidOutcome,
} from "./attempts/holds.ts";
import { decide } from "./decide.ts";
import { type Decision, isHeld, type Payment } from "./payment.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const DAY_MS = 24 * 60 * 60 * 1_000;
const SAGA = "01900000-0000-7000-8000-000000000001";

const held: ChargeOutcome = { kind: "authorized", provider_txn_id: "pi_1", capture_before: T0 + 7 * DAY_MS };
const declined: ChargeOutcome = { kind: "declined", error_code: "CARD_DECLINED", error_message: "no" };
const unknown = { kind: "unknown" } as const;
const deferred = { kind: "deferred", retry_after_ms: 7_000 } as const;
const rejected = { kind: "request_refused", param: null, code: "api_key_expired" } as const;
const captured = { kind: "succeeded", provider_txn_id: "pi_1" } as const;
const ended: CaptureOutcome = {
  kind: "declined",
  error_code: "AUTHORIZATION_ENDED",
  error_message: "",
  closed: true,
};
const refusedByBank: CaptureOutcome = {
  kind: "declined",
  error_code: "PROCESSING_ERROR",
  error_message: "",
};

class Till {
  payment: Payment | null = null;
  now = T0;

  readonly when = (command: PaymentCommand) => this.apply(decide(this.payment, command, this.now));
  readonly authorize = () => this.when(authorizePayment(SAGA));
  readonly charge = () => this.when(chargePayment(SAGA));
  readonly capture = () => this.when(capturePayment(SAGA));
  readonly cancel = () => this.when(cancelPayment(SAGA));
  readonly refund = () => this.when(refundPayment(SAGA));

  claimCharge() {
    return this.#claimed(claimCharge(this.existing, this.now, policy));
  }
  claimCapture() {
    return this.#claimed(claimCapture(this.existing, this.now, policy));
  }
  claimVoid() {
    return this.#claimed(claimVoid(this.existing, this.now, policy));
  }

  settleCharge(outcome: ChargeOutcome) {
    return this.apply(settleCharge(this.existing, this.existing.attempts, outcome, this.now, policy));
  }
  settleCapture(outcome: CaptureOutcome, attempt = this.#attempt()) {
    return this.apply(settleCapture(this.existing, attempt, outcome, this.now, policy));
  }
  settleVoid(outcome: VoidOutcome, attempt = this.#attempt()) {
    return this.apply(settleVoid(this.existing, attempt, outcome, this.now, policy));
  }
  settleRefund() {
    const claim = claimRefund(this.existing, this.now, policy);
    if (claim === null) throw new Error("no refund is due");
    this.payment = claim.payment;
    const outcome = { kind: "succeeded", provider_refund_id: "re_1" } as const;
    return this.apply(settleRefund(this.existing, claim.request.attempt, outcome, this.now, policy));
  }

  get existing(): Payment {
    if (this.payment === null) throw new Error("the saga has no payment");
    return this.payment;
  }

  get status() {
    return this.payment?.status;
  }

  apply(decision: Decision): readonly Outgoing[] {
    this.payment = decision.payment;
    return decision.out;
  }

  #claimed<Request>(claim: { readonly payment: Payment; readonly request: Request } | null): Request | null {
    if (claim !== null) this.payment = claim.payment;
    return claim?.request ?? null;
  }

  #attempt(): number {
    return "hold_attempts" in this.existing ? this.existing.hold_attempts : 0;
  }
}

const STATES = [
  "NONE",
  "PENDING",
  "UNKNOWN",
  "UNDONE",
  "AUTHORIZED",
  "CAPTURE_PENDING",
  "CAPTURE_SENT",
  "VOID_PENDING",
  "VOID_SENT",
  "VOID_OF_REFUSED",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
  "TOMBSTONE",
  "REFUND_PENDING",
  "REFUNDED",
] as const;
type Given = (typeof STATES)[number];

/** What leads to each state, from the one named first. */
const STEPS: Readonly<Record<Exclude<Given, "NONE">, readonly [Given, (till: Till) => unknown]>> = {
  PENDING: ["NONE", (till) => till.authorize()],
  UNKNOWN: ["PENDING", (till) => (till.claimCharge(), till.settleCharge(unknown))],
  UNDONE: ["UNKNOWN", (till) => till.cancel()],
  AUTHORIZED: ["PENDING", (till) => (till.claimCharge(), till.settleCharge(held))],
  CAPTURE_PENDING: ["AUTHORIZED", (till) => till.capture()],
  CAPTURE_SENT: ["CAPTURE_PENDING", (till) => till.claimCapture()],
  VOID_PENDING: ["AUTHORIZED", (till) => till.cancel()],
  VOID_SENT: ["VOID_PENDING", (till) => till.claimVoid()],
  VOID_OF_REFUSED: ["CAPTURE_SENT", (till) => till.settleCapture(refusedByBank)],
  SUCCEEDED: ["CAPTURE_SENT", (till) => till.settleCapture(captured)],
  FAILED: ["CAPTURE_SENT", (till) => till.settleCapture(ended)],
  CANCELLED: ["VOID_SENT", (till) => till.settleVoid({ kind: "voided" })],
  TOMBSTONE: ["NONE", (till) => till.cancel()],
  REFUND_PENDING: ["SUCCEEDED", (till) => till.refund()],
  REFUNDED: ["REFUND_PENDING", (till) => till.settleRefund()],
};

/** A till in the given state, reached only by commands and results. */
function given(state: Given): Till {
  if (state === "NONE") return new Till();
  const [before, step] = STEPS[state];
  const till = given(before);
  step(till);
  return till;
}

const types = (out: readonly Outgoing[]) => out.map(({ type }) => type).join(", ");

describe("every (state, command) pair", () => {
  // For each: the reply to authorize, charge, capture and undo, and the status after the capture and after the undo.
  test.each([
    ["NONE", "", "", "CommandRefused", "PaymentCancelled", "CANCELLED", "CANCELLED"],
    ["PENDING", "", "", "CommandRefused", "PaymentCancelled", "PENDING", "CANCELLED"],
    ["UNKNOWN", "", "", "CommandRefused", "", "UNKNOWN", "UNKNOWN"],
    ["UNDONE", "CommandRefused", "CommandRefused", "CommandRefused", "", "UNKNOWN", "UNKNOWN"],
    ["AUTHORIZED", "PaymentAuthorized", "CommandRefused", "", "", "CAPTURE_PENDING", "VOID_PENDING"],
    ["CAPTURE_PENDING", "PaymentAuthorized", "CommandRefused", "", "", "CAPTURE_PENDING", "VOID_PENDING"],
    ["CAPTURE_SENT", "PaymentAuthorized", "CommandRefused", "", "", "CAPTURE_PENDING", "VOID_PENDING"],
    [
      "VOID_PENDING",
      "CommandRefused",
      "CommandRefused",
      "CommandRefused",
      "",
      "VOID_PENDING",
      "VOID_PENDING",
    ],
    ["VOID_SENT", "CommandRefused", "CommandRefused", "CommandRefused", "", "VOID_PENDING", "VOID_PENDING"],
    ["VOID_OF_REFUSED", "CommandRefused", "CommandRefused", "", "", "VOID_PENDING", "VOID_PENDING"],
    [
      "SUCCEEDED",
      "PaymentAuthorized",
      "PaymentSucceeded",
      "PaymentSucceeded",
      "",
      "SUCCEEDED",
      "REFUND_PENDING",
    ],
    ["FAILED", "PaymentFailed", "PaymentFailed", "PaymentFailed", "PaymentCancelled", "FAILED", "FAILED"],
    [
      "CANCELLED",
      "CommandRefused",
      "CommandRefused",
      "CommandRefused",
      "PaymentCancelled",
      "CANCELLED",
      "CANCELLED",
    ],
    [
      "TOMBSTONE",
      "CommandRefused",
      "CommandRefused",
      "CommandRefused",
      "PaymentCancelled",
      "CANCELLED",
      "CANCELLED",
    ],
    [
      "REFUND_PENDING",
      "CommandRefused",
      "CommandRefused",
      "CommandRefused",
      "",
      "REFUND_PENDING",
      "REFUND_PENDING",
    ],
    [
      "REFUNDED",
      "CommandRefused",
      "CommandRefused",
      "CommandRefused",
      "RefundCompleted",
      "REFUNDED",
      "REFUNDED",
    ],
  ] as const)("%s, any command", (state, authorized, charged, capture, undone, afterCapture, afterUndo) => {
    const status = given(state).status;
    for (const [verb, replies] of [
      ["authorize", authorized],
      ["charge", charged],
    ] as const) {
      const till = given(state);
      expect(types(till[verb]())).toBe(replies);
      expect(till.status).toBe(status ?? "PENDING");
    }
    const till = given(state);
    expect([types(till.capture()), till.status]).toEqual([capture, afterCapture]);
    for (const verb of ["cancel", "refund"] as const) {
      const undo = given(state);
      expect([types(undo[verb]()), undo.status]).toEqual([undone, afterUndo]);
    }
  });
});

describe("every (state, result) pair", () => {
  const open = new Set<Given>(["PENDING", "UNKNOWN", "UNDONE"]);
  const capturing = new Set<Given>(["CAPTURE_PENDING", "CAPTURE_SENT"]);
  const voiding = new Set<Given>(["VOID_PENDING", "VOID_SENT", "VOID_OF_REFUSED"]);

  test.each(STATES.filter((state) => state !== "NONE"))("%s, any result", (state) => {
    const settled = (settle: (till: Till) => readonly Outgoing[]) => {
      const till = given(state);
      // Only a request that was sent has a result.
      till.claimCapture();
      till.claimVoid();
      const before = till.existing;
      return [types(settle(till)), till.existing === before ? "unchanged" : till.status];
    };
    const unchanged = ["", "unchanged"];
    const isUndone = given(state).existing.undo_requested;
    const taken = isUndone ? ["", "REFUND_PENDING"] : ["PaymentSucceeded", "SUCCEEDED"];
    const released = isUndone ? ["PaymentCancelled", "CANCELLED"] : ["PaymentFailed", "FAILED"];

    expect(settled((till) => till.settleCharge(held))).toEqual(
      open.has(state) ? (isUndone ? ["", "VOID_PENDING"] : ["PaymentAuthorized", "AUTHORIZED"]) : unchanged,
    );
    expect(settled((till) => till.settleCapture(captured))).toEqual(
      capturing.has(state) || voiding.has(state) ? taken : unchanged,
    );
    expect(settled((till) => till.settleCapture(ended))).toEqual(
      capturing.has(state) ? ["PaymentFailed", "FAILED"] : voiding.has(state) ? released : unchanged,
    );
    expect(settled((till) => till.settleCapture(refusedByBank))).toEqual(
      capturing.has(state) ? ["", "VOID_PENDING"] : unchanged,
    );
    for (const outcome of [unknown, deferred, rejected]) {
      expect(settled((till) => till.settleCapture(outcome))).toEqual(
        capturing.has(state) ? ["", "CAPTURE_PENDING"] : unchanged,
      );
      expect(settled((till) => till.settleVoid(outcome))).toEqual(
        voiding.has(state) ? ["", "VOID_PENDING"] : unchanged,
      );
    }
    expect(settled((till) => till.settleVoid({ kind: "voided" }))).toEqual(
      voiding.has(state) ? released : unchanged,
    );
    expect(settled((till) => till.settleVoid(captured))).toEqual(voiding.has(state) ? taken : unchanged);
  });
});

describe("an authorization", () => {
  test("is reported with its end, and takes nothing", () => {
    const till = given("PENDING");
    till.claimCharge();
    expect(till.settleCharge({ ...held, card: { brand: "visa", last4: "4242" } })).toEqual([
      {
        type: "PaymentAuthorized",
        saga_id: SAGA,
        payment_id: till.existing.payment_id,
        transaction_id: "pi_1",
        amount_cents: 600,
        currency: "EUR",
        capture_before: "2026-11-30T12:00:00.000Z",
        card: { brand: "visa", last4: "4242" },
      },
    ]);
    expect(till.claimCapture()).toBeNull();
    expect(till.claimVoid()).toBeNull();
  });

  test("that was already taken goes on to a capture that succeeds", () => {
    const till = given("PENDING");
    till.claimCharge();
    expect([types(till.settleCharge(captured)), till.status]).toEqual(["PaymentAuthorized", "SUCCEEDED"]);
    expect(types(till.capture())).toBe("PaymentSucceeded");
  });

  test("that is declined fails", () => {
    const till = given("PENDING");
    till.claimCharge();
    expect([types(till.settleCharge(declined)), till.status]).toEqual(["PaymentFailed", "FAILED"]);
  });
});

describe("a capture", () => {
  test("with an unknown outcome is repeated with its key, later looked up first, and never fails", () => {
    const till = given("CAPTURE_PENDING");
    const requests = Array.from({ length: 7 }, () => {
      const request = till.claimCapture();
      expect(till.settleCapture(unknown)).toEqual([]);
      till.now += 60_000;
      return `${request?.idempotency_key.slice(SAGA.length)} ${request?.look_up_first}`;
    });
    expect(requests).toEqual([
      ...Array<string>(3).fill(":capture false"),
      ...Array<string>(3).fill(":capture:1 true"),
      ":capture:2 true",
    ]);
    expect(till.status).toBe("CAPTURE_PENDING");
  });

  test("that is asked for again is not requested again while its request is in flight", () => {
    const till = given("CAPTURE_SENT");
    till.capture();
    expect(till.claimCapture()).toBeNull();
    expect(types(till.settleCapture(captured))).toBe("PaymentSucceeded");
  });

  test("waits for its lease, its pause, or as long as the provider says", () => {
    const till = given("CAPTURE_SENT");
    const isDueAfter = (pauseMs: number) => {
      till.now += pauseMs - 1;
      expect(till.claimCapture()).toBeNull();
      till.now += 1;
      expect(till.claimCapture()).not.toBeNull();
    };
    isDueAfter(policy.leaseMs);
    till.settleCapture(deferred);
    isDueAfter(7_000);
    till.settleCapture(rejected);
    isDueAfter(policy.backoffMs[2] ?? 0);
  });

  test("does not shorten the lease of a newer request by an older result", () => {
    const till = given("CAPTURE_SENT");
    till.now += policy.leaseMs;
    till.claimCapture();
    const lease = till.existing;
    expect([till.settleCapture(unknown, 1), till.existing]).toEqual([[], lease]);
    expect(types(till.settleCapture(captured, 1))).toBe("PaymentSucceeded");
  });

  test("that the bank refuses releases the hold before the saga hears of it", () => {
    const till = given("VOID_OF_REFUSED");
    expect(till.claimVoid()).not.toBeNull();
    expect(till.settleVoid({ kind: "voided" })).toMatchObject([
      { type: "PaymentFailed", error_code: "PROCESSING_ERROR" },
    ]);
    expect(till.status).toBe("FAILED");
  });

  test("that the bank refuses, undone in between, ends as an undo", () => {
    const till = given("VOID_OF_REFUSED");
    till.cancel();
    expect([types(till.settleVoid({ kind: "voided" })), till.status]).toEqual([
      "PaymentCancelled",
      "CANCELLED",
    ]);
  });
});

describe("an undo during a capture in flight", () => {
  test("is settled by whichever answer comes first, and the other changes nothing", () => {
    const till = given("CAPTURE_SENT");
    expect(till.cancel()).toEqual([]);
    expect(till.claimVoid()).toEqual({ attempt: 1 });
    expect([till.settleCapture(captured, 1), till.status]).toEqual([[], "REFUND_PENDING"]);
    expect([till.settleVoid(captured, 1), till.status]).toEqual([[], "REFUND_PENDING"]);
    expect(types(till.settleRefund())).toBe("RefundCompleted");
  });

  test("is not ended by a capture whose result is not definite", () => {
    const till = given("CAPTURE_SENT");
    till.cancel();
    for (const outcome of [unknown, deferred, rejected, refusedByBank])
      expect([till.settleCapture(outcome, 1), till.status]).toEqual([[], "VOID_PENDING"]);
  });
});

describe("a void", () => {
  test("is never given up", () => {
    const till = given("VOID_PENDING");
    for (const end = till.now + 8 * DAY_MS; till.now < end; till.now += 60 * 60 * 1_000) {
      expect(till.claimVoid()).not.toBeNull();
      for (const outcome of [unknown, deferred, rejected]) expect(till.settleVoid(outcome)).toEqual([]);
    }
    till.claimVoid();
    expect(types(till.settleVoid({ kind: "voided" }))).toBe("PaymentCancelled");
  });

  test("that finds the money taken refunds it", () => {
    const till = given("VOID_SENT");
    till.settleVoid({ kind: "succeeded", provider_txn_id: "pi_1" });
    expect(types(till.settleRefund())).toBe("RefundCompleted");
    expect(types(till.cancel())).toBe("RefundCompleted");
  });

  test("that finds money of another id refunds that, as a capture does", () => {
    const taken = { kind: "succeeded", provider_txn_id: "cap_1" } as const;
    const undone = given("VOID_SENT");
    undone.settleVoid(taken);
    const paid = given("CAPTURE_SENT");
    paid.settleCapture(taken);
    paid.refund();
    for (const till of [undone, paid])
      expect(till.existing).toMatchObject({ status: "REFUND_PENDING", provider_txn_id: "cap_1" });
  });

  test("twice asks once and replies the same", () => {
    const till = given("VOID_SENT");
    till.cancel();
    expect(till.claimVoid()).toBeNull();
    const first = till.settleVoid({ kind: "voided" });
    expect([till.cancel(), till.refund()]).toEqual([first, first]);
  });
});

describe("a hold that ends by itself", () => {
  const end = (state: "AUTHORIZED" | "CAPTURE_SENT" | "VOID_SENT" | "VOID_OF_REFUSED") => {
    const till = given(state);
    if (!isHeld(till.existing)) throw new Error("nothing is held");
    const out = till.apply(settleEndedHold(till.existing, "AUTHORIZATION_ENDED", "expired"));
    return { till, reply: types(out) };
  };

  test("is only told to a saga that has asked", () => {
    const { till, reply } = end("AUTHORIZED");
    expect([reply, till.status]).toEqual(["", "FAILED"]);
    expect(till.capture()).toMatchObject([{ type: "PaymentFailed", error_code: "AUTHORIZATION_ENDED" }]);
    expect(types(till.cancel())).toBe("PaymentCancelled");
  });

  test.each([
    ["CAPTURE_SENT", "PaymentFailed", "FAILED"],
    ["VOID_SENT", "PaymentCancelled", "CANCELLED"],
    ["VOID_OF_REFUSED", "PaymentFailed", "FAILED"],
  ] as const)("in %s it is the end", (state, reply, status) => {
    expect([end(state).reply, end(state).till.status]).toEqual([reply, status]);
  });
});

describe("a payment's provider", () => {
  test("is the one that the command names, else the default", () => {
    expect(decide(null, authorizePayment(SAGA), T0).payment.provider).toBe("stripe");
    const named = { ...authorizePayment(SAGA), provider: "paypal" };
    expect(decide(null, named, T0).payment).toMatchObject({ provider: "paypal", capture: "manual" });
  });

  test("that is not served fails the payment, and an undo of it finds nothing to undo", () => {
    const command = { ...chargePayment(SAGA), provider: "nobody" };
    const { payment, out } = decide(null, command, T0, (provider) => provider === "stripe");
    expect(out).toMatchObject([{ type: "PaymentFailed", error_code: "PAYMENT_METHOD_INVALID" }]);
    expect(claimCharge(payment, T0, policy)).toBeNull();
    expect(types(decide(payment, cancelPayment(SAGA), T0).out)).toBe("PaymentCancelled");
  });
});
