// The payment provider of the model. Its memory decides its results; money moves at most once per idempotency key while it
// remembers the key. Called by actions.ts.
import { assertNever } from "../../kernel/errors.ts";
import type { ChargeOutcome } from "../../services/payment/attempts/attempts.ts";
import type { Account, Answer, Call } from "./world.ts";

/** How the provider charges in this world. */
export interface Ways {
  /** The bank wants each charge confirmed by its shopper. */
  readonly isConfirmed: boolean;
  /** A charge only has the money held, and a capture takes it. */
  readonly isHeld: boolean;
}

export const DECLINED = { kind: "declined", error_code: "CARD_DECLINED", error_message: "" } as const;

export interface Execution {
  readonly how: string;
  readonly account: Account;
  readonly answer: Answer;
  readonly isFault?: boolean;
  /** The provider decides later whether it takes the money. */
  readonly isReview?: boolean;
}

/** All possible results of a request: a replay of a known key, otherwise success, a decline, or a fault in between. */
export function execute(account: Account, call: Call, ways: Ways): readonly Execution[] {
  const { ask, saga } = call;
  switch (ask) {
    case "look_up":
      // What the bank refused is cancelled by the same request.
      return account.charge === "refused"
        ? [cancelled(account, saga)]
        : [{ how: "looks it up", account, answer: search(account, saga, false) }];
    case "cancel":
      return [cancelled(account, saga)];
    case "charge":
      return charge(account, saga, ways);
    case "charge_then_search":
      return charge(account, saga, ways).map((done) => lookedUp(done, saga, account.knowsChargeKey));
    case "search":
      return [{ how: "looks it up", account, answer: search(account, saga, false) }];
    case "capture":
      return capture(account, saga, call.attempt === 1);
    case "void":
      return account.charge === "succeeded"
        ? [{ how: "too late", account, answer: succeeded(account, saga) }]
        : [{ how: "releases it", account: { ...account, charge: "canceled" }, answer: { kind: "voided" } }];
    case "refund": {
      const answer: Answer = { kind: "succeeded", provider_refund_id: `refund-${saga}` };
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

/** Cancels what took no money; of what did, it says so. */
export function cancelled(account: Account, saga: number): Execution {
  if (account.charge === "succeeded") return { how: "too late", account, answer: succeeded(account, saga) };
  const answer: ChargeOutcome = { ...DECLINED, closed: true };
  return { how: "cancels it", account: { ...account, charge: "canceled" }, answer };
}

/**
 * Takes what is held, once, under any key. Only the key of the first request has a stored result here: a later request has another key
 * and looks first.
 */
function capture(account: Account, saga: number, isFirstKey: boolean): readonly Execution[] {
  if (isFirstKey && account.keptCaptureError)
    return [{ how: "replay", account, answer: { kind: "unknown" } }];
  if (account.charge === "succeeded") return [{ how: "replay", account, answer: succeeded(account, saga) }];
  if (account.charge !== "held")
    return [{ how: "nothing is held", account, answer: { ...DECLINED, closed: true } }];
  const captured: Account = { ...account, charge: "succeeded", charges: account.charges + 1 };
  const taken: Execution[] = [
    { how: "money moves", account: captured, answer: succeeded(captured, saga) },
    { how: "capture declined", account, answer: DECLINED },
  ];
  if (!isFirstKey) return taken;
  const unknown = { answer: { kind: "unknown" }, isFault: true } as const;
  return [
    ...taken,
    { how: "500, money moves", account: { ...captured, keptCaptureError: true }, ...unknown },
    { how: "500", account: { ...account, keptCaptureError: true }, ...unknown },
  ];
}

function charge(account: Account, saga: number, { isConfirmed, isHeld }: Ways): readonly Execution[] {
  const declined = DECLINED;
  if (account.knowsChargeKey) {
    if (account.keptServerError) return [{ how: "replay", account, answer: { kind: "unknown" } }];
    return [
      {
        how: "replay",
        account,
        answer:
          isConfirmed && account.wasAsked
            ? waiting(saga)
            : account.holds > 0
              ? authorized(account, saga)
              : account.charge === "succeeded"
                ? succeeded(account, saga)
                : declined,
      },
    ];
  }
  const known = { ...account, knowsChargeKey: true };
  if (isConfirmed) {
    const asked: Account = { ...known, charge: "waiting", wasAsked: true };
    return [
      { how: "asks for the shopper", account: asked, answer: waiting(saga) },
      { how: "declined", account: { ...known, charge: account.charge ?? "declined" }, answer: declined },
      {
        how: "500, asks for the shopper",
        account: { ...asked, keptServerError: true },
        answer: { kind: "unknown" },
        isFault: true,
      },
    ];
  }
  const charged = paid(known, isHeld);
  return [
    {
      how: isHeld ? "money is held" : "money moves",
      account: charged,
      answer: isHeld ? authorized(charged, saga) : succeeded(charged, saga),
    },
    { how: "declined", account: { ...known, charge: account.charge ?? "declined" }, answer: declined },
    {
      how: isHeld ? "500, money is held" : "500, money moves",
      account: { ...charged, keptServerError: true },
      answer: { kind: "unknown" },
      isFault: true,
    },
    { how: "500", account: { ...known, keptServerError: true }, answer: { kind: "unknown" }, isFault: true },
  ];
}

/** `executionOver`: the result was a replay, so no attempt is in progress any more. */
export function search(account: Account, saga: number, executionOver: boolean): ChargeOutcome {
  if (account.charge === null || account.charge === "forgotten")
    return { kind: "not_found", execution_over: executionOver };
  if (account.charge === "succeeded") return succeeded(account, saga);
  if (account.charge === "held") return authorized(account, saga);
  if (account.charge === "waiting") return waiting(saga);
  return account.charge === "canceled" ? { ...DECLINED, closed: true } : DECLINED;
}

/** The bank's page, where the shopper confirms or refuses the charge; both as often as the provider lets them. */
export function shopperActs(
  account: Account,
  isHeld: boolean,
): readonly { readonly how: string; readonly account: Account }[] {
  if (account.charge !== "waiting" && account.charge !== "refused") return [];
  const refused: Account = { ...account, charge: "refused" };
  return [
    { how: "shopper confirms", account: paid(account, isHeld) },
    ...(account.charge === "waiting" ? [{ how: "shopper refuses", account: refused }] : []),
  ];
}

/** What a webhook event says about a charge that waited; null if there is nothing to say. */
export function newsOf(account: Account, saga: number): ChargeOutcome | null {
  return account.charge === "waiting" ? null : search(account, saga, false);
}

export function paid(account: Account, isHeld: boolean): Account {
  return isHeld
    ? { ...account, charge: "held", holds: account.holds + 1 }
    : { ...account, charge: "succeeded", charges: account.charges + 1 };
}

export function waiting(saga: number): ChargeOutcome {
  return { kind: "action_required", provider_txn_id: `txn-${saga}-1`, redirects: true };
}

export function authorized({ holds }: Account, saga: number): ChargeOutcome {
  return { kind: "authorized", provider_txn_id: `txn-${saga}-${holds}` };
}

export function succeeded({ charges }: Account, saga: number) {
  return { kind: "succeeded", provider_txn_id: `txn-${saga}-${charges}` } as const;
}
