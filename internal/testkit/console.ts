// What the console's pages show, made up, for its unit tests and its preview: a busy afternoon on which some things fail.
import type { Sql } from "postgres";
import type { RoleState, TopicReading } from "../../schemas/overview.ts";
import type { Snapshot } from "../console/collector.ts";
import { type Actor, objectionTo } from "../console/actor.ts";
import type { ConsoleOptions, TopicAccess } from "../console/options.ts";
import { History } from "../console/history.ts";
import { Sessions } from "../console/session.ts";
import type { Reading } from "../console/source.ts";
import { readVisit, type SignedIn } from "../console/visit.ts";
import { Collector } from "../console/collector.ts";
import { TopicBrowser } from "../operations/topic-browser.ts";
import type { SagaMails } from "../operations/saga-mails.ts";
import type { SagaStory } from "../operations/saga-story.ts";
import type { SagaSummary } from "../operations/saga-store.ts";
import { FakeTopic } from "./fake-topic.ts";

export const NOW = Date.parse("2026-11-29T12:04:05.000Z");
export const OPERATOR: Actor = { name: "ada", role: "operator" };
export const VIEWER: Actor = { name: "vic", role: "viewer" };
/** The tokens that `consoleOptions` knows. */
const TOKENS: Readonly<Record<string, Actor>> = { "token-of-ada": OPERATOR, "token-of-vic": VIEWER };
const HOUR_MS = 3_600_000;

export function known<T>(value: T): Reading<T> {
  return { value, at: NOW, unknownSince: null, reason: null };
}

/** Since 12:01. */
export function unknown<T>(reason: string): Reading<T> {
  return { value: null, at: null, unknownSince: NOW - 185_000, reason };
}

export function sagaId(number: number): string {
  return `019ace50-0000-7000-9000-${String(number).padStart(12, "0")}`;
}

const PROVIDERS: NonNullable<RoleState["providers"]> = [
  { provider: "paypal", breaker_open: false, charges_held: true, results: [] },
  {
    provider: "stripe",
    breaker_open: true,
    charges_held: false,
    results: [{ outcome: "no_answer", count: 41 }],
  },
];

export function snapshotOf(parts: Partial<Snapshot> = {}): Snapshot {
  return {
    sagas: known({
      in_progress: [
        { status: "STARTED", step: "reserve", count: 12, oldest_at: NOW - 400 },
        { status: "INVENTORY_RESERVED", step: "charge", count: 143, oldest_at: NOW - 4_000 },
        { status: "PAYMENT_CHARGED", step: "confirm", count: 3, oldest_at: NOW - 300 },
        { status: "PAYMENT_CHARGED", step: "order", count: 5, oldest_at: NOW - 500 },
        { status: "COMPENSATING", step: "charge", count: 2, oldest_at: NOW - 90_000 },
      ],
      needing_operator: 1,
      cancellations_needing_operator: 0,
      window_seconds: 60,
      started: 240,
      ended: [],
      took_ms: { p50: 1_900, p99: 2_800 },
    }),
    flow: known([
      flow("InventoryReserved", "STARTED", "INVENTORY_RESERVED", "charge", 238),
      flow("PaymentSucceeded", "INVENTORY_RESERVED", "PAYMENT_CHARGED", "confirm", 221),
      flow("PaymentFailed", "INVENTORY_RESERVED", "COMPENSATING", "reserve", 17),
      flow("DeadlinePassed", "INVENTORY_RESERVED", "COMPENSATING", "charge", 2),
      flow("ReservationConfirmed", "PAYMENT_CHARGED", "PAYMENT_CHARGED", "order", 220),
      flow("OrderCreated", "PAYMENT_CHARGED", "COMPLETED", "order", 219),
      flow("InventoryReleased", "COMPENSATING", "COMPENSATED", "reserve", 17),
    ]),
    hour: known(anHour()),
    money: known({
      payments: [
        { status: "PENDING", currency: "EUR", count: 130, amount_cents: 400_000, oldest_at: NOW - 3_000 },
        { status: "UNKNOWN", currency: "EUR", count: 3, amount_cents: 21_700, oldest_at: NOW - 700_000 },
        { status: "UNKNOWN", currency: "JPY", count: 1, amount_cents: 9_800, oldest_at: NOW - 30_000 },
      ],
      refunds_pending: [{ currency: "EUR", count: 2, amount_cents: 7_700, oldest_at: NOW - 60_000 }],
      alerts: [{ kind: "amount_differs", count: 1, oldest_at: NOW - HOUR_MS }],
    }),
    alerts: known([{ currency: "EUR", count: 1, amount_cents: 4_900, oldest_at: NOW - HOUR_MS }]),
    mails: known({ waiting: 4, oldest_at: NOW - 45_000 }),
    topics: known([
      topic("checkout-commands", { inventory: 3, payment: 140, order: 0 }),
      topic("inventory-events", { orchestrator: 0 }),
      topic("payment-events", { orchestrator: 12 }),
      topic("order-events", { orchestrator: 0 }),
      topic("notification-commands", { notification: 4 }),
      topic("checkout-dlq", {}),
    ]),
    firing: known([
      { name: "SagasStuck", severity: "page", summary: "Checkouts do not move", since: NOW - 240_000 },
    ]),
    deadLetters: known([{ service: "payment", count: 2, oldest_seconds: 900 }]),
    pausedRuns: known([]),
    outboxes: someOutboxes(),
    roles: [
      role("orchestrator", {}),
      role("inventory", {}),
      role("payment", {
        is_ready: false,
        reasons: ["postgres: no answer within 1000 ms"],
        providers: PROVIDERS,
      }),
      role("notification", { reasons: ["redis: connect ECONNREFUSED 127.0.0.1:6379"] }),
      { name: "relay", reading: unknown("nothing answers at http://127.0.0.1:9100") },
    ],
    ...parts,
  };
}

