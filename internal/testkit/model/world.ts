// A shop with one or two checkouts, small enough to explore every state: the sagas, the rows of the three services, the messages
// in flight, and the provider with its memory. The decision functions are the real ones (rules.ts).
//
// There is no clock. A deadline, an expiry or the end of a lease may happen at every step.
import type { Command } from "../../../schemas/commands.ts";
import type { Event } from "../../../schemas/events.ts";
import { MESSAGES } from "../../../schemas/registry.ts";
import { startSaga, type SagaPolicy } from "../../orchestrator/saga.ts";
import type { OrderCancellation } from "../../orchestrator/order-cancellation.ts";
import type { Saga } from "../../orchestrator/state.ts";
import { assert } from "../../kernel/errors.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import type { Reservation } from "../../services/inventory/decide.ts";
import type { Order } from "../../services/order/decide.ts";
import type { ChargeOutcome, ChargeCall, RefundOutcome } from "../../services/payment/attempts/attempts.ts";
import type { CaptureOutcome, VoidOutcome } from "../../services/payment/attempts/holds.ts";
import { isHeld, isOpen, type Payment } from "../../services/payment/payment.ts";

export const SKU = "tea";
/** Units of the one SKU; two sagas compete for them. */
export const STOCKED = 1;

/** How often each kind of fault may happen on one path. Without a limit there would be infinitely many states. */
export interface Budget {
  /** Undo commands sent again because no reply came. */
  readonly resends: number;
  /** Messages delivered again after their effect. */
  readonly redeliveries: number;
  /** Dead-lettered forward commands; each may be replayed at any later step. */
  readonly deadLetters: number;
  /** Provider calls that lose their result, lose their executor, or outlive their lease. */
  readonly providerFaults: number;
  /** Times at which the provider forgets its idempotency keys. */
  readonly keyExpiries: number;
  readonly operatorCancels: number;
  /** Cancellations of the order of a completed checkout. */
  readonly orderCancels: number;
  /** Orders that operators ship once their checkout is completed. */
  readonly shipments: number;
  /** Shipped goods that come back, after which an operator sets the order to CONFIRMED. */
  readonly returns: number;
  /** Times that the shopper, waited for, asks for more time. */
  readonly moreTime: number;
  /** Holds of money that end by themselves, because they expire or the bank ends them. */
  readonly endedHolds: number;
  /** Captures that PayPal puts under review. */
  readonly reviews: number;
  /** Orders that PayPal forgets, because nobody approved or took them in time. */
  readonly forgottenOrders: number;
}

/**
 * Who takes the money. `stripe`: money moves by a charge or its confirmation. `paypal`: the shopper approves at its page, which moves nothing,
 * and our next look-up takes the money or has it held; a capture may be under review first; keys are forgotten earlier.
 */
export type ProviderName = "stripe" | "paypal";

/** The state of one checkout outside its saga. */
export interface Rows {
  readonly reservation: Reservation | null;
  readonly payment: Payment | null;
  readonly order: Order | null;
  readonly account: Account;
}

/** The provider's state for one checkout. */
export interface Account {
  /**
   * `waiting`: for the shopper. `refused`: by the bank, after the shopper tried; they may try again until it is cancelled. `approved`: by the
   * shopper, and nothing has moved. `held`: the money can be taken or released. `in review`: a capture of ours, which may still be denied.
   * `kept`: its capture was denied, and the money is still held. `forgotten`: an order that was never paid.
   */
  readonly charge:
    | "succeeded"
    | "held"
    | "declined"
    | "waiting"
    | "refused"
    | "approved"
    | "in review"
    | "kept"
    | "forgotten"
    | "canceled"
    | null;
  /** The result stored under the charge's key is a server error, which does not tell whether money moved. */
  readonly keptServerError: boolean;
  /** The result stored under the charge's key is that it waits for the shopper. */
  readonly wasAsked: boolean;
  /** The result stored under the key of the first capture is a server error. */
  readonly keptCaptureError: boolean;
  /** Holds that were ever made. */
  readonly holds: number;
  /** Money that was taken. */
  readonly charges: number;
  readonly refunds: number;
  /** Whether it still knows the idempotency keys of the charge and of the refund. */
  readonly knowsChargeKey: boolean;
  readonly knowsRefundKey: boolean;
  /** The first attempt is longer ago than the provider keeps the key. */
  readonly isOld: boolean;
}

