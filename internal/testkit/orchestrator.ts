// The orchestrator on a real database without Kafka: checkouts go in through the intake, events through the inbox transaction, and
// messages are read from the outbox. For the tests of internal/orchestrator and internal/gateway.
import type { Event } from "../../schemas/events.ts";
import type { CancelOrderRequest, CancelSaga, ExtendAction, StartSaga } from "../../schemas/http.ts";
import type { Message, MessageType } from "../../schemas/registry.ts";
import type { Clock, RunResult } from "../kernel/ports.ts";
import { cancelOrder } from "../orchestrator/cancel-order.ts";
import { HistoryWatch } from "../orchestrator/history-watch.ts";
import { KeyLookup } from "../orchestrator/key-lookup.ts";
import { StatusWatch } from "../orchestrator/status-watch.ts";
import { cancelSaga } from "../orchestrator/cancel.ts";
import { sagaHandler } from "../orchestrator/handler.ts";
import { Intake, type IntakeOptions } from "../orchestrator/intake.ts";
import { extendAction } from "../orchestrator/more-time.ts";
import type { OrderCancellation } from "../orchestrator/order-cancellation.ts";
import { sweepCancellations } from "../orchestrator/order-cancellation-timers.ts";
import type { SagaPolicy } from "../orchestrator/saga.ts";
import type { SagaObserver } from "../orchestrator/saga-batch.ts";
import type { Saga } from "../orchestrator/state.ts";
import { lockSagas } from "../orchestrator/store.ts";
import { sweepDeadlines } from "../orchestrator/timers.ts";
import type { ActedBy } from "../messaging/operator-action-store.ts";
import { applyFree, applyOnce } from "../messaging/inbox-transaction.ts";
import type { Database } from "../messaging/database.ts";
import { type Clone, cloneDatabase, type TestDatabase } from "./database.ts";
import { eventOf } from "./events.ts";
import { accessTo } from "./callers.ts";

export const START = Date.parse("2026-11-23T12:00:00.000Z");
/** The provider whose sagas authorize first. */
export const HOLDING_PROVIDER = "holding";
export const POLICY: SagaPolicy = {
  forwardDeadlineMs: 30_000,
  // More time is as long again, and does not reach the longest wait.
  actionDeadlineMs: 240_000,
  resendFirstMs: 10_000,
  resendCapMs: 60_000,
  resendsBeforeOperator: 3,
  authorizeFirst: new Set([HOLDING_PROVIDER]),
};

/** The replies that take a new saga to COMPLETED, in order. */
export const COMPLETING = [
  "InventoryReserved",
  "PaymentSucceeded",
  "ReservationConfirmed",
  "OrderCreated",
] as const;

/** The same for a saga of table 2: of a checkout with HOLDING_PROVIDER. */
export const COMPLETING_HELD = [
  "InventoryReserved",
  "PaymentAuthorized",
  "ReservationConfirmed",
  "PaymentSucceeded",
  "OrderCreated",
] as const;

/** A checkout of two teas by a new shopper with a new client key. */
export function checkout(overrides: Partial<StartSaga> = {}): StartSaga {
  return {
    user_id: Bun.randomUUIDv7(),
    email: "ada@example.com",
    items: [{ sku_id: "tea", quantity: 2 }],
    currency: "EUR",
    shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000", country: "DE" },
    payment_method: "sealed",
    client_key: crypto.randomUUID(),
    body_hash: "0".repeat(64),
    ...overrides,
  };
}

export interface HistoryRow {
  readonly from_status: string;
  readonly to_status: string;
  readonly step: string;
  readonly message_type: string;
  readonly note: string | null;
}

export class TestOrchestrator implements AsyncDisposable {
  readonly database: TestDatabase;
  /** Epoch ms; the orchestrator's clock. */
  now = START;
  /** The observer's calls, in order. */
  readonly verdicts: string[] = [];
  readonly unknown: Event[] = [];
  readonly changed: Saga[] = [];
  readonly logged: object[] = [];
  readonly observer: SagaObserver = {
    decided: (input, { verdict }) => void this.verdicts.push(`${input.type} ${verdict.kind}`),
    unknown: (event) => void this.unknown.push(event),
    changed: (sagas) => void this.changed.push(...sagas),
  };

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  static async open(clone: Clone = cloneDatabase): Promise<TestOrchestrator> {
    return new TestOrchestrator(await clone("saga"));
  }

  /** Creates an intake; dispose of it. */
  intake(
    overrides: Partial<
      Pick<IntakeOptions, "database" | "lingerMs" | "onStarted" | "admission" | "policy">
    > = {},
  ) {
    const alwaysOpen = { rejection: () => null, taken: () => undefined };
    return new Intake({
      ...this.#shared,
      database: this.database.postgres,
      lingerMs: 1,
      onStarted: () => undefined,
      admission: alwaysOpen,
      ...overrides,
    });
  }

