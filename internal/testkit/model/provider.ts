// The payment provider of the model. Its memory decides its results; money moves at most once per idempotency key while it
// remembers the key. Called by actions.ts.
import { assertNever } from "../../kernel/errors.ts";
import type { ChargeOutcome, RefundOutcome } from "../../services/payment/attempts/attempts.ts";
import type { Account, Call } from "./world.ts";

export interface Execution {
  readonly how: string;
  readonly account: Account;
  readonly answer: ChargeOutcome | RefundOutcome;
  readonly isFault?: boolean;
}

/** All possible results of a request: a replay of a known key, otherwise success, a decline, or a fault in between. */
export function execute(account: Account, { ask, saga }: Call): readonly Execution[] {
  switch (ask) {
    case "charge":
      return charge(account, saga);
    case "charge_then_search":
      return charge(account, saga).map((done) => lookedUp(done, saga, account.knowsChargeKey));
    case "search":
      return [{ how: "looks it up", account, answer: search(account, saga, false) }];
    case "refund": {
      const answer: RefundOutcome = { kind: "succeeded", provider_refund_id: `refund-${saga}` };
      // The provider reports an already refunded charge as refunded, which is equivalent.
      if (account.knowsRefundKey || account.refunds >= account.charges)
        return [{ how: "replay", account, answer }];
      const refunded = { ...account, refunds: account.refunds + 1, knowsRefundKey: true };
      return [{ how: "money back", account: refunded, answer }];
    }
    default:
      return assertNever(ask);
  }
}

/** If the charge's result is unknown, the provider ledger decides. */
function lookedUp(done: Execution, saga: number, wasReplay: boolean): Execution {
  if (done.answer.kind !== "unknown") return done;
  return { ...done, answer: search(done.account, saga, wasReplay) };
}

function charge(account: Account, saga: number): readonly Execution[] {
  const declined: ChargeOutcome = { kind: "declined", error_code: "card_declined", error_message: "" };
  if (account.knowsChargeKey) {
    if (account.keptServerError) return [{ how: "replay", account, answer: { kind: "unknown" } }];
    return [
      {
        how: "replay",
        account,
        answer: account.charge === "succeeded" ? succeeded(account, saga) : declined,
      },
    ];
  }
  const known = { ...account, knowsChargeKey: true };
  const charged: Account = { ...known, charge: "succeeded", charges: account.charges + 1 };
  return [
    { how: "money moves", account: charged, answer: succeeded(charged, saga) },
    { how: "declined", account: { ...known, charge: account.charge ?? "declined" }, answer: declined },
    {
      how: "500, money moves",
      account: { ...charged, keptServerError: true },
      answer: { kind: "unknown" },
      isFault: true,
    },
    { how: "500", account: { ...known, keptServerError: true }, answer: { kind: "unknown" }, isFault: true },
  ];
}

/** `executionOver`: the result was a replay, so no attempt is in progress any more. */
function search(account: Account, saga: number, executionOver: boolean): ChargeOutcome {
  if (account.charge === null) return { kind: "not_found", execution_over: executionOver };
  if (account.charge === "succeeded") return succeeded(account, saga);
  return { kind: "declined", error_code: "card_declined", error_message: "" };
}

function succeeded({ charges }: Account, saga: number): ChargeOutcome {
  return { kind: "succeeded", provider_txn_id: `txn-${saga}-${charges}` };
}
