// A whole shop with one or two checkouts in it, small enough to look at every state it can be in: the sagas, the rows of the
// three services, the messages under way, the provider and what it remembers. The decisions are the real ones (rules.ts).
//
// Time is not counted. What may happen at any time may happen at every step: a deadline, an expiry, a lease running out.
import type { Command } from "../../../schemas/commands.ts";
import type { Event } from "../../../schemas/events.ts";
import { MESSAGES } from "../../../schemas/registry.ts";
import { startSaga, type SagaPolicy } from "../../orchestrator/saga.ts";
import type { Saga } from "../../orchestrator/state.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import type { Reservation } from "../../services/inventory/decide.ts";
import type { Order } from "../../services/order/decide.ts";
import type { ChargeOutcome, ChargeCall, RefundOutcome } from "../../services/payment/attempts/attempts.ts";
import { isOpen, type Payment } from "../../services/payment/payment.ts";

export const SKU = "tea";
/** Units of the one SKU: two sagas compete for it. */
export const STOCKED = 1;

/** How often each kind of trouble may strike on one path. Without a bound the world would have no end. */
export interface Budget {
  /** Undo commands sent again because no answer came. */
  readonly resends: number;
  /** Messages delivered once more after their effect. */
  readonly redeliveries: number;
  /** Forward commands given to the dead-letter queue; each may be replayed at any later time. */
  readonly deadLetters: number;
  /** Provider calls whose answer is lost, or whose executor dies, or that outlive their lease. */
  readonly providerFaults: number;
  /** Times at which the provider forgets its idempotency keys. */
  readonly keyExpiries: number;
  readonly operatorCancels: number;
}

/** Everything of one checkout outside its saga. */
export interface Rows {
  readonly reservation: Reservation | null;
  readonly payment: Payment | null;
  readonly order: Order | null;
  readonly account: Account;
}

/** What the provider knows of one checkout. */
export interface Account {
  readonly charge: "succeeded" | "declined" | null;
  /** The answer kept under the charge's key is a server error, which says nothing of the money. */
  readonly keptServerError: boolean;
  readonly charges: number;
  readonly refunds: number;
  /** Whether it still knows the idempotency key of the charge, of the refund. */
  readonly knowsChargeKey: boolean;
  readonly knowsRefundKey: boolean;
  /** The first attempt is more than a day ago. */
  readonly isOld: boolean;
}

/** A request on its way to the provider or back. */
export interface Call {
  readonly saga: number;
  readonly ask: ChargeCall["ask"] | "refund";
  readonly attempt: number;
  /** Null until the provider has dealt with it. */
  readonly answer: ChargeOutcome | RefundOutcome | null;
  /** Whether somebody still waits for the answer. */
  readonly isAwaited: boolean;
}

export interface Message {
  readonly id: string;
  readonly saga: number;
  readonly body: Command | Event;
}

export interface World {
  /** Of the one SKU; the same all the way. */
  readonly priceCents: number;
  readonly sagas: readonly Saga[];
  readonly rows: readonly Rows[];
  readonly available: number;
  readonly calls: readonly Call[];
  readonly inFlight: readonly Message[];
  /** What has had its effect; kept only where it may come again. */
  readonly delivered: readonly Message[];
  readonly deadLetters: readonly Message[];
  /** Messages sent so far, by saga and type: their ids. */
  readonly sent: Readonly<Record<string, number>>;
  readonly left: Budget;
  /** What broke on the way here and cannot be read off the state, for example an alert. */
  readonly broken: string | null;
}

export const SAGA_POLICY: SagaPolicy = {
  forwardDeadlineMs: 0,
  resendFirstMs: 0,
  resendCapMs: 0,
  resendsBeforeOperator: 1,
};

const EMPTY: Rows = {
  reservation: null,
  payment: null,
  order: null,
  account: {
    charge: null,
    keptServerError: false,
    charges: 0,
    refunds: 0,
    knowsChargeKey: false,
    knowsRefundKey: false,
    isOld: false,
  },
};