  /** Starts a saga and returns its id. */
  async start(overrides: Partial<StartSaga> = {}): Promise<string> {
    await using intake = this.intake();
    return (await intake.start(checkout(overrides))).saga_id;
  }

  /** Handles the events as one batch and returns the ids of those that had an effect. */
  handle(...events: readonly Event[]): Promise<ReadonlySet<string>> {
    return applyOnce(this.#effect, deliveriesOf(events));
  }

  /** The same, but skips events whose saga is locked. */
  handleFree(...events: readonly Event[]) {
    return applyFree(this.#effect, deliveriesOf(events));
  }

  get #effect() {
    return { ...this.#shared, handler: sagaHandler(POLICY, this.observer), random: Math.random };
  }

  /** Its log is in `logged`. */
  cancel(sagaId: string, request: CancelSaga & ActedBy) {
    const note = (fields: object) => void this.logged.push(fields);
    const log = { info: note, warn: note, error: note };
    return cancelSaga({ ...this.#shared, observer: this.observer, log }, sagaId, request);
  }

  /** What its HTTP API needs beside an intake. Dispose of the two watches while calls wait. */
  apiParts(database: Database = this.database.postgres) {
    return {
      access: accessTo("orchestrator"),
      watch: new StatusWatch(database.sql),
      history: new HistoryWatch(database.sql),
      keys: new KeyLookup(database.sql),
      cancel: (sagaId: string, request: CancelSaga & ActedBy) => this.cancel(sagaId, request),
      cancelOrder: (sagaId: string, request: CancelOrderRequest & ActedBy) =>
        this.cancelOrder(sagaId, request),
      extendAction: (sagaId: string, request: ExtendAction) => this.extendAction(sagaId, request),
      faultOf: database.faultOf.bind(database),
    };
  }

  cancelOrder(sagaId: string, request: CancelOrderRequest & ActedBy) {
    return cancelOrder({ ...this.#shared, log: { info: () => undefined } }, sagaId, request);
  }

  /** `clock`: of a second host. */
  extendAction(sagaId: string, request: ExtendAction, clock: Clock = this.#shared.clock) {
    return extendAction({ ...this.#shared, observer: this.observer, clock }, sagaId, request);
  }

  sweepCancellations(onOverdue: (cancellation: OrderCancellation) => void = () => undefined) {
    return sweepCancellations({ ...this.#shared, onOverdue });
  }

  /** Handles the replies that take a new saga to COMPLETED, one by one. */
  async complete(sagaId: string, orderId: string = Bun.randomUUIDv7()): Promise<void> {
    for (const type of COMPLETING) {
      const event = eventOf(type, sagaId);
      await this.handle(event.type === "OrderCreated" ? { ...event, order_id: orderId } : event);
    }
  }

  sweep(limit?: number, compared?: () => string | null): Promise<RunResult> {
    return sweepDeadlines({
      ...this.#shared,
      observer: this.observer,
      ...(compared === undefined ? {} : { compared }),
      ...(limit === undefined ? {} : { limit }),
    });
  }

  /** The saga as the store reads it. */
  async saga(sagaId: string): Promise<Saga> {
    const [saga] = await this.database.postgres.transaction(async ({ tx, send, finish }) => {
      const [sagas] = await send([lockSagas(tx, [sagaId])]);
      await finish([]);
      return sagas;
    });
    if (saga === undefined) throw new Error(`no saga ${sagaId}`);
    return saga;
  }

  /** The messages in the outbox, oldest first; of one saga, or of all. */
  async messages(sagaId?: string): Promise<readonly Message[]> {
    const rows = await this.database.sql<{ payload: Message }[]>`
      select payload from outbox where partition_key = coalesce(${sagaId ?? null}, partition_key) order by event_id`;
    return rows.map(({ payload }) => payload);
  }

  async messageTypes(sagaId?: string): Promise<readonly MessageType[]> {
    return (await this.messages(sagaId)).map(({ type }) => type);
  }

  async history(sagaId: string): Promise<readonly HistoryRow[]> {
    return this.database.sql<HistoryRow[]>`
      select from_status, to_status, step, message_type, note
        from saga_history where saga_id = ${sagaId} order by history_id`;
  }

  async count(): Promise<number | undefined> {
    const rows = await this.database.sql<{ count: number }[]>`select count(*) from saga_state`;
    return rows[0]?.count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }

  get #shared() {
    return {
      database: this.database.postgres,
      clock: { now: () => this.now },
      newId: () => Bun.randomUUIDv7(),
      policy: POLICY,
    };
  }
}

function deliveriesOf(events: readonly Event[]) {
  return events.map((message) => ({ message, value: message, raw: noRawMessage }));
}

function noRawMessage(): never {
  throw new Error("a test's message has no raw Kafka record");
}