function someOutboxes(): Snapshot["outboxes"] {
  return [
    { database: "saga", reading: known({ unpublished: 4, oldest_at: NOW - 40, retries: 0 }) },
    { database: "inventory", reading: known({ unpublished: 0, oldest_at: null, retries: 1 }) },
    { database: "payment", reading: unknown("nothing answers at 127.0.0.1:5432") },
    { database: "order", reading: known({ unpublished: 0, oldest_at: null, retries: 0 }) },
  ];
}

function anHour() {
  return {
    minutes: Array.from({ length: 60 }, (_, index) => ({
      at: Math.floor((NOW - HOUR_MS) / 60_000 + index + 1) * 60_000,
      started: 180 + Math.round(60 * Math.sin(index / 7)),
      completed: 160 + Math.round(55 * Math.sin(index / 7)) - (index === 59 ? 120 : 0),
      compensated: 14,
    })),
    p50_ms: 1_912,
    p99_ms: 2_844,
    completed: 9_871,
    compensated: 812,
  };
}

/** Nothing is going on, and all is well. */
export function quietSnapshot(): Snapshot {
  const busy = snapshotOf();
  return snapshotOf({
    sagas: known({
      in_progress: [],
      needing_operator: 0,
      cancellations_needing_operator: 0,
      window_seconds: 60,
      started: 0,
      ended: [],
      took_ms: null,
    }),
    flow: known([]),
    hour: known({ minutes: [], p50_ms: null, p99_ms: null, completed: 0, compensated: 0 }),
    money: known({ payments: [], refunds_pending: [], alerts: [] }),
    alerts: known([]),
    mails: known({ waiting: 0, oldest_at: null }),
    firing: known([]),
    deadLetters: known([]),
    outboxes: busy.outboxes.map(({ database }) => ({
      database,
      reading: known({ unpublished: 0, oldest_at: null, retries: 0 }),
    })),
    roles: [role("orchestrator", {})],
  });
}

function flow(message_type: string, from_status: string, to_status: string, step: string, count: number) {
  return { message_type, from_status, to_status, step, count };
}

