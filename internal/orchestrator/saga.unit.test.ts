// The rules of the saga, step by step: given its state, when this input arrives, then it sends this and moves there.
import { describe, expect, test } from "bun:test";
import type { StartSaga } from "../../schemas/http.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { type Decision, decide, type SagaPolicy, startSaga } from "./saga.ts";
import { type Saga, type SagaInput, statusOf } from "./state.ts";
import { indexOf, rowOf, type Step, tableOf, TABLES, undoOrder } from "./steps.ts";

const NOW = 1_700_000_000_000;
const ID = "01890000-0000-7000-8000-000000000001";
const policy: SagaPolicy = {
  forwardDeadlineMs: 30_000,
  actionDeadlineMs: 600_000,
  resendFirstMs: 10_000,
  resendCapMs: 60_000,
  resendsBeforeOperator: 3,
  authorizeFirst: new Set(),
};
const request: StartSaga = {
  user_id: ID,
  email: "ada@example.com",
  items: [{ sku_id: "tea", quantity: 2 }],
  currency: "EUR",
  shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000", country: "DE" },
  payment_method: "sealed",
  client_key: "k",
  body_hash: "0".repeat(64),
};

const envelope = { message_id: ID, schema_version: 1, saga_id: ID, occurred_at: "2026-01-01T00:00:00.000Z" };
const reserved = (unit_price_cents = 500): SagaInput => ({
  ...envelope,
  type: "InventoryReserved",
  reservation_id: ID,
  items: [{ sku_id: "tea", quantity: 2, unit_price_cents, reserved_until: envelope.occurred_at }],
});
const events: Record<string, SagaInput> = {
  InventoryReserved: reserved(),
  InsufficientStock: { ...envelope, type: "InsufficientStock", sku_ids: ["tea"] },
  InventoryReleased: { ...envelope, type: "InventoryReleased" },
  ReservationConfirmed: { ...envelope, type: "ReservationConfirmed", reservation_id: ID },
  ReservationLost: { ...envelope, type: "ReservationLost", sku_ids: ["tea"] },
  ReservationExpired: { ...envelope, type: "ReservationExpired", reservation_id: ID },
  PaymentAuthorized: {
    ...envelope,
    type: "PaymentAuthorized",
    payment_id: ID,
    transaction_id: "pi_1",
    amount_cents: 1000,
    currency: "EUR",
  },
  PaymentSucceeded: {
    ...envelope,
    type: "PaymentSucceeded",
    payment_id: ID,
    transaction_id: "pi_1",
    amount_cents: 1000,
    currency: "EUR",
  },
  PaymentFailed: {
    ...envelope,
    type: "PaymentFailed",
    error_code: "card_declined",
    error_message: "declined",
  },
  PaymentCancelled: { ...envelope, type: "PaymentCancelled" },
  RefundCompleted: { ...envelope, type: "RefundCompleted", payment_id: ID, amount_cents: 1000 },
  OrderCreated: { ...envelope, type: "OrderCreated", order_id: ID, user_id: ID, total_cents: 1000 },
  OrderFailed: { ...envelope, type: "OrderFailed", error_code: "ADDRESS_NOT_SERVED", error_message: "no" },
  OrderCancelled: { ...envelope, type: "OrderCancelled" },
};
const event = (type: string): SagaInput => {
  const found = events[type];
  if (found === undefined) throw new Error(`no sample of ${type}`);
  return found;
};

const start = (overrides: Partial<StartSaga> = {}, version?: number) =>
  startSaga(ID, { ...request, ...overrides }, NOW, policy, version);
const on = (saga: Saga, input: SagaInput, now = NOW) => decide(saga, input, now, policy);
/** A saga whose forward commands up to `step` are written, with a reply to each one before it. */
const givenAt = (step: Step, table_version = 1): Saga => {
  const table = tableOf({ table_version });
  return table
    .slice(0, indexOf(table, step))
    .reduce((saga, row) => on(saga, event(row.success)).saga, start({}, table_version).saga);
};
const types = (out: readonly Outgoing[]) => out.map((body) => body.type);
const late = NOW + policy.forwardDeadlineMs;