export type Answer = ChargeOutcome | RefundOutcome | CaptureOutcome | VoidOutcome;

/** A request on its way to the provider or back. */
export interface Call {
  readonly saga: number;
  readonly ask: ChargeCall["ask"] | "refund" | "capture" | "void";
  readonly attempt: number;
  /** Null until the provider has executed the request. */
  readonly answer: Answer | null;
  /** Whether an executor still waits for the result. */
  readonly isAwaited: boolean;
}

export type SagaTable = 1 | 2;

export interface Message {
  readonly id: string;
  /** Stands for the id in keys, because it is shorter. */
  readonly mark: string;
  /** Stands for what the message says; its id, times and texts are no part of it. */
  readonly content: string;
  readonly saga: number;
  readonly body: Command | Event;
}

export interface World {
  /** The price of the one SKU; it never changes. */
  readonly priceCents: number;
  /** The shoppers are present, and the bank wants each charge confirmed. */
  readonly isConfirmed: boolean;
  /** The provider of each checkout; it never changes. */
  readonly providers: readonly ProviderName[];
  readonly sagas: readonly Saga[];
  readonly rows: readonly Rows[];
  /** The cancellations of each checkout's order, oldest first. */
  readonly cancellations: readonly (readonly OrderCancellation[])[];
  /** Whether the parcel of each checkout is on its way. */
  readonly parcels: readonly boolean[];
  readonly available: number;
  readonly calls: readonly Call[];
  readonly inFlight: readonly Message[];
  /** Messages that had their effect. */
  readonly delivered: readonly Message[];
  readonly deadLetters: readonly Message[];
  /** Number of messages sent so far: for each of SENT_PLACES the character with the code of "0" plus the number. Ids are made from it. */
  readonly sent: string;
  readonly left: Budget;
  /** A violation on the way here that the state does not show, for example an alert. */
  readonly broken: string | null;
}

export const SAGA_POLICY: SagaPolicy = {
  forwardDeadlineMs: 0,
  // Above zero, and less than what is offered: then there is more time to be had.
  actionDeadlineMs: 1,
  resendFirstMs: 0,
  resendCapMs: 0,
  resendsBeforeOperator: 1,
  authorizeFirst: new Set(),
};

const OCCURRED_AT = timestampOf(0);
const MESSAGE_TYPES = Object.keys(MESSAGES);
const NONE_SENT = "0";
/** Positions in `World.sent`, by saga and type. */
const SENT_PLACES = new Map(
  [0, 1]
    .flatMap((saga) => MESSAGE_TYPES.map((type) => `${saga}.${type}`))
    .map((name, place) => [name, place]),
);

const EMPTY: Rows = {
  reservation: null,
  payment: null,
  order: null,
  account: {
    charge: null,
    keptServerError: false,
    wasAsked: false,
    keptCaptureError: false,
    holds: 0,
    charges: 0,
    refunds: 0,
    knowsChargeKey: false,
    knowsRefundKey: false,
    isOld: false,
  },
};