export function initialWorld(sagaCount: number, budget: Budget, priceCents: number): World {
  const empty: World = {
    priceCents,
    sagas: [],
    rows: Array.from({ length: sagaCount }, () => EMPTY),
    available: STOCKED,
    calls: [],
    inFlight: [],
    delivered: [],
    deadLetters: [],
    sent: {},
    left: budget,
    broken: null,
  };
  let world = empty;
  for (let saga = 0; saga < sagaCount; saga++) {
    const decision = startSaga(`saga-${saga}`, REQUEST, 0, SAGA_POLICY);
    world = send({ ...world, sagas: [...world.sagas, decision.saga] }, saga, decision.out);
  }
  return world;
}

/** Puts what a decision said on its way. Mails end here: nothing depends on them. */
export function send(world: World, saga: number, out: readonly Outgoing[]): World {
  const sent = { ...world.sent };
  let { inFlight } = world;
  for (const body of out) {
    if (body.type === "SendNotification") continue;
    const name = `${saga}.${body.type}`;
    const number = (sent[name] ?? 0) + 1;
    sent[name] = number;
    const id = `${name}.${number}`;
    const envelope = { message_id: id, schema_version: 1, occurred_at: "" };
    inFlight = insert(inFlight, { id, saga, body: { ...envelope, ...body } });
  }
  return { ...world, sent, inFlight };
}

/** In order of ids, so that the order of sending makes no two worlds out of one. */
export function insert(messages: readonly Message[], message: Message): readonly Message[] {
  const at = messages.findIndex(({ id }) => id > message.id);
  return at === -1 ? [...messages, message] : messages.toSpliced(at, 0, message);
}

export function replaceAt<T>(items: readonly T[], index: number, item: T): readonly T[] {
  return items.with(index, item);
}

const MESSAGE_NAMES = Object.keys(MESSAGES);

/** Equal exactly for worlds with the same future: all of the world but times and texts, which no decision here looks at. */
export function keyOf(world: World): string {
  const parts: string[] = [String(world.available), world.broken ?? ""];
  world.sagas.forEach((saga, index) => parts.push(sagaKey(saga), rowsKey(world.rows[index] ?? EMPTY)));
  for (const call of world.calls)
    parts.push(
      `${call.saga}${call.ask}${call.attempt}${call.isAwaited ? "w" : ""}${call.answer?.kind ?? "-"}`,
    );
  parts.push("|", ids(world.inFlight), "|", ids(world.delivered), "|", ids(world.deadLetters), "|");
  for (let saga = 0; saga < world.sagas.length; saga++)
    for (const name of MESSAGE_NAMES) parts.push(String(world.sent[`${saga}.${name}`] ?? ""));
  parts.push(Object.values(world.left).join("."));
  return parts.join(",");
}

function ids(messages: readonly Message[]): string {
  return messages.map(({ id }) => id).join(" ");
}

function sagaKey({ position, payment_succeeded, needs_operator }: Saga): string {
  const undoing = position.kind === "compensating" ? `${position.undoing}${position.resends}` : "";
  return `${position.kind}.${position.at}.${undoing}.${Number(payment_succeeded)}${Number(needs_operator)}`;
}

function rowsKey({ reservation, payment, order, account }: Rows): string {
  const { charge, charges, refunds, keptServerError, knowsChargeKey, knowsRefundKey, isOld } = account;
  const flags = `${Number(keptServerError)}${Number(knowsChargeKey)}${Number(knowsRefundKey)}${Number(isOld)}`;
  const held = reservation === null ? "" : `${reservation.status}${reservation.lines.length}`;
  const ordered = order === null ? "" : `${order.status}${Number(order.details !== null)}`;
  return `${held};${paymentKey(payment)};${ordered};${charge}.${charges}.${refunds}.${flags}`;
}

function paymentKey(payment: Payment | null): string {
  if (payment === null) return "";
  const { status, attempts, void_attempts } = payment;
  if (isOpen(payment)) return `${status}${attempts}.${void_attempts}${payment.undo_requested ? "u" : ""}`;
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
