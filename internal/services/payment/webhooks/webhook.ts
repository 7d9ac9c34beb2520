// Handles many webhook events at once: finds their payments, decides (webhook-event.ts) and saves, in one transaction with the replies to
// the sagas and the ids of the events. Called by webhook-intake.ts.
//
// Most events repeat what the executor already knows. They are checked without a lock and not stored, because they would change
// nothing a second time either. The id of an event that changes something is saved in the same transaction, so a replay of it does
// nothing, whatever happened to the payment since.
import { assertNever } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports.ts";
import type { Transaction } from "../../../messaging/database.ts";
import { notWaiting } from "../../../messaging/inbox-transaction.ts";
import type { Log } from "../../../kernel/telemetry.ts";
import {
  alertKey,
  type EndedAlert,
  endAlerts,
  knownEvents,
  openAlerts,
  rememberEvents,
} from "../alert-store.ts";
import { type AttemptContext, appendEvents } from "../attempts/attempt-transactions.ts";
import { findPayments } from "../lookup-store.ts";
import { decideWebhookEvent, type WebhookDecision } from "./webhook-event.ts";
import { type Decision, isOpen, type Payment } from "../payment.ts";
import type { WebhookEvent } from "../providers/webhook-reader.ts";
import type { Difference } from "../difference.ts";
import { chargeIn, isForeign, type LedgerEntry, paymentFinder } from "../differences.ts";
import {
  applyPayment,
  heldPayments,
  lockPayments,
  lookAt,
  type PaymentRows,
  readRefunds,
  saveRows,
} from "../store.ts";
import { type PaymentMetrics, reportAlert } from "../telemetry.ts";

export interface WebhookContext extends AttemptContext {
  readonly clock: Clock;
  readonly metrics: PaymentMetrics;
  readonly log: Log;
  /** Called after a commit that may have given the executor something to do. */
  readonly wakeExecutor: () => void;
}

/** The result of an event. `replayed`: it changed something before, and nothing now. `foreign`: it belongs to another shop. */
export type WebhookResult = WebhookDecision["kind"] | "replayed" | "foreign";

/** An event that may change something, with the saga of its payment; null if there is no payment. */
export interface OpenEvent {
  readonly event: WebhookEvent;
  readonly saga_id: string | null;
}

/** Checks each event without a lock. Returns its result, or the event if it must be decided under the lock. */
export async function glanceAt(
  { database, clock, policy, provider }: WebhookContext,
  events: readonly WebhookEvent[],
): Promise<readonly (WebhookResult | OpenEvent)[]> {
  const entries = events.map(entryOf);
  const find = paymentFinder(
    await findPayments(database.sql, {
      sagas: distinct(entries.map(({ saga_id }) => saga_id)),
      charges: distinct(entries.map(({ provider_txn_id }) => provider_txn_id)),
      provider,
    }),
  );
  const now = clock.now();
  return events.map((event) => {
    // A charge carries its saga's id only because the payment's row was saved with the claim before the request was sent. So a
    // missing payment will not come later, and a resend of the event would not help: it is an alert at once.
    const payment = find(entryOf(event));
    if (isForeign(entryOf(event), payment)) return "foreign";
    if (decideWebhookEvent(payment, event, now, policy).kind === "unchanged") return "unchanged";
    return { event, saga_id: payment?.saga_id ?? null };
  });
}

/** Decides the events one after the other, under the locks of their payments. Saves all of them, or throws and saves nothing. */
export async function settleEvents(
  context: WebhookContext,
  events: readonly OpenEvent[],
): Promise<readonly WebhookResult[]> {
  const settled = await context.database.transaction((transaction) => settle(context, transaction, events));
  report(context, settled);
  return settled.results;
}

/** The same for events whose payment is not locked; null for the others, which stay undecided. */
export async function settleFreeEvents(
  context: WebhookContext,
  events: readonly OpenEvent[],
): Promise<readonly (WebhookResult | null)[]> {
  const { waiting, settled } = await context.database.transaction(async (transaction) => {
    const looking = transaction.send([heldPayments(transaction.tx, sagasOf(events))]);
    const [held] = await notWaiting(context, looking);
    const sagas = new Set<string | null>(held.map(({ saga_id }) => saga_id));
    const free = events.filter(({ saga_id }) => !sagas.has(saga_id));
    return { waiting: sagas, settled: await settle(context, transaction, free) };
  });
  report(context, settled);
  const results = settled.results.values();
  return events.map(({ saga_id }) => (waiting.has(saga_id) ? null : (results.next().value ?? null)));
}

