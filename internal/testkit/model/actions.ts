// All possible next actions in a model world and the worlds they lead to. Called by model.ts for each reached state.
import type { Event } from "../../../schemas/events.ts";
import { TABLES } from "../../orchestrator/steps.ts";
import type { SagaInput } from "../../orchestrator/state.ts";
import type { Decision as InventoryDecision, Stock } from "../../services/inventory/decide.ts";
import {
  canBeGivenUp,
  type ChargeOutcome,
  giveUp,
  type RefundOutcome,
} from "../../services/payment/attempts/attempts.ts";
import type { CaptureOutcome, VoidOutcome } from "../../services/payment/attempts/holds.ts";
import { isHeld, isOpen } from "../../services/payment/payment.ts";
import { cancellingActions, cancellingEvent } from "./cancelling.ts";
import type { Successor } from "./explore.ts";
import { approvals, executeAtPayPal, reviewEnds } from "./paypal.ts";
import { KEY_LIFE_MS } from "./policies.ts";
import { execute, newsOf, shopperActs, type Ways } from "./provider.ts";
import type { MaybePayment, Rules } from "./rules.ts";
import {
  type Account,
  type Answer,
  type Call,
  insert,
  type Message,
  type ProviderName,
  replaceAt,
  type Rows,
  SAGA_POLICY,
  send,
  SKU,
  spend,
  type World,
} from "./world.ts";

const HOLD = { holdMs: 0 };
const FORWARD_COMMANDS = new Set<string>([...TABLES.values()].flat().map(({ command }) => command));
const SHIPS = { blockedCountries: new Set<string>() };
const SHIPS_NOWHERE = { blockedCountries: new Set(["DE"]) };
const NOT_YET: RefundOutcome = { kind: "not_yet", error_code: "TIMEOUT" };
const PUT_OFF = { kind: "deferred", retry_after_ms: null } as const;
const NO_EFFECT: ChargeOutcome = { kind: "no_effect", error_code: "PROVIDER_UNAVAILABLE", error_message: "" };

type Next = Successor<World>;

export function successors(world: World, rules: Rules): Next[] {
  const next: Next[] = [];
  const add = (action: string, to: World) => void next.push({ action, world: to });
  for (const message of world.inFlight) {
    const without = { ...world, inFlight: world.inFlight.filter(({ id }) => id !== message.id) };
    for (const [how, to] of effects(without, message, rules)) add(`deliver ${message.id}${how}`, to);
    if (isForwardCommand(message) && world.left.deadLetters > 0)
      add(`dead-letter ${message.id}`, deadLetter(spend(without, "deadLetters"), message));
  }
  // With an inbox none of them has an effect.
  const again = rules.inbox || world.left.redeliveries === 0 ? [] : world.delivered;
  for (const message of again) {
    const kept = spend(world, "redeliveries");
    for (const [how, to] of effects(kept, message, rules)) add(`redeliver ${message.id}${how}`, to);
  }
  for (const message of world.deadLetters) {
    const deadLetters = world.deadLetters.filter(({ id }) => id !== message.id);
    add(`replay ${message.id}`, { ...world, deadLetters, inFlight: insert(world.inFlight, message) });
  }
  world.sagas.forEach((_, saga) => {
    for (const { action, world: to } of [
      ...sagaActions(world, saga, rules),
      ...cancellingActions(world, saga, rules),
    ])
      add(`${action} of saga ${saga}`, to);
  });
  world.calls.forEach((call, index) => {
    for (const { action, world: to } of callActions(world, call, index, rules))
      add(`${action} ${call.ask} of saga ${call.saga}`, to);
  });
  return next;
}