/** One checkout for each of `tables`: the version of the saga table that it uses. */
export function initialWorld(
  tables: readonly SagaTable[],
  budget: Budget,
  priceCents: number,
  isConfirmed: boolean,
  providers: readonly ProviderName[] = [],
): World {
  const sagaCount = tables.length;
  const empty: World = {
    priceCents,
    isConfirmed,
    providers: tables.map((_, saga) => providers[saga] ?? "stripe"),
    sagas: [],
    rows: Array.from({ length: sagaCount }, () => EMPTY),
    cancellations: Array.from({ length: sagaCount }, () => []),
    parcels: Array.from({ length: sagaCount }, () => false),
    available: STOCKED,
    calls: [],
    inFlight: [],
    delivered: [],
    deadLetters: [],
    sent: NONE_SENT.repeat(MESSAGE_TYPES.length * sagaCount),
    left: budget,
    broken: null,
  };
  let world = empty;
  for (const [saga, version] of tables.entries()) {
    const provider = providers[saga];
    const request = {
      ...REQUEST,
      ...(isConfirmed ? { shopper_present: true } : {}),
      ...(provider === undefined ? {} : { provider }),
    };
    const decision = startSaga(`saga-${saga}`, request, 0, SAGA_POLICY, version);
    world = send({ ...world, sagas: [...world.sagas, decision.saga] }, saga, decision.out);
  }
  return world;
}

/** Puts the messages of a decision in flight. Mails are dropped, because nothing depends on them. */
export function send(world: World, saga: number, out: readonly Outgoing[]): World {
  if (out.every(({ type }) => type === "SendNotification")) return world;
  let { sent, inFlight } = world;
  for (const body of out) {
    if (body.type === "SendNotification") continue;
    const name = `${saga}.${body.type}`;
    const place = SENT_PLACES.get(name);
    assert(place !== undefined, "a message has a known type");
    const code = sent.charCodeAt(place) + 1;
    sent = sent.slice(0, place) + String.fromCharCode(code) + sent.slice(place + 1);
    const about = aboutOf(body);
    const id = `${name}.${code - NONE_SENT.charCodeAt(0)}${about}`;
    const envelope = { message_id: id, schema_version: 1, occurred_at: OCCURRED_AT };
    const content = markOf(`${name} ${about}`);
    inFlight = insert(inFlight, { id, mark: markOf(id), content, saga, body: { ...envelope, ...body } });
  }
  return { ...world, sent, inFlight };
}

/** In what two messages of one type and one saga differ: their cancellation of the order, or the command that they tell of. */
function aboutOf(body: Outgoing): string {
  const key = "idempotency_key" in body ? (body.idempotency_key ?? "") : "";
  return `${/^c\d+/.exec(key)?.[0] ?? ""}${"command_type" in body ? body.command_type : ""}`;
}

/** Sorted by id, so that the order of sending does not make two different worlds. */
export function insert(messages: readonly Message[], message: Message): readonly Message[] {
  const at = messages.findIndex(({ id }) => id > message.id);
  return at === -1 ? [...messages, message] : messages.toSpliced(at, 0, message);
}

export function spend(world: World, kind: keyof Budget): World {
  return { ...world, left: { ...world.left, [kind]: world.left[kind] - 1 } };
}

export function replaceAt<T>(items: readonly T[], index: number, item: T): readonly T[] {
  return items.with(index, item);
}

/** Equal exactly for worlds with the same future. Contains everything except times and texts, which no decision here uses. */
export function keyOf(world: World): string {
  return `${stateKey(world)}|${marks(world.inFlight)}|${marks(world.delivered)}|${marks(world.deadLetters)}|${world.sent}`;
}

/**
 * The same for a world whose inbox works: a message that had its effect has no other, so which ones had theirs says nothing about the future,
 * and the id of a message only shows how many were sent before it.
 */
export function keyWithInbox(world: World): string {
  return `${stateKey(world)}|${contents(world.inFlight)}|${contents(world.deadLetters)}`;
}

/** Everything but the messages. */
function stateKey(world: World): string {
  let key = `${world.available},${world.broken ?? ""}`;
  for (let i = 0; i < world.sagas.length; i++)
    key += `,${sagaKey(world.sagas[i]!)},${rowsKey(world.rows[i] ?? EMPTY)}`;
  for (const { saga, ask, attempt, isAwaited, answer } of world.calls)
    key += `,${saga}${ask}${attempt}${isAwaited ? "w" : ""}${answerKey(answer)}`;
  for (const count of Object.values(world.left)) key += `,${count}`;
  return `${key},${cancellationsKey(world)}`;
}