/** Replies to every undo until the saga has finished. Returns the undo commands and the last decision. */
function settle(decision: Decision): { readonly undos: string[]; readonly last: Decision } {
  const undos: string[] = [];
  let last = decision;
  while (last.saga.position.kind === "compensating") {
    undos.push(...types(last.out));
    const reply = rowOf(tableOf(last.saga), last.saga.position.undoing).undo?.replies[0];
    last = on(last.saga, event(reply ?? ""));
  }
  return { undos, last };
}

test.each([
  [
    1,
    ["ReserveInventory", "ChargePayment", "ConfirmReservation", "CreateOrder"],
    ["STARTED", "INVENTORY_RESERVED", "PAYMENT_CHARGED", "PAYMENT_CHARGED", "COMPLETED"],
  ],
  [
    2,
    ["ReserveInventory", "AuthorizePayment", "ConfirmReservation", "CapturePayment", "CreateOrder"],
    [
      "STARTED",
      "INVENTORY_RESERVED",
      "INVENTORY_RESERVED",
      "INVENTORY_RESERVED",
      "PAYMENT_CHARGED",
      "COMPLETED",
    ],
  ],
])(
  "the happy path of table %d: each success writes the next command and the last one mails the shopper",
  (version, commands, statuses) => {
    const sent: string[] = types(start({}, version).out);
    let { saga } = start({}, version);
    const seen: string[] = [statusOf(saga)];
    for (const row of tableOf(saga)) {
      const decision = on(saga, event(row.success));
      saga = decision.saga;
      sent.push(...types(decision.out));
      seen.push(statusOf(saga));
    }
    expect(sent).toEqual([...commands, "SendNotification"]);
    expect(seen).toEqual(statuses);
    expect(saga).toMatchObject({
      total_cents: 1000,
      payment_method: null,
      payment_succeeded: true,
      deadline_at: null,
      completed_at: NOW,
    });
  },
);

describe("which table a new saga uses", () => {
  const from = (provider: string | undefined, authorizeFirst: readonly string[]) => {
    const overrides = provider === undefined ? {} : { provider };
    const set = { ...policy, authorizeFirst: new Set(authorizeFirst) };
    return startSaga(ID, { ...request, ...overrides }, NOW, set);
  };

  test("table 1, unless its provider is named; a checkout without one is of stripe", () => {
    expect(from(undefined, []).saga).toMatchObject({ table_version: 1, provider: null });
    expect(from("paypal", ["stripe"]).saga).toMatchObject({ table_version: 1, provider: "paypal" });
    expect(from("paypal", ["stripe", "paypal"]).saga).toMatchObject({ table_version: 2, provider: "paypal" });
    expect(from(undefined, ["stripe"]).saga).toMatchObject({ table_version: 2, provider: null });
  });

  test("its first command says so, and says nothing new in table 1", () => {
    const checkoutOf = ({ out: [first] }: Decision) =>
      first?.type === "ReserveInventory" ? first.checkout : null;
    expect(checkoutOf(from(undefined, []))).not.toContainAnyKeys(["provider", "table_version"]);
    expect(checkoutOf(from("paypal", []))).toMatchObject({ provider: "paypal" });
    expect(checkoutOf(from("paypal", ["paypal"]))).toMatchObject({ provider: "paypal", table_version: 2 });
  });

  test("its payment is asked of its provider", () => {
    const asked = (decision: Decision) => on(decision.saga, reserved()).out;
    expect(asked(from("paypal", []))).toMatchObject([{ type: "ChargePayment", provider: "paypal" }]);
    expect(asked(from("paypal", ["paypal"]))).toMatchObject([
      { type: "AuthorizePayment", provider: "paypal" },
    ]);
    expect(asked(from(undefined, []))[0]).not.toContainKey("provider");
  });

  test("a saga stays on its table when the setting changes", () => {
    const { saga } = from(undefined, ["stripe"]);
    expect(types(on(saga, reserved()).out)).toEqual(["AuthorizePayment"]);
    const old = from(undefined, []).saga;
    const decision = decide(old, reserved(), NOW, { ...policy, authorizeFirst: new Set(["stripe"]) });
    expect(types(decision.out)).toEqual(["ChargePayment"]);
  });
});