function topic(name: string, lags: Readonly<Record<string, number>>) {
  const groups = Object.entries(lags).map(([group, lag]) => ({ group, lag }));
  return { topic: name, partitions: 16, messages: 1_000, end: 1_000, groups };
}

function role(name: string, parts: Partial<RoleState>) {
  const state = {
    is_ready: true,
    reasons: [],
    version: "0.1.0+1a2b3c4",
    started_at: NOW - 3 * HOUR_MS,
    cpu_seconds: 12,
    memory_bytes: 90_000_000,
    ...parts,
  };
  return { name, reading: known(state) };
}

export function sagaOf(number: number, parts: Partial<SagaSummary> = {}): SagaSummary {
  return {
    saga_id: sagaId(number),
    user_id: "019ace50-0000-7000-8000-00000000000a",
    status: "INVENTORY_RESERVED",
    table_version: 1,
    current_step: "charge",
    compensation_step: null,
    failure_code: null,
    failure_message: null,
    needs_operator: false,
    total_cents: 7_700,
    currency: "EUR",
    order_id: null,
    deadline_at: NOW + 27_000,
    created_at: NOW - 3_100,
    completed_at: null,
    ...parts,
  };
}

/** One mail was asked for, and none waits. */
export const MAILS: SagaMails = { asked: 1, last_asked_at: NOW - 29_000, waiting: [], missing: null };

/** A checkout whose card was refused after a retry. */
export function storyOf(parts: Partial<SagaStory> = {}): SagaStory {
  const start = NOW - 30_000;
  const saga = sagaOf(7, {
    status: "COMPENSATED",
    current_step: "charge",
    failure_code: "INSUFFICIENT_FUNDS",
    failure_message: "the bank refused: not enough money",
    created_at: start,
    completed_at: start + 4_300,
    deadline_at: null,
  });
  return {
    saga,
    trace_id: null,
    history: historyFrom(start),
    lines: [
      { sku_id: "mug-red", quantity: 2, unit_price_cents: 3_500, name: "Red mug <script>alert(1)</script>" },
      { sku_id: "spoon", quantity: 1, unit_price_cents: 700, name: null },
    ],
    reservation: [
      {
        reservation_id: sagaId(8),
        status: "RELEASED",
        sku_id: "mug-red",
        quantity: 2,
        reserved_at: start + 60,
        expires_at: start + 600_000,
      },
    ],
    money: [
      {
        kind: "payment",
        id: sagaId(9),
        status: "FAILED",
        amount_cents: 7_700,
        provider_id: null,
        error_code: "INSUFFICIENT_FUNDS",
        attempts: 2,
        created_at: start + 130,
        updated_at: start + 3_900,
      },
    ],
    alerts: [],
    orders: [],
    timeline: timelineFrom(start),
    missing: [],
    ...parts,
  };
}

function historyFrom(start: number) {
  return [
    line(1, start, "STARTED", "STARTED", "reserve", "StartSaga"),
    line(2, start + 120, "STARTED", "INVENTORY_RESERVED", "charge", "InventoryReserved"),
    line(3, start + 4_000, "INVENTORY_RESERVED", "COMPENSATING", "reserve", "PaymentFailed"),
    line(4, start + 4_300, "COMPENSATING", "COMPENSATED", "reserve", "InventoryReleased"),
  ];
}

function timelineFrom(start: number) {
  const event = (at: number, who: "saga" | "payment" | "inventory", what: string, failed = false) => ({
    id: `e-${at - start}`,
    at,
    who,
    kind: failed ? ("state" as const) : ("transition" as const),
    what,
    failed,
    detail: { email: "(masked)", text: "</pre><script>alert(1)</script>" },
  });
  return [
    event(start, "saga", "STARTED, reserve, by StartSaga"),
    event(start + 60, "inventory", "reserved 2 x mug-red"),
    event(start + 120, "saga", "STARTED -> INVENTORY_RESERVED, charge, by InventoryReserved"),
    event(start + 3_900, "payment", "payment is FAILED, INSUFFICIENT_FUNDS after 2 attempts", true),
    event(start + 4_300, "saga", "COMPENSATING -> COMPENSATED, reserve, by InventoryReleased"),
  ];
}