/** What decides of an answer besides its kind: whether it is the last word, and whether there is a charge. */
function answerKey(answer: Answer | null): string {
  if (answer === null) return "-";
  const isClosed = "closed" in answer && answer.closed;
  const isOver = "execution_over" in answer && answer.execution_over;
  return `${answer.kind}${isClosed ? "c" : ""}${isOver ? "o" : ""}${"provider_txn_id" in answer ? "t" : ""}`;
}

function marks(messages: readonly Message[]): string {
  let all = "";
  for (const { mark } of messages) all += mark;
  return all;
}

function contents(messages: readonly Message[]): string {
  if (messages.length < 2) return messages[0]?.content ?? "";
  return messages
    .map(({ content }) => content)
    .toSorted()
    .join("");
}

const MARKS = new Map<string, string>();

/** Another one for each id, and for each content. */
function markOf(name: string): string {
  const known = MARKS.get(name);
  if (known !== undefined) return known;
  const mark = `${MARKS.size.toString(36)} `;
  MARKS.set(name, mark);
  return mark;
}

function sagaKey(saga: Saga): string {
  const { position, payment_succeeded, needs_operator } = saga;
  const undoing = position.kind === "compensating" ? `${position.undoing}${position.resends}` : "";
  return `${saga.table_version}${position.kind}.${position.at}.${undoing}.${Number(payment_succeeded)}${Number(needs_operator)}${waitKey(saga)}`;
}

function waitKey({ action_expires_at, action_latest_at }: Saga): string {
  if (action_expires_at === null) return "";
  return action_latest_at !== null && action_latest_at > action_expires_at ? "more" : "a";
}

function cancellationsKey({ cancellations, parcels }: World): string {
  const one = ({ status, step }: OrderCancellation) => `${status}${step}`;
  return `${cancellations.map((all) => all.map(one).join("+")).join(";")}${parcels.map(Number).join("")}`;
}

function rowsKey({ reservation, payment, order, account }: Rows): string {
  const { charge, charges, refunds, holds, keptServerError, keptCaptureError, wasAsked } = account;
  const { knowsChargeKey, knowsRefundKey, isOld } = account;
  const flags = `${Number(keptServerError)}${wasAsked ? "w" : ""}${keptCaptureError ? "c" : ""}${Number(knowsChargeKey)}${Number(knowsRefundKey)}${Number(isOld)}`;
  const held = reservation === null ? "" : `${reservation.status}${reservation.lines.length}`;
  const ordered = order === null ? "" : `${order.status}${Number(order.details !== null)}`;
  return `${held};${paymentKey(payment)};${ordered};${charge}.${holds}.${charges}.${refunds}.${flags}`;
}

function paymentKey(payment: Payment | null): string {
  if (payment === null) return "";
  if (isOpen(payment)) {
    const { status, attempts, void_attempts } = payment;
    const flags = `${payment.undo_requested ? "u" : ""}${payment.action === null ? "" : "a"}`;
    return `${status}${attempts}.${void_attempts}${flags}`;
  }
  if (isHeld(payment)) {
    const attempts = "hold_attempts" in payment ? payment.hold_attempts : 0;
    const failure = "failure" in payment && payment.failure !== null ? "f" : "";
    return `${payment.status}${attempts}${payment.undo_requested ? "u" : ""}${failure}`;
  }
  return "refund" in payment ? `${payment.status}${payment.refund.attempts}` : payment.status;
}

const REQUEST = {
  user_id: "user",
  email: "shopper@example.com",
  items: [{ sku_id: SKU, quantity: 1 }],
  currency: "EUR",
  shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000", country: "DE" },
  payment_method: "sealed",
  client_key: "key",
  body_hash: "",
};