describe("the card that was charged", () => {
  const card = { brand: "visa", last4: "4242" };
  const paidWith = (shown: object): SagaInput =>
    Object.assign({}, event("PaymentSucceeded"), { card: shown });
  /** What is sent to the order service and to the shopper. */
  const saidAfter = (paid: SagaInput) => {
    const ordering = on(on(givenAt("charge"), paid).saga, event("ReservationConfirmed"));
    return [...ordering.out, ...on(ordering.saga, event("OrderCreated")).out];
  };
  const cardsIn = (out: readonly Outgoing[]) =>
    out.map((message) => [message.type, "card" in message ? message.card : "none"]);

  test("goes to the order and into the mail, with brand and last four digits only", () => {
    expect(cardsIn(saidAfter(paidWith({ ...card, exp_year: 2034 })))).toEqual([
      ["CreateOrder", card],
      ["SendNotification", card],
    ]);
  });

  test("is left out by an older payment service, and then by everybody", () => {
    expect(cardsIn(saidAfter(event("PaymentSucceeded")))).toEqual([
      ["CreateOrder", "none"],
      ["SendNotification", "none"],
    ]);
  });

  test("is known from the authorization on, and a capture that does not name it does not erase it", () => {
    const held = on(givenAt("authorize", 2), Object.assign({}, event("PaymentAuthorized"), { card }));
    const ordering = on(on(held.saga, event("ReservationConfirmed")).saga, event("PaymentSucceeded"));
    expect(cardsIn(ordering.out)).toEqual([["CreateOrder", card]]);
  });

  test("stays known when the reply comes once more without it", () => {
    const charged = on(givenAt("charge"), paidWith(card));
    expect(on(charged.saga, event("PaymentSucceeded")).saga.card).toEqual(card);
  });
});

test("ORDER_CREATED stands in the timeline between PAYMENT_CHARGED and COMPLETED", () => {
  const { history } = on(givenAt("order"), event("OrderCreated"));
  expect(history.map(({ from, to }) => [from, to])).toEqual([
    ["PAYMENT_CHARGED", "ORDER_CREATED"],
    ["ORDER_CREATED", "COMPLETED"],
  ]);
});

const everyStep = [...TABLES].flatMap(([version, table]) =>
  table.map((row) => [version, row.step, row] as const),
);

