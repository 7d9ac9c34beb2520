// The two transactions around each request to the provider: the claim makes a request durable before it is sent, the settlement saves
// the result with its event. Both handle many payments at once. Called by executor.ts.
import type { Database, Transaction } from "../../../messaging/database.ts";
import type { Outgoing } from "../../../messaging/handler.ts";
import { append } from "../../../messaging/outbox.ts";
import { type AlertOrigin, openAlerts } from "../alert-store.ts";
import { type Attempt, type AttemptResult, claimHold, settlementOf } from "./attempt.ts";
import {
  canBeGivenUp,
  claimCharge,
  claimRefund,
  comesTooLate,
  giveUp,
  type PaymentPolicy,
} from "./attempts.ts";
import { type Decision, isHeld, isOpen, type Payment } from "../payment.ts";
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

/** Maximum charges given up in one transaction; the rest waits for the next. */
const MAX_GIVEN_UP = 500;
/** Waiting charges are counted up to this number. */
const MAX_COUNTED = 100_000;

export interface AttemptContext {
  readonly database: Database;
  readonly policy: PaymentPolicy;
  /** Name of the provider. */
  readonly provider: string;
  /** UUIDv7, monotonic. */
  readonly newId: () => string;
  /** Who opens the alerts about refunds that failed. Default: the result of a request. */
  readonly alertsBy?: AlertOrigin["opened_by"];
  /**
   * How long a charge that arrives now waits until it is sent, in milliseconds; null if nothing limits the calls. `waiting` charges
   * are before it; by default the number that was counted last.
   */
  readonly chargeWaitMs?: (waiting?: number) => number | null;
}

export interface ClaimLimits {
  /** Maximum requests, including captures, voids and refunds. */
  readonly limit: number;
  /** Maximum new charges among them, unknown to the provider; lower while new charges are held back. */
  readonly newCharges: number;
  /** The provider takes fewer calls than there are: the oldest come first. */
  readonly isScarce: boolean;
  /** Charges that were due before this time (epoch ms) are not read; see claim-floor.ts. Default: all are read. */
  readonly dueFrom?: number;
}

export interface Claims {
  readonly attempts: readonly Attempt[];
  /** The number of new charges among them, unknown to the provider. */
  readonly newCharges: number;
  /** Charges that were given up instead, because their sagas would not wait for the result. */
  readonly givenUp: readonly Decision[];
  /** The earliest due time among the charges, epoch ms. */
  readonly oldestDue: number | undefined;
}

/**
 * Claims requests that are due: refunds first, then captures and voids. They are few, and a shopper waits for money or an order. A charge
 * that would come too late is given up instead.
 */
export function claimDue(context: AttemptContext, limits: ClaimLimits, now: number): Promise<Claims> {
  const { database, policy, provider } = context;
  const { limit, isScarce, dueFrom } = limits;
  return database.transaction(async ({ tx, send, finish, appended }) => {
    const [refunds, waiting] = await send([
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
    const { payments } = lookAt(waiting, []);
    const [holds, open] = [[...payments.values()].filter(isHeld), [...payments.values()].filter(isOpen)];
    const room = Math.max(0, limit - attempts.length);
    for (const payment of [...holds, ...open].slice(0, room)) {
      rows.payments.set(payment.saga_id, payment);
      const isNew = canBeGivenUp(payment);
      if (comesTooLate(payment, now, policy)) givenUp.push(giveUp(payment));
      else if (!isNew || newCharges < limits.newCharges) {
        const claim = claimAny(payment, now, policy);
        if (claim !== null) attempts.push(claim);
        if (claim !== null && isNew) newCharges += 1;
      }
    }
    for (const { payment } of [...attempts, ...givenUp]) applyPayment(rows, payment);
    await finish([...saveRows(tx, rows, now), ...appendEvents(context, { tx, appended }, givenUp, now)]);
    const due = open.map(({ next_attempt_at }) => next_attempt_at);
    return { attempts, newCharges, givenUp, oldestDue: due.length === 0 ? undefined : Math.min(...due) };
  });
}

function claimAny(payment: Payment, now: number, policy: PaymentPolicy): Attempt | null {
  const charge = claimCharge(payment, now, policy);
  return charge === null ? claimHold(payment, now, policy) : { kind: "charge", ...charge };
}

/**
 * Gives up charges that wait too long: of those without a charge at the provider and without a request in flight, all except the
 * `keep` oldest, and all that would come too late; at most MAX_GIVEN_UP. Also returns how many still wait.
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
      ...saveRows(tx, rows, now),
      ...appendEvents(context, { tx, appended }, givenUp, now, waiting),
    ]);
    return { givenUp, waiting };
  });
}

/** Settles results, possibly several of one saga, and returns the decisions that changed something. */
export function settleResults(
  context: AttemptContext,
  results: readonly AttemptResult[],
  now: number,
): Promise<readonly Decision[]> {
  return context.database.transaction((transaction) => settle(context, transaction, results, now));
}

/** The same in a transaction that goes on afterwards, and sees what was settled. */
export function settleWithin(
  context: AttemptContext,
  transaction: Transaction,
  results: readonly AttemptResult[],
  now: number,
): Promise<readonly Decision[]> {
  return settle(context, transaction, results, now, transaction.send);
}

/** The same for results whose payment is not locked; returns the others, with what is locked. */
export function settleFree(context: AttemptContext, results: readonly AttemptResult[], now: number) {
  return context.database.transaction(async (transaction) => {
    const [held] = await transaction.send([heldPayments(transaction.tx, sagasOf(results))]);
    const waiting = new Set(held.map(({ saga_id }) => saga_id));
    const free = results.filter(({ saga_id }) => !waiting.has(saga_id));
    const decisions = await settle(context, transaction, free, now);
    return { decisions, held, leftOut: results.filter(({ saga_id }) => waiting.has(saga_id)) };
  });
}

/** Locks the payments and decides. `save` gets the statements: it ends the transaction with them, or sends them and goes on. */
async function settle(
  context: AttemptContext,
  { tx, send, finish, appended }: Transaction,
  results: readonly AttemptResult[],
  now: number,
  save: Transaction["finish"] | Transaction["send"] = finish,
): Promise<readonly Decision[]> {
  const { policy, provider, newId, alertsBy = "request" } = context;
  const [rows] = await send([loadRows(tx, sagasOf(results))]);
  const decisions = results.flatMap((result) => settleOne(rows, result, now, policy));
  const alerts = decisions.flatMap(({ alert }) => alert ?? []);
  await save([
    ...saveRows(tx, rows, now),
    ...appendEvents(context, { tx, appended }, decisions, now),
    ...(alerts.length === 0 ? [] : [openAlerts(tx, alerts, { opened_by: alertsBy, provider, now, newId })]),
  ]);
  return decisions;
}

function sagasOf(results: readonly AttemptResult[]): string[] {
  return [...new Set(results.map(({ saga_id }) => saga_id))];
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
  return event.type === "PaymentSucceeded" ||
    event.type === "PaymentAuthorized" ||
    event.type === "PaymentFailed"
    ? { ...event, charge_wait_ms: Math.round(waitMs) }
    : event;
}

function settleOne(
  rows: PaymentRows,
  result: AttemptResult,
  now: number,
  policy: PaymentPolicy,
): readonly Decision[] {
  const payment = rows.payments.get(result.saga_id);
  // Payments are never deleted. A missing one was lost with its database, and there is nothing left to settle.
  if (payment === undefined) return [];
  const decision = settlementOf(payment, result, now, policy);
  if (decision.payment === payment) return [];
  applyPayment(rows, decision.payment);
  return [decision];
}
