// PayPal in the model, where its answers differ from Stripe's. A charge makes an order, and a look-up of the approved one takes its money or has
// it held; a capture may be under review; errors are not stored; an order may be forgotten. Called by actions.ts.
import type { ChargeOutcome } from "../../services/payment/attempts/attempts.ts";
import {
  authorized,
  cancelled,
  DECLINED,
  execute,
  type Execution,
  paid,
  search,
  succeeded,
  waiting,
  type Ways,
} from "./provider.ts";
import type { Account, Call } from "./world.ts";

const UNKNOWN = { kind: "unknown" } as const;

/** All possible results of a request. */
export function executeAtPayPal(account: Account, call: Call, ways: Ways): readonly Execution[] {
  const { saga, ask } = call;
  // Nobody has to approve: only the life of the keys differs.
  if (!ways.isConfirmed || ask === "refund") return execute(account, call, ways);
  switch (ask) {
    case "charge":
      return order(account, saga);
    case "search":
    case "charge_then_search":
      // While it knows the key, the order is asked for again. Later it is forgotten, unless its money was taken or is held.
      return account.isOld ? [found(account, saga)] : order(account, saga);
    case "look_up":
      return account.charge === "approved" ? completed(account, saga, ways) : [found(account, saga)];
    case "capture":
      return capture(account, saga);
    case "cancel":
    case "void":
      return [closed(account, saga, ask)];
    default:
      return ask satisfies never;
  }
}

/** A repeated key gets the present state of its order. */
function order(account: Account, saga: number): readonly Execution[] {
  if (account.knowsChargeKey) return [found(account, saga)];
  // An order is refused for what it asks for, so that a repetition is refused, too.
  if (account.charge === "declined") return [declined(account)];
  const made: Account = { ...account, charge: "waiting", wasAsked: true, knowsChargeKey: true };
  return [
    { how: "makes an order", account: made, answer: waiting(saga) },
    { how: "500, makes an order", account: made, answer: UNKNOWN, isFault: true },
    declined(account),
  ];
}

function declined(account: Account): Execution {
  return {
    how: "declined",
    account: { ...account, charge: "declined" },
    answer: { ...DECLINED, closed: true },
  };
}

/** Takes the money of an approved order, or has it held. */
function completed(account: Account, saga: number, { isHeld }: Ways): readonly Execution[] {
  const done = paid(account, isHeld);
  const answer = isHeld ? authorized(done, saga) : succeeded(done, saga);
  return [
    { how: isHeld ? "money is held" : "money moves", account: done, answer },
    { how: "500 after its effect", account: done, answer: UNKNOWN, isFault: true },
    { how: "declined", account: { ...account, charge: "canceled" }, answer: { ...DECLINED, closed: true } },
    ...(isHeld ? [] : [reviewed(account)]),
  ];
}

function reviewed(account: Account): Execution {
  return {
    how: "under review",
    account: { ...account, charge: "in review" },
    answer: UNKNOWN,
    isReview: true,
  };
}

/** Takes what is held, once, under any key. */
function capture(account: Account, saga: number): readonly Execution[] {
  switch (account.charge) {
    case "held": {
      const taken: Account = { ...account, charge: "succeeded", charges: account.charges + 1 };
      return [
        { how: "money moves", account: taken, answer: succeeded(taken, saga) },
        { how: "500, money moves", account: taken, answer: UNKNOWN, isFault: true },
        { how: "capture declined", account, answer: DECLINED },
        reviewed(account),
      ];
    }
    case "succeeded":
      return [{ how: "replay", account, answer: succeeded(account, saga) }];
    case "in review":
      return [{ how: "still under review", account, answer: UNKNOWN }];
    case "kept":
      return [{ how: "was denied", account, answer: DECLINED }];
    default:
      return [{ how: "nothing is held", account, answer: { ...DECLINED, closed: true } }];
  }
}

/** An undo: nothing can be closed while a capture is under review, and an order that is not there is searched. */
function closed(account: Account, saga: number, ask: "cancel" | "void"): Execution {
  if (account.charge === "in review") return { how: "still under review", account, answer: UNKNOWN };
  if (account.charge === "forgotten") return found(account, saga);
  if (ask === "cancel" || account.charge === "succeeded") return cancelled(account, saga);
  return { how: "releases it", account: { ...account, charge: "canceled" }, answer: { kind: "voided" } };
}

function found(account: Account, saga: number): Execution {
  return { how: "looks it up", account, answer: answerOf(account, saga) };
}

function answerOf(account: Account, saga: number): ChargeOutcome {
  switch (account.charge) {
    case "approved":
      return waiting(saga);
    case "in review":
      return UNKNOWN;
    case "kept":
      return DECLINED;
    case "declined":
      return { kind: "not_found", execution_over: false };
    case "forgotten":
      // The key would repeat the order, or make one that nobody knows.
      return account.isOld ? { kind: "not_found", execution_over: false } : waiting(saga);
    default:
      return search(account, saga, false);
  }
}

/** The payer at PayPal's page, who agrees or goes back without; both as often as they like. */
export function approvals(account: Account): readonly { readonly how: string; readonly account: Account }[] {
  if (account.charge !== "waiting") return [];
  return [{ how: "payer approves", account: { ...account, charge: "approved" } }];
}

/** How a capture under review ends. What was held before it is held again. */
export function reviewEnds(
  account: Account,
  wasHeld: boolean,
): readonly { readonly how: string; readonly account: Account }[] {
  if (account.charge !== "in review") return [];
  return [
    { how: "review passes", account: { ...account, charge: "succeeded", charges: account.charges + 1 } },
    { how: "review denies", account: { ...account, charge: wasHeld ? "kept" : "canceled" } },
    ...(wasHeld
      ? [{ how: "review denies and releases", account: { ...account, charge: "canceled" } as const }]
      : []),
  ];
}