/** The worlds a delivery can lead to. There are none if the inbox drops a message that already had its effect. */
function effects(world: World, message: Message, rules: Rules): (readonly [string, World])[] {
  const seen = world.delivered.some(({ id }) => id === message.id);
  if (rules.inbox && seen) return [];
  const after = seen ? world : { ...world, delivered: insert(world.delivered, message) };
  const { saga, body } = message;
  const rows = rowsOf(after, saga);
  switch (body.type) {
    case "ReserveInventory":
    case "ExtendReservation":
    case "ConfirmReservation":
    case "ReleaseInventory":
      return [["", applyStock(after, saga, rules.inventory(rows.reservation, stock(after), body, 0, HOLD))]];
    case "ChargePayment":
    case "AuthorizePayment":
    case "CapturePayment":
    case "CancelPayment":
    case "RefundPayment":
      return [["", applyPayment(after, saga, rules.payment(rows.payment, body, 0))]];
    case "CreateOrder":
    case "CancelOrder": {
      const outcomes = [["", SHIPS] as const, [", refused", SHIPS_NOWHERE] as const];
      return outcomes
        .slice(0, body.type === "CreateOrder" && rows.order === null ? 2 : 1)
        .map(([how, policy]) => {
          const { order, out, alert } = rules.order(rows.order, body, 0, policy);
          return [how, send(noting(withRows(after, saga, { order }), alert), saga, out)] as const;
        });
    }
    default:
      return [["", cancellingEvent(after, saga, body, rules) ?? applySaga(after, saga, body, rules)]];
  }
}

function sagaActions(world: World, saga: number, rules: Rules): Next[] {
  const next: Next[] = [];
  const add = (action: string, to: World) => void next.push({ action, world: to });
  const { position } = world.sagas[saga]!;
  const { reservation, payment, account } = rowsOf(world, saga);

  if (position.kind === "forward") {
    add("deadline", applySaga(world, saga, { type: "DeadlinePassed" }, rules));
    if (world.left.operatorCancels > 0) {
      const cancel = { type: "OperatorCancel", reason: "" } as const;
      add("operator cancel", applySaga(spend(world, "operatorCancels"), saga, cancel, rules));
    }
  }
  if (position.kind === "compensating" && world.left.resends > 0)
    add("resend", applySaga(spend(world, "resends"), saga, { type: "DeadlinePassed" }, rules));
  for (const { action, world: to } of [
    ...shopperActions(world, saga, rules),
    ...holdActions(world, saga, rules),
    ...payPalActions(world, saga),
  ])
    add(action, to);
  const longer = world.left.moreTime > 0 ? pressed(world, saga, rules) : null;
  if (longer !== null) add("more time", longer);
  if (reservation?.status === "HELD")
    add("expiry", applyStock(world, saga, rules.expire(reservation, reservation.expires_at)));

  // The key expires after a day. By then no call of this saga is in progress.
  const isQuiet = !world.calls.some((call) => call.saga === saga);
  if (payment !== null) {
    const isAsked = world.calls.some((call) => call.saga === saga && call.isAwaited);
    // A second executor may claim a payment only when the first one's lease has expired.
    // And a look-up during an abandoned charge call proves nothing; only a look-up after that call counts.
    const allowed = isAsked ? world.left.providerFaults > 0 : isQuiet || !isUndone(payment);
    const claimed = allowed ? claim(payment, nowFor(payment, account, isQuiet, rules), rules) : null;
    // A look-up that finds nothing new changes nothing; one is enough, beside what else may go wrong.
    const isIdle =
      (claimed?.request.ask === "look_up" && account.charge === "waiting") ||
      account.charge === "in review" ||
      (account.charge === "forgotten" && !account.isOld);
    if (claimed !== null && !(isIdle && world.left.providerFaults === 0)) {
      const call: Call = { saga, ...claimed.request, answer: null, isAwaited: true };
      const isItsOwn = payment.provider === world.providers[saga];
      const asked = noting(
        { ...withRows(world, saga, { payment: claimed.payment }), calls: [...world.calls, call] },
        isItsOwn ? null : "only the shopper's own provider is asked",
      );
      add("claim", isAsked || isIdle ? spend(asked, "providerFaults") : asked);
    }
    // Its turn would come too late. The model does not count waiting time, so this may happen at any step.
    if (canBeGivenUp(payment)) add("give up", applyPayment(world, saga, giveUp(payment)));
  }
  if (world.left.keyExpiries > 0 && isQuiet && account.knowsChargeKey && !account.isOld) {
    const isOrder = world.providers[saga] === "paypal" && ORDERS.has(account.charge);
    const charge = isOrder ? "forgotten" : account.charge;
    const old: Account = { ...account, charge, knowsChargeKey: false, knowsRefundKey: false, isOld: true };
    add("key expiry", spend(withRows(world, saga, { account: old }), "keyExpiries"));
  }
  return next;
}