describe.each(everyStep)("table %d, step %s", (version, step, row) => {
  const table = tableOf({ table_version: version });
  test("given it is refused, then only the steps before it are undone, last first", () => {
    const { undos, last } = settle(on(givenAt(step, version), event(row.refusal)));
    expect(undos).toHaveLength(undoOrder(table, indexOf(table, step)).length);
    expect(statusOf(last.saga)).toBe("COMPENSATED");
    expect(types(last.out)).toEqual(["SendNotification"]);
  });

  test("given its deadline passes, then the step itself is undone too, because its command was sent", () => {
    const { undos, last } = settle(on(givenAt(step, version), { type: "DeadlinePassed" }, late));
    expect(undos).toHaveLength(undoOrder(table, indexOf(table, step) + 1).length);
    expect(last.saga.position).toMatchObject({ kind: "compensated", failure: { code: "DEADLINE_EXCEEDED" } });
  });

  test("given the deadline has not passed, then the timer changes nothing", () => {
    const before = givenAt(step, version);
    expect(on(before, { type: "DeadlinePassed" }, late - 1)).toMatchObject({ saga: before, out: [] });
  });

  test("given an operator cancels, then it is undone like a deadline", () => {
    const { last } = settle(on(givenAt(step, version), { type: "OperatorCancel", reason: "fraud" }));
    expect(last.saga.position).toMatchObject({ failure: { code: "OPERATOR_CANCELLED", message: "fraud" } });
  });

  test("a repeated success changes nothing", () => {
    const once = on(givenAt(step, version), event(row.success)).saga;
    expect(on(once, event(row.success))).toMatchObject({ saga: once, out: [], verdict: { kind: "ignored" } });
  });

  test("its command in the dead-letter queue asks for an operator and leaves the saga where it is", () => {
    const before = givenAt(step, version);
    const notice: SagaInput = {
      ...envelope,
      type: "CommandDeadLettered",
      command_id: ID,
      command_type: row.command,
      error_code: "X",
      error_message: "x",
    };
    const { saga, out, history } = on(before, notice);
    expect(saga.needs_operator).toBe(true);
    expect([saga.position, out]).toEqual([before.position, []]);
    const status = statusOf(before);
    const note = `${row.command} was dead-lettered, an operator is needed`;
    expect(history).toEqual([{ from: status, to: status, step, note }]);
    expect(on(saga, notice).verdict.kind).toBe("ignored");
  });

  test("a success after the start of the compensation is ignored: the undo settles it", () => {
    const { saga } = on(givenAt(step, version), { type: "DeadlinePassed" }, late);
    expect(on(saga, event(row.success))).toMatchObject({ saga, out: [], verdict: { kind: "ignored" } });
  });
});

test("a charge with unknown outcome is cancelled, one known to have succeeded is refunded", () => {
  const unknown = on(givenAt("charge"), { type: "DeadlinePassed" }, late);
  const known = on(givenAt("confirm"), event("ReservationLost"));
  expect([types(unknown.out), types(known.out)]).toEqual([["CancelPayment"], ["RefundPayment"]]);
});

test("money first: stock is released only after the payment is settled", () => {
  const cancelled = on(givenAt("charge"), event("ReservationExpired"));
  expect(types(cancelled.out)).toEqual(["CancelPayment"]);
  expect(types(on(cancelled.saga, event("InventoryReleased")).out)).toEqual([]);
  expect(types(on(cancelled.saga, event("RefundCompleted")).out)).toEqual(["ReleaseInventory"]);
});

test("an expired reservation compensates the saga before the confirm, and not from there on", () => {
  for (const [version, table] of TABLES) {
    const outcome = table.map(
      ({ step }) => on(givenAt(step, version), event("ReservationExpired")).verdict.kind,
    );
    expect(outcome).toEqual(
      table.map((_, index) => (index < indexOf(table, "confirm") ? "transition" : "ignored")),
    );
  }
});