interface Settled {
  /** One for each event. */
  readonly results: readonly WebhookResult[];
  readonly decisions: readonly Decision[];
  /** Alerts that were opened. */
  readonly opened: readonly Difference[];
}

async function settle(
  context: WebhookContext,
  { tx, send, finish, appended }: Transaction,
  events: readonly OpenEvent[],
): Promise<Settled> {
  const { policy, provider, newId, clock } = context;
  const sagas = sagasOf(events);
  // The statements after the locks see what was committed while they waited. If another transaction had the lock for this very
  // event, its id is saved.
  const [payments, refunds, known] = await send([
    lockPayments(tx, sagas),
    readRefunds(tx, sagas),
    knownEvents(
      tx,
      events.map(({ event }) => event.event_id),
    ),
  ]);
  const now = clock.now();
  const rows = lookAt(payments, refunds);
  const { find, apply } = finderIn(rows);
  const before = new Set(known.map(({ event_id }) => event_id));
  const changing = new Set<string>();
  const decisions: Decision[] = [];
  const differences = new Map<string, Difference>();
  const ended = new Map<string, EndedAlert>();
  const results = events.map(({ event, saga_id }): WebhookResult => {
    if (before.has(event.event_id) || changing.has(event.event_id)) return "replayed";
    const decided = decideWebhookEvent(find(event, saga_id), event, now, policy);
    if (decided.kind === "unchanged") return "unchanged";
    changing.add(event.event_id);
    const difference = "difference" in decided ? decided.difference : decided.decision.alert;
    if (decided.kind === "over") ended.set(alertKey(decided.difference), decided);
    else if (difference !== undefined) differences.set(alertKey(difference), difference);
    if (decided.kind === "settled") {
      apply(decided.decision.payment);
      decisions.push(decided.decision);
    }
    return decided.kind;
  });
  const origin = { opened_by: "webhook", provider, now, newId } as const;
  const opening = differences.size === 0 ? null : openAlerts(tx, [...differences.values()], origin);
  await finish([
    ...saveRows(tx, rows, now),
    ...appendEvents(context, { tx, appended }, decisions, now),
    ...(opening === null ? [] : [opening]),
    ...(ended.size === 0 ? [] : endAlerts(tx, [...ended.values()], origin)),
    ...(changing.size === 0 ? [] : [rememberEvents(tx, [...changing], now)]),
  ]);
  const alerts = (await opening) ?? [];
  const opened = alerts.flatMap((alert) => (alert.is_new ? (differences.get(alertKey(alert)) ?? []) : []));
  return { results, decisions, opened };
}

/** Finds the payment with the event's charge, even if an earlier event of this transaction set it, else the saga's payment. */
function finderIn(rows: PaymentRows) {
  const sagaOf = new Map([...rows.payments].map(([saga_id, payment]) => [chargeIn(payment), saga_id]));
  return {
    find: (event: WebhookEvent, saga_id: string | null): Payment | undefined => {
      const { provider_txn_id } = entryOf(event);
      const named = provider_txn_id === null ? undefined : sagaOf.get(provider_txn_id);
      return rows.payments.get(named ?? saga_id ?? "");
    },
    apply: (payment: Payment): void => {
      applyPayment(rows, payment);
      sagaOf.set(chargeIn(payment), payment.saga_id);
    },
  };
}

/** After its undo, a charge is due as a refund or a void at once; one that the bank refused is looked up at once. */
function report({ metrics, log, wakeExecutor }: WebhookContext, { decisions, opened }: Settled): void {
  metrics.settled(decisions);
  const isDue = ({ payment }: Decision) =>
    payment.status === "REFUND_PENDING" || payment.status === "VOID_PENDING" || isOpen(payment);
  if (decisions.some(isDue)) wakeExecutor();
  for (const difference of opened) reportAlert({ metrics, log }, difference);
}

function entryOf(event: WebhookEvent): LedgerEntry {
  switch (event.kind) {
    case "charge":
      return event.charge;
    case "refund":
      return event.refund;
    case "approval":
      return event.approval;
    case "dispute":
      return { provider_txn_id: event.dispute.provider_txn_id, saga_id: null, isMarked: false };
    default:
      return assertNever(event);
  }
}

function sagasOf(events: readonly OpenEvent[]): readonly string[] {
  return distinct(events.map(({ saga_id }) => saga_id));
}

function distinct(ids: readonly (string | null)[]): readonly string[] {
  return [...new Set(ids.filter((id) => id !== null))];
}