/** The money that is held is released by nobody of ours, and the provider may report that. */
function holdActions(world: World, saga: number, rules: Rules): Next[] {
  const { payment, account } = rowsOf(world, saga);
  const next: Next[] = [];
  if (account.charge === "held" && world.left.endedHolds > 0) {
    const ended = withRows(world, saga, { account: { ...account, charge: "canceled" } });
    next.push({ action: "end of the hold", world: spend(ended, "endedHolds") });
  }
  // PayPal's events about holds are not read: the answer to the next request shows it.
  const isTold = world.providers[saga] === "stripe";
  if (isTold && payment !== null && isHeld(payment) && account.charge === "canceled") {
    const told = rules.settleEndedHold(payment, "AUTHORIZATION_ENDED", "");
    next.push({ action: "webhook about the hold", world: applyPayment(world, saga, told) });
  }
  return next;
}

/** PayPal forgets them before their keys. */
const ORDERS: ReadonlySet<Account["charge"]> = new Set(["waiting", "approved"]);

/** What happens at PayPal without anybody: a review ends, and an order that nobody took is forgotten. */
function payPalActions(world: World, saga: number): Next[] {
  const { account } = rowsOf(world, saga);
  const isHeldFirst = world.sagas[saga]?.table_version === 2;
  const ends = reviewEnds(account, isHeldFirst).map((end) => ({
    action: end.how,
    world: withRows(world, saga, { account: end.account }),
  }));
  const isForgettable = world.left.forgottenOrders > 0 && ORDERS.has(account.charge);
  if (world.providers[saga] !== "paypal" || !isForgettable) return ends;
  const forgotten: Account = { ...account, charge: "forgotten" };
  const gone = withRows(spend(world, "forgottenOrders"), saga, { account: forgotten });
  return [...ends, { action: "order is forgotten", world: gone }];
}

/** The shopper at the shop's page: asks for more time, if that changes anything. */
function pressed(world: World, saga: number, rules: Rules): World | null {
  const asked = applySaga(world, saga, { type: "ShopperNeedsTime" }, rules);
  return asked.sagas[saga] === world.sagas[saga] ? null : spend(asked, "moreTime");
}

/** The shopper at the bank's page, once they could get its address, and the events about what they did. */
function shopperActions(world: World, saga: number, rules: Rules): Next[] {
  const { payment, account } = rowsOf(world, saga);
  if (payment === null || (isOpen(payment) && payment.action === null)) return [];
  const isPayPal = world.providers[saga] === "paypal";
  const how = isPayPal ? approvals(account) : shopperActs(account, payment.capture === "manual");
  const acts = how.map((act) => ({
    action: act.how,
    world: withRows(world, saga, { account: act.account }),
  }));
  // PayPal's events about an order only say that its money was taken.
  const isNews = isOpen(payment) && (!isPayPal || account.charge === "succeeded");
  const news = isNews ? newsOf(account, saga) : null;
  if (news === null) return acts;
  // An event says what a look-up would, at any time.
  const settled = rules.settleCharge(payment, payment.attempts, news, 0, rules.policyOf(payment.provider));
  return [...acts, { action: "webhook", world: applyPayment(world, saga, settled) }];
}