describe("table 2: the money is held, then the stock is confirmed, then the money is taken", () => {
  const at = (step: Step) => givenAt(step, 2);

  test("a lost reservation costs nothing: what is held is released, and nothing is refunded", () => {
    const { undos, last } = settle(on(at("confirm"), event("ReservationLost")));
    expect(undos).toEqual(["CancelPayment", "ReleaseInventory"]);
    expect(last.saga).toMatchObject({
      payment_succeeded: false,
      position: { kind: "compensated", failure: { code: "RESERVATION_LOST" } },
    });
  });

  test("a capture that is refused has its authorization settled, and fails with the reason of the refusal", () => {
    const refused = on(at("capture"), event("PaymentFailed"));
    const { undos, last } = settle(refused);
    expect(undos).toEqual(["CancelPayment", "ReleaseInventory"]);
    expect(last.saga.position).toMatchObject({ kind: "compensated", failure: { code: "card_declined" } });
  });

  test("a capture with unknown outcome is settled by payment, which says what became of the money", () => {
    const { saga } = on(at("capture"), { type: "DeadlinePassed" }, late);
    expect(saga.position).toMatchObject({ kind: "compensating", undoing: "authorize" });
    const captured = on(saga, event("RefundCompleted"));
    const released = on(saga, event("PaymentCancelled"));
    expect([types(captured.out), captured.saga.payment_succeeded]).toEqual([["ReleaseInventory"], true]);
    expect([types(released.out), released.saga.payment_succeeded]).toEqual([["ReleaseInventory"], false]);
  });

  test("money that was taken is given back by a refund", () => {
    expect(settle(on(at("order"), event("OrderFailed"))).undos).toEqual([
      "RefundPayment",
      "ReleaseInventory",
    ]);
    expect(settle(on(at("order"), { type: "DeadlinePassed" }, late)).undos).toEqual([
      "CancelOrder",
      "RefundPayment",
      "ReleaseInventory",
    ]);
  });

  test("an authorization is no payment: the money counts as taken only after the capture", () => {
    const taken = tableOf({ table_version: 2 }).map(({ step }) => at(step).payment_succeeded);
    expect(taken).toEqual([false, false, false, false, true]);
  });

  test("money that was taken before the stock is confirmed is an alert", () => {
    for (const step of ["authorize", "confirm"] as const)
      expect(on(at(step), event("PaymentSucceeded"))).toMatchObject({ out: [], verdict: { kind: "alert" } });
  });

  test("an authorization in a saga that charges at once is an alert", () => {
    expect(on(givenAt("charge"), event("PaymentAuthorized")).verdict.kind).toBe("alert");
    expect(on(givenAt("confirm"), event("PaymentAuthorized")).verdict.kind).toBe("alert");
  });

  test("the shopper may have to confirm the authorization, and the rest of the way has its time again", () => {
    const asked: SagaInput = {
      ...envelope,
      type: "PaymentActionRequired",
      payment_id: ID,
      kind: "redirect",
      expires_at: "2026-01-01T00:10:00.000Z",
    };
    const waiting = on(at("authorize"), asked);
    expect(types(waiting.out)).toEqual(["ExtendReservation"]);
    expect(waiting.saga.action_expires_at).toBe(NOW + policy.actionDeadlineMs);
    const later = NOW + 300_000;
    const confirmed = on(waiting.saga, event("PaymentAuthorized"), later);
    expect(confirmed.saga).toMatchObject({
      action_expires_at: null,
      deadline_at: later + policy.forwardDeadlineMs,
    });
    expect(types(confirmed.out)).toEqual(["ConfirmReservation"]);
    expect(on(confirmed.saga, asked).verdict.kind).toBe("ignored");
    const abandoned = on(waiting.saga, { type: "DeadlinePassed" }, NOW + policy.actionDeadlineMs);
    expect(types(abandoned.out)).toEqual(["CancelPayment"]);
    expect(abandoned.saga.position).toMatchObject({ failure: { code: "PAYMENT_NOT_CONFIRMED" } });
    expect(on(abandoned.saga, event("PaymentAuthorized"))).toMatchObject({
      out: [],
      verdict: { kind: "ignored" },
    });
  });

  test("a checkout that costs nothing skips both steps about money, and is undone without payment", () => {
    const free = on(start({}, 2).saga, reserved(0));
    expect(types(free.out)).toEqual(["ConfirmReservation"]);
    const confirmed = on(free.saga, event("ReservationConfirmed"));
    expect(types(confirmed.out)).toEqual(["CreateOrder"]);
    expect([...free.history, ...confirmed.history].map(({ to, step, note }) => [to, step, note])).toEqual([
      ["INVENTORY_RESERVED", "authorize", "skipped: there is nothing to pay"],
      ["INVENTORY_RESERVED", "confirm", null],
      ["INVENTORY_RESERVED", "capture", "skipped: there is nothing to pay"],
      ["PAYMENT_CHARGED", "order", null],
    ]);
    expect(settle(on(confirmed.saga, event("OrderFailed"))).undos).toEqual(["ReleaseInventory"]);
  });

  test("any order of the replies ends the same way once an undo is sent", () => {
    const turned = on(at("capture"), { type: "OperatorCancel", reason: "fraud" }).saga;
    const strays = ["PaymentAuthorized", "PaymentSucceeded", "PaymentFailed", "ReservationConfirmed"];
    for (const stray of strays)
      for (const reply of ["PaymentCancelled", "RefundCompleted"]) {
        const before = on(on(turned, event(stray)).saga, event(reply)).saga;
        const after = on(on(turned, event(reply)).saga, event(stray)).saga;
        expect(before).toEqual(after);
        expect(before.position).toMatchObject({ kind: "compensating", undoing: "reserve" });
      }
  });
});

