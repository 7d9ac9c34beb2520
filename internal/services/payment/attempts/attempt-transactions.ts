// The two transactions around each call of the provider: the claim makes a request durable before it leaves, the settlement
// writes the answer with the event that tells it. Both take many payments at once. Called by executor.ts.
import { assertNever } from "../../../kernel/errors.ts";
import type { Database, Transaction } from "../../../messaging/database.ts";
import type { Outgoing } from "../../../messaging/handler.ts";
import { append } from "../../../messaging/outbox.ts";
import {
  canBeGivenUp,
  type ChargeClaim,
  type ChargeOutcome,
  claimCharge,
  claimRefund,
  comesTooLate,
  giveUp,
  type PaymentPolicy,
  type RefundOutcome,
  type RefundCall,
  settleCharge,
  settleRefund,
} from "./attempts.ts";
import type { Decision, Payment, RefundPendingPayment } from "../payment.ts";
import {
  applyPayment,
  countBacklog,
  heldPayments,
  loadRows,
  lockBacklog,
  lockDueCharges,
  lockDueRefunds,
  lockOldestCharges,
  lookAt,
  type PaymentRows,
  saveRows,
} from "../store.ts";

/** Charges given up in one transaction; more wait for the next. */
const MAX_GIVEN_UP = 500;
/** Waiting charges are counted no further than this. */
const MAX_COUNTED = 100_000;

/** A request that this process has claimed and must ask. */
export type Attempt =
  | ({ readonly kind: "charge" } & ChargeClaim)
  | { readonly kind: "refund"; readonly payment: RefundPendingPayment; readonly request: RefundCall };

/** What came of it. */
export type AttemptResult =
  | {
      readonly kind: "charge";
      readonly saga_id: string;
      readonly attempt: number;
      readonly outcome: ChargeOutcome;
    }
  | {
      readonly kind: "refund";
      readonly saga_id: string;
      readonly attempt: number;
      readonly outcome: RefundOutcome;
    };

export interface AttemptContext {
  readonly database: Database;
  readonly policy: PaymentPolicy;
  /** Name of the provider, kept with each payment. */
  readonly provider: string;
  /** UUIDv7, monotonic. */
  readonly newId: () => string;
  /**
   * How long a charge that comes now waits until the provider is asked, in milliseconds; null where nothing limits the calls. So many
   * are `waiting` before it; by default as many as were counted last.
   */
  readonly chargeWaitMs?: (waiting?: number) => number | null;
}

export interface ClaimLimits {
  /** Requests, refunds among them. */
  readonly limit: number;
  /** Of those, charges that the provider has nothing of; fewer where new ones have to wait. */
  readonly newCharges: number;
  /** The provider takes less than there is: who came first is first. */
  readonly isScarce: boolean;
  /** Charges that are due since before (epoch ms) are not looked for; see claim-floor.ts. Default: all are. */
  readonly dueFrom?: number;
}

export interface Claims {
  readonly attempts: readonly Attempt[];
  /** Of those, charges that the provider has nothing of. */
  readonly newCharges: number;
  /** Charges that were given up instead, because nobody would wait for their answer. */
  readonly givenUp: readonly Decision[];
  /** Since when the longest due of the charges was due, epoch ms. */
  readonly oldestDue: number | undefined;
}

/**
 * Claims requests that are due, refunds first: they are few, and somebody waits for money. A charge that would come too late is
 * not claimed but given up.
 */
export function claimDue(context: AttemptContext, limits: ClaimLimits, now: number): Promise<Claims> {
  const { database, policy, provider } = context;
  const { limit, isScarce, dueFrom } = limits;
  return database.transaction(async ({ tx, send, finish, appended }) => {
    const [refunds, charges] = await send([
      lockDueRefunds(tx, provider, now, limit),
      isScarce
        ? lockOldestCharges(tx, provider, now, limit)
        : lockDueCharges(tx, provider, now, limit, dueFrom),
    ]);
    const sagas = refunds.map(({ saga_id }) => saga_id);
    const [rows] = sagas.length > 0 ? await send([loadRows(tx, sagas)]) : [lookAt([], [])];
    const attempts: Attempt[] = [...rows.payments.values()].flatMap((payment) => {
      const claim = claimRefund(payment, now, policy);
      return claim === null ? [] : [{ kind: "refund", ...claim }];
    });
    const givenUp: Decision[] = [];
    let newCharges = 0;
    const open = lookAt(charges.slice(0, Math.max(0, limit - attempts.length)), []);
    for (const [saga_id, payment] of open.payments) {
      rows.payments.set(saga_id, payment);
      const isNew = canBeGivenUp(payment);
      if (comesTooLate(payment, now, policy)) givenUp.push(giveUp(payment));
      else if (!isNew || newCharges < limits.newCharges) {
        const claim = claimCharge(payment, now, policy);
        if (claim !== null) attempts.push({ kind: "charge", ...claim });
        if (claim !== null && isNew) newCharges += 1;
      }
    }
    for (const { payment } of [...attempts, ...givenUp]) applyPayment(rows, payment);
    await finish([
      ...saveRows(tx, rows, provider, now),
      ...appendEvents(context, { tx, appended }, givenUp, now),
    ]);
    const due = charges.flatMap(({ next_attempt_at }) => next_attempt_at ?? []);
    return { attempts, newCharges, givenUp, oldestDue: due.length === 0 ? undefined : Math.min(...due) };
  });
}