function callActions(world: World, call: Call, index: number, rules: Rules): Next[] {
  const next: Next[] = [];
  const add = (action: string, to: World) => void next.push({ action, world: to });
  const gone = { ...world, calls: world.calls.toSpliced(index, 1) };
  if (call.answer === null) {
    const ways: Ways = {
      isConfirmed: world.isConfirmed,
      isHeld: world.sagas[call.saga]?.table_version === 2,
    };
    const provider = world.providers[call.saga] === "paypal" ? executeAtPayPal : execute;
    for (const { how, account, answer, isFault, isReview } of provider(
      rowsOf(world, call.saga).account,
      call,
      ways,
    )) {
      if (isFault === true && world.left.providerFaults === 0) continue;
      if (isReview === true && world.left.reviews === 0) continue;
      const faulty = isFault === true ? spend(world, "providerFaults") : world;
      const met = isReview === true ? spend(faulty, "reviews") : faulty;
      const done = withRows(met, call.saga, { account });
      // The result of an abandoned call is lost.
      const calls = call.isAwaited
        ? replaceAt(world.calls, index, { ...call, answer })
        : world.calls.toSpliced(index, 1);
      add(`provider executes (${how})`, { ...done, calls });
    }
  }
  if (!call.isAwaited) return next;
  if (call.answer !== null) add("answer to", settle(gone, call, call.answer, rules));
  if (world.left.providerFaults > 0) {
    const isCharge = call.ask === "charge" || call.ask === "charge_then_search";
    const left = call.answer === null ? abandoned(world, index) : gone;
    const lost = spend(left, "providerFaults");
    add("timeout of", settle(lost, call, call.ask === "refund" ? NOT_YET : { kind: "unknown" }, rules));
    // The breaker is open: the request was never sent.
    if (call.answer === null && (isCharge || call.ask === "search"))
      add("breaker refuses", settle(spend(gone, "providerFaults"), call, NO_EFFECT, rules));
    // The provider limits the rate. For a look-up this is the same as a timeout.
    if (call.answer === null && (isCharge || ["refund", "capture", "void"].includes(call.ask)))
      add("provider puts off", settle(spend(gone, "providerFaults"), call, PUT_OFF, rules));
    add("executor dies during", lost);
  }
  return next;
}

function claim(payment: NonNullable<Rows["payment"]>, now: number, rules: Rules) {
  const policy = rules.policyOf(payment.provider);
  const claimed = rules.claimCharge(payment, now, policy);
  if (claimed !== null) return claimed;
  const claims = [
    ["refund", rules.claimRefund(payment, now, policy)],
    ["capture", rules.claimCapture(payment, now, policy)],
    ["void", rules.claimVoid(payment, now, policy)],
  ] as const;
  for (const [ask, made] of claims)
    if (made !== null) return { payment: made.payment, request: { ask, attempt: made.request.attempt } };
  return null;
}

function settle(world: World, call: Call, answer: Answer, rules: Rules): World {
  const { payment, account } = rowsOf(world, call.saga);
  if (payment === null) return world;
  const now = nowFor(payment, account, false, rules);
  const policy = rules.policyOf(payment.provider);
  const { saga, attempt } = call;
  const apply = (settled: MaybePayment) => applyPayment(world, saga, settled);
  if (isAnswerTo(call, answer, "refund"))
    return apply(rules.settleRefund(payment, attempt, answer, now, policy));
  if (isAnswerTo(call, answer, "capture"))
    return apply(rules.settleCapture(payment, attempt, answer, now, policy));
  if (isAnswerTo(call, answer, "void")) return apply(rules.settleVoid(payment, attempt, answer, now, policy));
  return apply(rules.settleCharge(payment, attempt, answer, now, policy));
}