test("an undo without a reply is sent again with growing delays, and then asks for an operator", () => {
  let saga = on(givenAt("charge"), event("PaymentFailed")).saga;
  const waits: number[] = [];
  const notes: (string | null)[] = [];
  for (let i = 0; i < 5; i++) {
    const at = saga.deadline_at ?? 0;
    const decision = on(saga, { type: "DeadlinePassed" }, at);
    expect(types(decision.out)).toEqual(["ReleaseInventory"]);
    saga = decision.saga;
    notes.push(...decision.history.map(({ note }) => note));
    waits.push((saga.deadline_at ?? 0) - at);
  }
  expect(waits).toEqual([20_000, 40_000, 60_000, 60_000, 60_000]);
  expect(saga.needs_operator).toBe(true);
  expect(notes.filter((note) => note?.includes("operator"))).toEqual([
    `no reply, sent again (${policy.resendsBeforeOperator}), an operator is needed`,
  ]);
});

test("a finished saga needs no operator; its history keeps that it did", () => {
  const asked = { ...givenAt("order"), needs_operator: true };
  const completed = on(asked, event("OrderCreated")).saga;
  const compensated = settle(on(asked, event("OrderFailed"))).last.saga;
  expect([completed.position.kind, completed.needs_operator]).toEqual(["completed", false]);
  expect([compensated.position.kind, compensated.needs_operator]).toEqual(["compensated", false]);
});

test("an unexpected total, higher or lower, ends the saga without a charge", () => {
  for (const expected_total_cents of [999, 1001]) {
    const decision = on(start({ expected_total_cents }).saga, reserved());
    const { undos, last } = settle(decision);
    expect(undos).toEqual(["ReleaseInventory"]);
    expect(last.saga.position).toMatchObject({ kind: "compensated", failure: { code: "PRICE_CHANGED" } });
  }
  expect(types(on(start({ expected_total_cents: 1000 }).saga, reserved()).out)).toEqual(["ChargePayment"]);
});

test.each([
  [24, "TOTAL_TOO_SMALL", "0.48 EUR is too little for one order: at least 0.50 EUR, or nothing"],
  [50_000_000, "TOTAL_TOO_LARGE", "1000000.00 EUR is too much for one order: at most 999999.99 EUR"],
])("two pieces at %d cents cannot be charged: the saga ends as %s", (price, code, message) => {
  const { undos, last } = settle(on(start().saga, reserved(price)));
  expect(undos).toEqual(["ReleaseInventory"]);
  expect(last.saga.position).toMatchObject({ kind: "compensated", failure: { code, message } });
});

test("the smallest and the largest total are charged", () => {
  for (const price of [25, 49_999_999])
    expect(types(on(start().saga, reserved(price)).out)).toEqual(["ChargePayment"]);
});