function line(
  history_id: number,
  at: number,
  from_status: string,
  to_status: string,
  step: string,
  message_type: string,
) {
  return { history_id, at, from_status, to_status, step, message_type, message_id: null, note: null };
}

/** A console whose databases are `sql`, or away. */
export function consoleOptions(parts: Partial<ConsoleOptions> = {}, sql: Sql = awaySql()): ConsoleOptions {
  const clock = parts.clock ?? { now: () => NOW };
  const databases = parts.databases ?? {
    saga: sql,
    inventory: sql,
    payment: sql,
    order: sql,
    notification: sql,
  };
  return {
    databases,
    orchestratorUrl: "http://127.0.0.1:9",
    bulk: {
      saga: databases.saga,
      databases: async () => databases,
      database: async (name) => databases[name],
      readDeadLetters: () => deadLettersOf([]),
      objection: () => null,
      clock,
      newId: () => Bun.randomUUIDv7(),
    },
    identify: async (token) => {
      const actor = TOKENS[token];
      return actor === undefined
        ? { refused: "its signature is wrong" }
        : { ...actor, token, expiresAt: NOW + HOUR_MS };
    },
    oidc: null,
    topics: topicsOf([]),
    sessions: new Sessions("a secret of sessions with more than thirty-two characters"),
    collector: new Collector({
      databases,
      roles: [],
      topics: async () => [],
      deadLetters: async () => [],
      firing: null,
      clock,
    }),
    traceUrlOf: (traceId) => `https://traces.example/${traceId}`,
    history: new History(),
    isReadOnly: false,
    addressOf: () => "192.0.2.7",
    stopping: new AbortController().signal,
    clock,
    newId: () => Bun.randomUUIDv7(),
    counts: {
      page: () => undefined,
      signIn: () => undefined,
      refused: () => undefined,
      streams: () => undefined,
    },
    onAct: () => undefined,
    onError: () => undefined,
    ...parts,
  };
}

/** A visit of `actor`, who has just signed in with a token. */
export async function signedInAs(
  actor: Actor,
  options: ConsoleOptions,
  request = new Request("http://localhost/x?y=1"),
): Promise<SignedIn> {
  const visit = await readVisit(request, {}, new URLSearchParams(), options);
  const session = {
    id: "1",
    actor,
    method: "token" as const,
    token: "x",
    startedAt: NOW,
    endsAt: NOW + HOUR_MS,
  };
  return { ...visit, actor, session, objection: objectionTo(actor, options.isReadOnly) };
}

/** Every topic has one partition with these messages, the first of them at offset `low`. */
export function topicsOf(values: readonly unknown[], low = 0): TopicAccess {
  return {
    readingOf: async () => readingOf(low, low + values.length),
    browser: new TopicBrowser({ open: async () => new FakeTopic([{ low, values }]) }),
  };
}

/** One partition that a member of `payment` reads, all but the last message. */
export function readingOf(first: number, end: number): TopicReading {
  const member = { id: "payment-1b2c", instance: "payment-a", host: "10.0.0.7" };
  const payment = { group: "payment", committed: end - 1, lag: 1, unmoved_since: NOW - 40_000, member };
  return {
    partitions: [{ partition: 0, first, end, groups: [payment] }],
    groups: [{ group: "payment", state: "Stable", unknown: null }],
  };
}

/** A topic with these. */
export async function* deadLettersOf(values: readonly unknown[]) {
  yield { values, undecodable: [] };
}

/** A database that refuses every statement, as one that is down does. */
function awaySql(): Sql {
  const error = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" });
  return sqlThat(() => {
    const refused = Promise.reject(error);
    // Of parts of other statements nobody hears.
    refused.catch(() => undefined);
    return refused;
  });
}

/** A database that answers every statement with this. */
export function sqlThat(answers: () => Promise<unknown>): Sql {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing but a call of it is used.
  return answers as unknown as Sql;
}