/**
 * Gives up charges that wait in vain: of those that the provider has nothing of and that nobody is asking, all but the `keep`
 * oldest, and all that would come too late; at most MAX_GIVEN_UP. Returns with them how many wait on.
 */
export function giveUpBacklog(
  context: AttemptContext,
  keep: number,
  now: number,
): Promise<{ readonly givenUp: readonly Decision[]; readonly waiting: number }> {
  const { database, policy, provider } = context;
  return database.transaction(async ({ tx, send, finish, appended }) => {
    const [beyond, oldest, [counted]] = await send([
      lockBacklog(tx, provider, keep, MAX_GIVEN_UP),
      lockOldestCharges(tx, provider, now, MAX_GIVEN_UP),
      countBacklog(tx, provider, MAX_COUNTED),
    ]);
    const rows = lookAt([...oldest, ...beyond], []);
    const isBeyond = new Set(beyond.map(({ saga_id }) => saga_id));
    const givenUp = [...rows.payments.values()].flatMap((payment) =>
      canBeGivenUp(payment) && (isBeyond.has(payment.saga_id) || comesTooLate(payment, now, policy))
        ? [giveUp(payment)]
        : [],
    );
    for (const { payment } of givenUp) applyPayment(rows, payment);
    const waiting = Math.max(0, (counted?.waiting ?? 0) - givenUp.length);
    await finish([
      ...saveRows(tx, rows, provider, now),
      ...appendEvents(context, { tx, appended }, givenUp, now, waiting),
    ]);
    return { givenUp, waiting };
  });
}

/** Settles answers, of which a saga may have several, and returns the decisions that changed something. */
export function settleResults(
  context: AttemptContext,
  answers: readonly AttemptResult[],
  now: number,
): Promise<readonly Decision[]> {
  return context.database.transaction((transaction) => settle(context, transaction, answers, now));
}

/** The same for those whose payment is free at this moment; the others are returned, with what is locked. */
export function settleFree(context: AttemptContext, answers: readonly AttemptResult[], now: number) {
  return context.database.transaction(async (transaction) => {
    const [held] = await transaction.send([heldPayments(transaction.tx, sagasOf(answers))]);
    const waiting = new Set(held.map(({ saga_id }) => saga_id));
    const free = answers.filter(({ saga_id }) => !waiting.has(saga_id));
    const decisions = await settle(context, transaction, free, now);
    return { decisions, held, leftOut: answers.filter(({ saga_id }) => waiting.has(saga_id)) };
  });
}

async function settle(
  context: AttemptContext,
  { tx, send, finish, appended }: Transaction,
  answers: readonly AttemptResult[],
  now: number,
): Promise<readonly Decision[]> {
  const { policy, provider } = context;
  const [rows] = await send([loadRows(tx, sagasOf(answers))]);
  const decisions = answers.flatMap((answer) => settleOne(rows, answer, now, policy));
  await finish([
    ...saveRows(tx, rows, provider, now),
    ...appendEvents(context, { tx, appended }, decisions, now),
  ]);
  return decisions;
}

function sagasOf(answers: readonly AttemptResult[]): string[] {
  return [...new Set(answers.map(({ saga_id }) => saga_id))];
}

/** The statements that append what the decisions report to the saga. */
export function appendEvents(
  { newId, chargeWaitMs }: AttemptContext,
  transaction: Pick<Transaction, "tx" | "appended">,
  decisions: readonly Decision[],
  now: number,
  waiting?: number,
) {
  const waitMs = chargeWaitMs?.(waiting) ?? null;
  const caused = decisions.map(({ payment: { traceparent }, out }) => ({
    out: waitMs === null ? out : out.map((event) => withWait(event, waitMs)),
    traceparent: traceparent ?? undefined,
  }));
  return append(transaction, caused, { newId, now });
}

function withWait(event: Outgoing, waitMs: number): Outgoing {
  return event.type === "PaymentSucceeded" || event.type === "PaymentFailed"
    ? { ...event, charge_wait_ms: Math.round(waitMs) }
    : event;
}

function settleOne(
  rows: PaymentRows,
  answer: AttemptResult,
  now: number,
  policy: PaymentPolicy,
): readonly Decision[] {
  const payment = rows.payments.get(answer.saga_id);
  // Payments are never deleted; one that is gone was lost with its database, and there is nothing left to settle.
  if (payment === undefined) return [];
  const decision = settlementOf(payment, answer, now, policy);
  if (decision.payment === payment) return [];
  applyPayment(rows, decision.payment);
  return [decision];
}

function settlementOf(payment: Payment, answer: AttemptResult, now: number, policy: PaymentPolicy): Decision {
  switch (answer.kind) {
    case "charge":
      return settleCharge(payment, answer.attempt, answer.outcome, now, policy);
    case "refund":
      return settleRefund(payment, answer.attempt, answer.outcome, now, policy);
    default:
      return assertNever(answer);
  }
}
