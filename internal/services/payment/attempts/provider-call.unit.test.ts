// What is made of the provider's answers about a hold whose capture is repeated under a new key.
import { expect, test } from "bun:test";
import { FACTS, SAGA, UNASKED } from "../../../testkit/payment-facts.ts";
import type { CapturePendingPayment } from "../payment.ts";
import type { CaptureResult, FoundCharge, PaymentProvider } from "../providers/provider.ts";
import { requestOf } from "./provider-call.ts";

const payment: CapturePendingPayment = {
  ...FACTS,
  provider: "paypal",
  capture: "manual",
  shopper_present: true,
  attempts: 2,
  status: "CAPTURE_PENDING",
  provider_txn_id: "order:O1",
  capture_before: null,
  hold_attempts: 4,
  next_attempt_at: 0,
};
const request = { idempotency_key: `${SAGA}:capture:1`, look_up_first: true, attempt: 4 };
const refusal = {
  kind: "declined",
  error_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
  error_message: "declined",
} as const;
const taken = { kind: "succeeded", provider_txn_id: "C1" } as const;

/** The outcome when the look-up says `found`, and whether the capture was asked for after it. */
async function captured(found: FoundCharge) {
  let captures = 0;
  const asked = {
    lookUpCharge: () => Promise.resolve(found),
    capture: (): Promise<CaptureResult> => {
      captures += 1;
      return Promise.resolve(taken);
    },
  };
  const open = () => Promise.reject(new Error("nothing is opened"));
  const provider: PaymentProvider = { ...UNASKED, ...asked };
  const { outcome } = await requestOf(provider, open, { kind: "capture", payment, request }, Infinity);
  return { outcome, captures };
}

test.each<[string, FoundCharge, object, number]>([
  ["still held is taken", { kind: "authorized", provider_txn_id: "order:O1" }, taken, 1],
  ["taken before is not taken again", taken, taken, 0],
  ["refused and still held is refused, so that its hold is released", refusal, refusal, 0],
  ["that is over", { ...refusal, closed: true }, { kind: "declined", closed: true }, 0],
  ["that the provider does not find says nothing", { kind: "not_found" }, { kind: "unknown" }, 0],
  [
    "under review says nothing",
    { kind: "unknown", reason: "processing", replayed: false },
    { kind: "unknown" },
    0,
  ],
])("money %s", async (_, found, outcome, captures) => {
  const result = await captured(found);
  expect(result).toMatchObject({ outcome, captures });
  if (found === refusal) expect(result.outcome).not.toHaveProperty("closed");
});
