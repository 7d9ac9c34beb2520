// Rebuilds a saga that its database has lost, or knows only as of a backup, from what it has sent since (commands and mails in
// Kafka) and what it has received (events, and its order). Pure; called by rebuild-run.ts.
//
// It repeats the decisions of the saga table, in an order that fits what was sent. A message that is already in Kafka is not sent
// again. A new message had not left when the database was lost, and is sent now. The topics do not tell why a saga started to
// compensate without a refusal; its mail has the code.
import { epochMsOf, timestampOf } from "../kernel/timestamp.ts";
import { Value } from "@sinclair/typebox/value";
import { CheckoutOfSaga, type ReserveInventory } from "../../schemas/commands.ts";
import type { Event } from "../../schemas/events.ts";
import type { StartSaga } from "../../schemas/http.ts";
import type { SendNotification } from "../../schemas/notification.ts";
import type { Message } from "../../schemas/registry.ts";
import { TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { type RecordedWait, recordedWaits } from "./action.ts";
import { decide, type Decision, type SagaPolicy, startSaga } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";
import { indexOf, rowOf, type Step, type Table, tableOf, TABLES } from "./steps.ts";

/** An order as the order service holds it. */
export interface StandingOrder {
  readonly order_id: string;
  readonly saga_id: string;
  readonly user_id: string;
  readonly items: NonNullable<Saga["priced_items"]>;
  readonly total_cents: number;
  readonly currency: string;
  readonly shipping_address: Saga["shipping_address"];
  /** Epoch ms. */
  readonly created_at: number;
}

/** Everything about one saga that is outside its database. */
export interface Traces {
  readonly saga_id: string;
  /** Its commands and mails, in any order. */
  readonly sent: readonly Message[];
  /** The events it received, in any order. */
  readonly received: readonly Event[];
  /** Its order, if that was confirmed: it stands, or was cancelled after the checkout was completed. */
  readonly order: StandingOrder | null;
}

export interface Rebuilt {
  /** How the saga began, if it was missing. */
  readonly begun: { readonly request: StartSaga; readonly decision: Decision } | null;
  readonly before: Saga;
  readonly after: Saga;
  /** The decisions from `before` to `after`. */
  readonly way: readonly { readonly input: SagaInput; readonly decision: Decision }[];
  /** The messages that it has decided and not sent. */
  readonly out: readonly Outgoing[];
}

/** More decisions than the longest way has. */
const MAX_DECISIONS = 50;
/** The address of a shopper known only from an order; no mail goes there. */
const NO_EMAIL = "";

/** Null when the traces do not tell what the shopper wanted. `now` in epoch ms. */
export function rebuild(saga: Saga | null, traces: Traces, now: number, policy: SagaPolicy): Rebuilt | null {
  const begun = saga === null ? begin(traces, policy) : null;
  const before = saga ?? begun?.decision.saga;
  if (before === undefined) return null;
  const guide = guideOf(tableOf(before), traces, now, policy);
  const way: { input: SagaInput; decision: Decision }[] = [];
  const out: Outgoing[] = (begun?.decision.out ?? []).filter((message) => !guide.hasSaid(message));
  let after = before;
  for (let decisions = 0; decisions < MAX_DECISIONS; decisions += 1) {
    const step = nextOf(after, guide, now, policy);
    if (step === null) break;
    way.push(step);
    after = step.decision.saga;
    out.push(...step.decision.out.filter((message) => !guide.hasSaid(message) && canBeSent(message)));
  }
  return { begun, before, after: withFreshDeadline(after, now, policy), way, out };
}

/** Gives an open saga a new deadline, because the outage of its database was not its fault. */
function withFreshDeadline(saga: Saga, now: number, policy: SagaPolicy): Saga {
  const { kind } = saga.position;
  if (kind === "forward") {
    const waitsUntil = saga.action_expires_at ?? 0;
    return { ...saga, deadline_at: Math.max(now + policy.forwardDeadlineMs, waitsUntil) };
  }
  if (kind === "compensating") return { ...saga, deadline_at: now + policy.resendFirstMs };
  return saga;
}

interface Guide {
  readonly hasSaid: (message: Outgoing) => boolean;
  /** The last step whose command is known to be written; -1 for none. */
  readonly lastStep: number;
  /** It has started to compensate. */
  readonly hasTurned: boolean;
  readonly hasUndone: (step: Step) => boolean;
  /** Its wait for its shopper, and what more time they got: granted under the settings of then, so it is not judged again. */
  readonly waits: { readonly first: RecordedWait | null; readonly more: RecordedWait | null };
  readonly received: (type: Event["type"]) => SagaInput | null;
  readonly mail: SendNotification | null;
  readonly paymentMethod: string | null;
}

function guideOf(
  table: Table,
  { saga_id, sent, received, order }: Traces,
  now: number,
  policy: SagaPolicy,
): Guide {
  const keys = new Set(
    sent.flatMap((message) => ("idempotency_key" in message ? [message.idempotency_key] : [])),
  );
  const mail = sent.find((message) => message.type === "SendNotification") ?? null;
  const payment = sent.find(asksForMoney);
  const events = new Map<string, SagaInput>();
  for (const event of [...(order === null ? [] : eventsOf(order)), ...received])
    events.set(event.type, event);
  const hasUndone = (step: Step) => keys.has(`${saga_id}:${step}:undo`);
  const hasTurned = mail?.template === "checkout_failed" || table.some(({ step }) => hasUndone(step));
  // A confirmed order implies its command and all earlier ones, whether or not Kafka still has them.
  const isOrdered = order !== null && !hasTurned;
  const isLongAgo = isOrdered && now - order.created_at > TOPIC_RETENTION_MS;
  return {
    hasSaid: (message) =>
      "idempotency_key" in message
        ? isOrdered || keys.has(message.idempotency_key)
        : isLongAgo || message.type === mail?.type,
    lastStep: table.findLastIndex(({ step }) => keys.has(`${saga_id}:${step}`)),
    hasTurned,
    hasUndone,
    waits: recordedWaits(saga_id, sent, policy),
    received: (type) => events.get(type) ?? null,
    mail,
    paymentMethod: payment?.payment_method ?? (isOrdered ? "" : null),
  };
}

const ASKS_FOR_MONEY = { ChargePayment: true, AuthorizePayment: true } as const;

function asksForMoney<M extends Message | Outgoing>(
  message: M,
): message is Extract<M, { readonly type: keyof typeof ASKS_FOR_MONEY }> {
  return message.type in ASKS_FOR_MONEY;
}

const TURNED: ReadonlySet<Saga["position"]["kind"]> = new Set(["compensating", "compensated"] as const);

/** The next decision of the saga; null when the traces tell of no more. */
function nextOf(
  given: Saga,
  guide: Guide,
  now: number,
  policy: SagaPolicy,
): { readonly input: SagaInput; readonly decision: Decision } | null {
  const { position } = given;
  const table = tableOf(given);
  const card = given.payment_method ?? guide.paymentMethod;
  const saga = { ...given, payment_method: card ?? "" };
  const on = (input: SagaInput | null, at?: number, actionDeadlineMs = policy.actionDeadlineMs) => {
    if (input === null) return null;
    const decision = decide(saga, input, at ?? timeOf(input, saga, now), { ...policy, actionDeadlineMs });
    return decision.saga === saga ? null : { input, decision };
  };
  if (position.kind === "compensating") {
    const replies = rowOf(table, position.undoing).undo?.replies ?? [];
    for (const reply of replies) {
      const step = on(guide.received(reply));
      if (step !== null) return step;
    }
    return null;
  }
  if (position.kind !== "forward") return null;

  const row = rowOf(table, position.at);
  const isPast = indexOf(table, position.at) < guide.lastStep;
  const success = () => {
    const step = on(guide.received(row.success));
    // A payment needs a card, and after the loss of the row only the command to payment may have it.
    const isPayment = step?.decision.out.some(asksForMoney);
    return isPayment === true && card === null ? null : step;
  };
  if (isPast) return success();
  const refusal = () => on(guide.received(row.refusal));
  const expired = () => on(guide.received("ReservationExpired"));
  if (!guide.hasTurned) {
    const { first, more } = guide.waits;
    const waiting = () => {
      const event = guide.received("PaymentActionRequired");
      return first === null ? on(event) : on(event, first.at, first.until - first.at);
    };
    const endsAt = saga.action_expires_at;
    const longer = () =>
      more === null || endsAt === null
        ? null
        : on({ type: "ShopperNeedsTime" }, Math.min(more.at, endsAt - 1), Math.max(0, more.until - endsAt));
    const step = success() ?? refusal() ?? expired() ?? (row.mayAskShopper ? (waiting() ?? longer()) : null);
    // Its card was only in the lost row. It can no longer be charged, and must not wait for the reply that leads to the payment.
    return step ?? (position.at === "reserve" && card === null ? on({ type: "DeadlinePassed" }) : null);
  }
  const turning = [success, ...(guide.hasUndone(position.at) ? [] : [refusal]), expired];
  for (const attempt of turning) {
    const step = attempt();
    if (step !== null && TURNED.has(step.decision.saga.position.kind)) return explained(step, guide);
  }
  const step = on({ type: "DeadlinePassed" });
  return step === null ? null : explained(step, guide);
}

/** Takes the failure code from the mail, because the received events may not have it. */
function explained(
  { input, decision }: { readonly input: SagaInput; readonly decision: Decision },
  { mail }: Guide,
): { readonly input: SagaInput; readonly decision: Decision } {
  const code = mail?.failure_code;
  const { saga } = decision;
  const { position } = saga;
  if (code === undefined || (position.kind !== "compensating" && position.kind !== "compensated"))
    return { input, decision };
  if (position.failure.code === code) return { input, decision };
  const failure = { code, message: "rebuilt from the topics, the original text is lost" };
  const history = decision.history.map((line) =>
    line.note === position.failure.code ? { ...line, note: code } : line,
  );
  return { input, decision: { ...decision, history, saga: { ...saga, position: { ...position, failure } } } };
}

/** An event has its own time. A deadline passes when it is due, at the earliest now. */
function timeOf(input: SagaInput, saga: Saga, now: number): number {
  if (input.type === "DeadlinePassed") return Math.max(now, saga.deadline_at ?? now);
  return "occurred_at" in input ? epochMsOf(input.occurred_at) : now;
}

/** How a missing saga began; null when the traces do not tell, or tell of a table that this binary does not know. */
function begin(traces: Traces, policy: SagaPolicy) {
  const { saga_id, sent, order } = traces;
  const first = sent.find((message) => message.type === "ReserveInventory");
  const found = (first === undefined ? null : requestOf(first, traces)) ?? requestOfOrder(traces);
  if (found === null) return null;
  const at = first === undefined ? (order?.created_at ?? 0) : epochMsOf(first.occurred_at);
  const version = versionOf(first, traces);
  if (!TABLES.has(version)) return null;
  const { saga, ...decision } = startSaga(saga_id, { ...found, payment_method: "" }, at, policy, version);
  return { request: found, decision: { ...decision, saga: { ...saga, payment_method: null } } };
}

/** The version of the saga's table follows from its first command, or else from its command to payment. An order alone has the same end on both. */
function versionOf(first: ReserveInventory | undefined, { sent }: Traces): number {
  const checkout: unknown = first?.checkout;
  if (Value.Check(CheckoutOfSaga, checkout)) return checkout.table_version ?? 1;
  return sent.some(({ type }) => type === "AuthorizePayment") ? 2 : 1;
}

function requestOf(
  { items, currency, checkout, traceparent }: ReserveInventory,
  traces: Traces,
): StartSaga | null {
  const cart = { items, currency, payment_method: "", ...(traceparent === undefined ? {} : { traceparent }) };
  if (Value.Check(CheckoutOfSaga, checkout)) return { ...cart, ...checkout };
  const { sent, order } = traces;
  const mail = sent.find((message) => message.type === "SendNotification");
  const create = sent.find((message) => message.type === "CreateOrder") ?? order;
  if (create === undefined || create === null) return null;
  const { user_id, shipping_address } = create;
  return { ...cart, ...lostKey(traces), user_id, shipping_address, email: mail?.email ?? NO_EMAIL };
}

function requestOfOrder(traces: Traces): StartSaga | null {
  const { order, sent } = traces;
  if (order === null) return null;
  const { user_id, shipping_address, currency } = order;
  const mail = sent.find((message) => message.type === "SendNotification");
  const items = order.items.map(({ sku_id, quantity }) => ({ sku_id, quantity }));
  const who = { user_id, shipping_address, currency, email: mail?.email ?? NO_EMAIL };
  return { ...who, ...lostKey(traces), items, payment_method: "" };
}

/** The original Idempotency-Key is lost. */
function lostKey({ saga_id }: Traces) {
  return { client_key: `rebuilt:${saga_id}`, body_hash: "0".repeat(64) };
}

/** A confirmed order implies every event before it, even when Kafka no longer has them. */
function eventsOf(order: StandingOrder): readonly Event[] {
  const { saga_id, order_id, user_id, items, total_cents, currency } = order;
  const occurred_at = timestampOf(order.created_at);
  const envelope = { message_id: order_id, schema_version: 1, saga_id, occurred_at };
  const reserved = items.map((item) => ({ ...item, reserved_until: occurred_at }));
  const paid = { payment_id: order_id, transaction_id: "unknown", amount_cents: total_cents, currency };
  return [
    { ...envelope, type: "InventoryReserved", reservation_id: order_id, items: reserved },
    { ...envelope, type: "PaymentAuthorized", ...paid },
    { ...envelope, type: "PaymentSucceeded", ...paid },
    { ...envelope, type: "ReservationConfirmed", reservation_id: order_id },
    { ...envelope, type: "OrderCreated", order_id, user_id, total_cents },
  ];
}

function canBeSent(message: Outgoing): boolean {
  return message.type !== "SendNotification" || message.email !== NO_EMAIL;
}