test.each([
  [{ sku_ids: ["tea"] }, "INSUFFICIENT_STOCK", "not available: tea"],
  [{ sku_ids: ["tea"], unknown_sku_ids: ["tea"] }, "UNKNOWN_SKU", "unknown product: tea"],
  [{ sku_ids: ["tea"], other_currency_sku_ids: ["tea"] }, "CURRENCY_MISMATCH", "not sold in EUR: tea"],
  [
    { sku_ids: ["cup", "tea", "oud"], unknown_sku_ids: ["cup"], other_currency_sku_ids: ["tea"] },
    "UNKNOWN_SKU",
    "unknown product: cup; not sold in EUR: tea; not available: oud",
  ],
])("an unavailable cart gives its reasons: %o", (told, code, message) => {
  const refused = on(start().saga, { ...envelope, type: "InsufficientStock", ...told });
  expect(refused.saga.position).toMatchObject({ kind: "compensated", failure: { code, message } });
});

describe("a checkout that costs nothing", () => {
  const free = () => on(start().saga, reserved(0));

  test("goes from its reservation to its confirmation, and shows it in the timeline", () => {
    const decision = free();
    expect(types(decision.out)).toEqual(["ConfirmReservation"]);
    expect(decision.saga).toMatchObject({ total_cents: 0, position: { kind: "forward", at: "confirm" } });
    expect(decision.history).toEqual([
      {
        from: "STARTED",
        to: "INVENTORY_RESERVED",
        step: "charge",
        note: "skipped: there is nothing to pay",
      },
      { from: "INVENTORY_RESERVED", to: "PAYMENT_CHARGED", step: "confirm", note: null },
    ]);
    const ordered = on(on(decision.saga, event("ReservationConfirmed")).saga, event("OrderCreated"));
    expect(ordered.saga.position.kind).toBe("completed");
    expect(ordered.out).toMatchObject([{ type: "SendNotification", total_cents: 0 }]);
  });

  test("is undone without a message to payment, from every step", () => {
    const atOrder = on(free().saga, event("ReservationConfirmed")).saga;
    expect(settle(on(free().saga, event("ReservationLost"))).undos).toEqual(["ReleaseInventory"]);
    expect(settle(on(free().saga, { type: "DeadlinePassed" }, late)).undos).toEqual(["ReleaseInventory"]);
    expect(settle(on(atOrder, event("OrderFailed"))).undos).toEqual(["ReleaseInventory"]);
    expect(settle(on(atOrder, { type: "DeadlinePassed" }, late)).undos).toEqual([
      "CancelOrder",
      "ReleaseInventory",
    ]);
  });

  test("has its charge undone when an older binary has sent one", () => {
    const sent: Saga = { ...free().saga, position: { kind: "forward", at: "charge" } };
    const { undos, last } = settle(on(sent, { type: "DeadlinePassed" }, late));
    expect(undos).toEqual(["CancelPayment", "ReleaseInventory"]);
    expect(last.saga.position.kind).toBe("compensated");
  });
});

test("terminal states never change, whatever comes", () => {
  const ends = [...TABLES.keys()].flatMap((version) => [
    on(givenAt("order", version), event("OrderCreated")).saga,
    on(start({}, version).saga, event("InsufficientStock")).saga,
  ]);
  for (const saga of ends)
    for (const input of [...Object.values(events), { type: "DeadlinePassed" } as const])
      expect(on(saga, input, late * 2)).toMatchObject({ saga, out: [], history: [] });
});

test("every pair of a state and an input is a transition, an ignore with a reason, or an alert", () => {
  const states = everyStep.flatMap(([version, step]) => [
    givenAt(step, version),
    on(givenAt(step, version), { type: "DeadlinePassed" }, late).saga,
  ]);
  for (const saga of states)
    for (const input of Object.values(events)) {
      const { verdict, saga: after } = on(saga, input);
      if (verdict.kind !== "transition") {
        expect(verdict.reason).not.toBe("");
        expect(after).toBe(saga);
      }
    }
});

test("the reply to an undo that was never sent is an alert", () => {
  expect(on(givenAt("charge"), event("OrderCancelled")).verdict.kind).toBe("alert");
  expect(on(on(givenAt("order"), event("OrderCreated")).saga, event("RefundCompleted")).verdict.kind).toBe(
    "alert",
  );
});