/** The others are outcomes of a charge. */
interface Outcomes {
  readonly refund: RefundOutcome;
  readonly capture: CaptureOutcome;
  readonly void: VoidOutcome;
}

function isAnswerTo<Ask extends keyof Outcomes>(
  call: Call,
  _answer: Answer,
  ask: Ask,
): _answer is Outcomes[Ask] {
  return call.ask === ask;
}

/**
 * A time late enough for the next action on the payment: after the lease or the pause; for an old account, when the provider has forgotten
 * the key; for a charge that is only looked up with no call in progress, after the longest execution time.
 */
function nowFor(
  payment: NonNullable<Rows["payment"]>,
  account: Account,
  isQuiet: boolean,
  rules: Rules,
): number {
  if (payment.status === "REFUND_PENDING") return payment.refund.next_attempt_at;
  if ("hold_attempts" in payment) return payment.next_attempt_at;
  if (!isOpen(payment)) return 0;
  if (account.isOld) return (payment.first_attempt_at ?? 0) + KEY_LIFE_MS[providerOf(payment)];
  if (isUndone(payment) && isQuiet)
    return (payment.charge_asked_at ?? 0) + rules.policyOf(payment.provider).executionMs;
  return payment.next_attempt_at;
}

function providerOf({ provider }: NonNullable<Rows["payment"]>): ProviderName {
  return provider === "paypal" ? "paypal" : "stripe";
}

function isUndone(payment: NonNullable<Rows["payment"]>): boolean {
  return isOpen(payment) && payment.undo_requested;
}

function applySaga(world: World, saga: number, input: SagaInput, rules: Rules): World {
  const before = world.sagas[saga]!;
  const now = input.type === "DeadlinePassed" ? (before.deadline_at ?? 0) : 0;
  const { saga: after, out, verdict } = rules.saga(before, input, now, SAGA_POLICY);
  const moved = { ...world, sagas: replaceAt(world.sagas, saga, after) };
  const left = before.completed_at !== null && after.position !== before.position;
  const broken = left
    ? "terminal states stay"
    : verdict.kind === "alert"
      ? `no alert: ${verdict.reason}`
      : null;
  return send(noting(moved, broken), saga, out);
}

function applyStock(
  world: World,
  saga: number,
  { reservation, stockChanges, out }: InventoryDecision,
): World {
  const available = stockChanges.reduce((sum, { delta }) => sum + delta, world.available);
  return send({ ...withRows(world, saga, { reservation }), available }, saga, out);
}

function applyPayment(world: World, saga: number, { payment, out }: MaybePayment): World {
  return send(withRows(world, saga, { payment }), saga, out);
}

/** The command waits for an operator, and its saga gets CommandDeadLettered. */
function deadLetter(world: World, message: Message): World {
  const notice: Event = {
    type: "CommandDeadLettered",
    message_id: "",
    saga_id: "",
    schema_version: 1,
    occurred_at: "",
    command_id: message.id,
    command_type: message.body.type,
    error_code: "",
    error_message: "",
  };
  return send({ ...world, deadLetters: insert(world.deadLetters, message) }, message.saga, [notice]);
}

function isForwardCommand({ body }: Message): boolean {
  return FORWARD_COMMANDS.has(body.type);
}

function stock({ available, priceCents }: World): Stock {
  return new Map([[SKU, { available_count: available, unit_price_cents: priceCents, currency: "EUR" }]]);
}

function abandoned(world: World, index: number): World {
  return { ...world, calls: replaceAt(world.calls, index, { ...world.calls[index]!, isAwaited: false }) };
}

function noting(world: World, broken: string | null): World {
  return broken === null ? world : { ...world, broken };
}

function rowsOf(world: World, saga: number): Rows {
  return world.rows[saga]!;
}

function withRows(world: World, saga: number, change: Partial<Rows>): World {
  return { ...world, rows: replaceAt(world.rows, saga, { ...rowsOf(world, saga), ...change }) };
}
