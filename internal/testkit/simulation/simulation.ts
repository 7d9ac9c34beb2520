// The whole checkout in one process: the real intake, handlers, message processor, relay, sweepers and payment executor, on four
// real databases and the real provider simulator. An in-memory Kafka reorders, repeats and loses acknowledgements by a seed. At
// the end the auditor checks the result. The simulation controls the clock. Called by the tests beside it, plans/ and history/.
import type { ShipOrder } from "../../../schemas/http.ts";
import { DATABASES, type DatabaseName } from "../../../schemas/migrations.ts";
import { outboxRule } from "../../../schemas/outbox-rules.ts";
import type { MessageType } from "../../../schemas/registry.ts";
import type { ProviderLedgerEntry } from "../../../schemas/provider-ledger.ts";
import { type Topic, TOPICS } from "../../../schemas/topics.ts";
import { audit, type AuditReport } from "../../audit/audit.ts";
import { inMinorUnits } from "../../audit/provider-units.ts";
import type { AuditSources } from "../../audit/sources.ts";
import { sagaHandler } from "../../orchestrator/handler.ts";
import type { CancelOrderResult } from "../../orchestrator/cancel-order.ts";
import { rebuildSagas, type RebuildReport } from "../../orchestrator/rebuild-run.ts";
import type { Handler } from "../../messaging/handler.ts";
import { MessageProcessor } from "../../messaging/message-processor.ts";
import { Relay } from "../../messaging/relay.ts";
import { type OrderRebuildReport, rebuildOrders } from "../../operations/order-rebuild.ts";
import { ordersOfSagas } from "../../operations/order-store.ts";
import type { ChargeAtProvider } from "../../operations/payment-reopen.ts";
import { type PaymentRebuildReport, rebuildPayments } from "../../operations/payment-rebuild.ts";
import { rebuildStock, type StockRebuildReport } from "../../operations/stock-rebuild.ts";
import { examine, repair, type RepairContext, type Repaired } from "../../operations/repair.ts";
import type { PlannedRepair } from "../../operations/repair-plan.ts";
import { restoreOutbox } from "../../operations/restore-outbox.ts";
import { consumerMetrics, relayMetrics } from "../../messaging/telemetry.ts";
import { randomStream } from "../../paysim/random.ts";
import { inventoryHandler } from "../../services/inventory/handler.ts";
import { orderHandler } from "../../services/order/handler.ts";
import { recordShipment, type ShipmentResult } from "../../services/order/ship.ts";
import type { ShipmentRequest } from "../../services/order/shipment.ts";
import { paymentHandler } from "../../services/payment/handler.ts";
import { type Clone, cloneDatabase, type TestDatabase } from "../database.ts";
import { HOLD_MS, START, TestInventory } from "../inventory.ts";
import { POLICY, TestOrchestrator } from "../orchestrator.ts";
import { TestPayment } from "../payment.ts";
import { ignore, noLog, noMeter } from "../noop-telemetry.ts";
import { restoreBackup, takeBackup } from "../backup.ts";
import { Broker, type Group } from "./broker.ts";
import { between, chanceOf, pick } from "../../kernel/random.ts";
import { ForgetfulRedis } from "./forgetful-redis.ts";
import { SimulatedPayPal } from "./paypal.ts";
import { NOT_SERVED, PRICES, shopper, sureShopper } from "./shoppers.ts";

const STOCK = { tea: 40, cup: 25, pot: 500, sencha: 500, oud: 500, skyr: 500, gift: 20 };
const WAVES = 3;
const TURNS_PER_WAVE = 220;
/** How long a relay skips an event that Kafka refused while it took others. */
const RELAY_SKIPS_MS = 1_000;
const MINUTE_MS = 60_000;
/** Far more than the slowest checkout needs: a stored provider error is only believed after a day. */
const MAX_CALM_ROUNDS = 60;
const HOUR_MS = 60 * MINUTE_MS;
/** Of cards, the token says what goes wrong. */
const PAYPAL_FAULTS = {
  reply_lost_rate: 0.05,
  error_before_rate: 0.05,
  error_after_rate: 0.05,
  decline_rate: 0.05,
};

const ignoreAsync = () => Promise.resolve();

/** A completed checkout, and its order. */
interface SoldOrder {
  readonly saga_id: string;
  readonly order_id: string;
}

/** One consumer of the simulation: its message processor and its consumer group. */
interface Service {
  readonly group: Group;
  readonly turn: () => Promise<unknown>;
}

export class Simulation implements AsyncDisposable {
  readonly #random: () => number;
  readonly broker: Broker;
  readonly #redis: ForgetfulRedis;
  readonly #orchestrator: TestOrchestrator;
  readonly #inventory: TestInventory;
  readonly #payment: TestPayment;
  readonly #payPal: SimulatedPayPal;
  readonly #order: TestDatabase;
  readonly #services: readonly Service[];
  readonly #relays: readonly Relay[];
  /** Whether banks may ask shoppers. If so, a checkout may end in a later wave. */
  mayBePresent = true;
  /** Whether half of the shoppers pay with PayPal. */
  mayPayWithPayPal = false;
  /** Whether a shopper who has no time at the bank asks for more. */
  mayAskForTime = false;
  #now = START;

  private constructor(
    seed: number,
    orchestrator: TestOrchestrator,
    inventory: TestInventory,
    payment: TestPayment,
    order: TestDatabase,
  ) {
    this.#random = randomStream(seed, "shop");
    this.broker = new Broker(randomStream(seed, "broker"));
    this.#redis = new ForgetfulRedis(randomStream(seed, "redis"));
    this.#orchestrator = orchestrator;
    this.#inventory = inventory;
    this.#payment = payment;
    this.#payPal = new SimulatedPayPal(payment);
    this.#order = order;
    this.#passTime(0);
    const { observer } = orchestrator;
    const onCommitted = ignore;
    const shipping = { policy: { blockedCountries: new Set([NOT_SERVED]) }, alert: ignore };
    this.#services = [
      this.#service(orchestrator.database, sagaHandler(POLICY, observer)),
      this.#service(inventory.database, inventoryHandler({ policy: { holdMs: HOLD_MS }, onCommitted })),
      this.#service(payment.database, paymentHandler({ serves: () => true, wakeExecutor: ignore })),
      this.#service(order, orderHandler(shipping)),
    ];
    this.#relays = DATABASES.map(
      (databaseName) =>
        new Relay({
          database: this.databases[databaseName].postgres,
          databaseName,
          rule: outboxRule(databaseName),
          producer: this.broker.producer,
          clock: { now: () => this.#now },
          metrics: relayMetrics(noMeter),
          log: noLog,
        }),
    );
  }

  static async open(seed: number, clone: Clone = cloneDatabase): Promise<Simulation> {
    const [orchestrator, inventory, payment, order] = await Promise.all([
      TestOrchestrator.open(clone),
      TestInventory.open(STOCK, PRICES, clone),
      TestPayment.open(clone),
      clone("order"),
    ]);
    return new Simulation(seed, orchestrator, inventory, payment, order);
  }

  /**
   * Starts checkouts in waves and runs everything else in between, in an order that depends on the seed. Calls `inTheMiddle` in the
   * middle of the second wave.
   */
  async trade(checkoutsPerWave: number, inTheMiddle: () => Promise<void> = ignoreAsync): Promise<void> {
    for (let wave = 0; wave < WAVES; wave += 1) {
      await this.wave(checkoutsPerWave, TURNS_PER_WAVE / 2);
      if (wave === 1) await inTheMiddle();
      await this.wave(0, TURNS_PER_WAVE / 2);
      // A long stop of all services: holds expire and deadlines pass in the middle of everything.
      if (wave === 0) this.#passTime(HOLD_MS);
    }
  }

  /** From now on this provider, and only this one, fails every request for money; null: none does. */
  async fail(provider: "stripe" | "paypal" | null): Promise<void> {
    const faults = (name: string) => (name === provider ? { error_before_rate: 1 } : {});
    this.#payPal.simulator.setFaults({ ...PAYPAL_FAULTS, ...faults("paypal") });
    await this.#payment.simulator.setFaults(faults("stripe"));
  }

  /** Starts one wave of checkouts and takes `turns` random steps. */
  async wave(checkouts: number, turns = TURNS_PER_WAVE): Promise<void> {
    await this.#checkIn(checkouts);
    for (let turn = 0; turn < turns; turn += 1) await this.#anything();
  }

  /** Starts checkouts that only faults could stop, and completes them without faults. Returns their orders. */
  async sell(count: number): Promise<readonly SoldOrder[]> {
    await using intake = this.#orchestrator.intake();
    const seal = (token: string) => this.#payment.seal(token);
    const requests = await Promise.all(Array.from({ length: count }, () => sureShopper(seal)));
    const started = await Promise.all(requests.map((request) => intake.start(request)));
    this.broker.isCalm = true;
    await this.drain();
    this.broker.isCalm = false;
    const ids = new Set(started.map(({ saga_id }) => saga_id));
    return (await this.completed()).filter(({ saga_id }) => ids.has(saga_id));
  }

  /** Lets everything finish: stops the faults and passes as much time as needed. */
  async settle(): Promise<void> {
    this.broker.isCalm = true;
    for (let round = 0; round < MAX_CALM_ROUNDS; round += 1) {
      await this.drain();
      const { sql } = this.#orchestrator.database;
      const open = await sql`
        (select from saga_state where completed_at is null limit 1)
         union all (select from order_cancellations where completed_at is null limit 1)`;
      const unpublished = await this.#unpublished();
      // After a restore, payments of finished sagas may still be open.
      const unsettled = await this.databases.payment.sql`
        select from payments where status in ('PENDING', 'UNKNOWN', 'CAPTURE_PENDING', 'VOID_PENDING', 'REFUND_PENDING') limit 1`;
      if (open.length + unsettled.length + unpublished === 0) return;
      this.#passTime(round < MAX_CALM_ROUNDS / 2 ? MINUTE_MS : HOUR_MS);
    }
  }

  /** Gives every part a turn until no message is left to send or to deliver. Passes only the time for which a relay skips what Kafka refused. */
  async drain(): Promise<void> {
    for (;;) {
      for (const turn of this.#everything()) await turn();
      if (this.#services.some(({ group }) => !group.isIdle)) continue;
      if ((await this.#unpublished()) === 0) return;
      this.#passTime(RELAY_SKIPS_MS);
    }
  }

  /** Completed checkouts with their orders, oldest first. */
  async completed(): Promise<readonly SoldOrder[]> {
    return this.#orchestrator.database.sql<SoldOrder[]>`
      select saga_id, order_id from saga_state where status = 'COMPLETED' order by saga_id`;
  }

  /** Cancels a bought order, and then the saga database is that of before the cancellation. Returns the order. */
  async loseCancellation(): Promise<SoldOrder> {
    const [bought] = await this.completed();
    if (bought === undefined) throw new Error("nothing was bought");
    await this.backup("saga");
    await this.cancelOrder(bought.saga_id, bought.order_id);
    await this.settle();
    await this.restore("saga");
    return bought;
  }

  /** Same as `checkoutctl order cancel`, without its look at the order. */
  cancelOrder(sagaId: string, order_id: string): Promise<CancelOrderResult> {
    return this.#orchestrator.cancelOrder(sagaId, { order_id, actor: "ada", reason: "the shopper called" });
  }

  /** Same as `checkoutctl order ship`. */
  shipOrder(orderId: string, parcel: Omit<ShipOrder, "actor" | "reason"> = {}) {
    return this.#record(orderId, { kind: "ship", actor: "ada", reason: "packed", ...parcel });
  }

  /** Same as `checkoutctl order deliver`. */
  deliverOrder(orderId: string) {
    return this.#record(orderId, { kind: "deliver", actor: "ada", reason: "signed for" });
  }

  #record(orderId: string, request: ShipmentRequest): Promise<ShipmentResult | null> {
    const clock = { now: () => this.#now };
    const options = { database: this.#order.postgres, clock, newId: () => Bun.randomUUIDv7(), log: noLog };
    return recordShipment(options, orderId, request);
  }

  backup(database: DatabaseName): Promise<void> {
    return takeBackup(this.databases[database].sql);
  }

  /** Restores only this database to its backup. */
  restore(database: DatabaseName): Promise<void> {
    return restoreBackup(this.databases[database].sql);
  }

  /** Same as `checkoutctl saga rebuild`. `forgotten`: messages that Kafka has deleted by now, by topic how many. */
  rebuildSagas(forgotten: ReadonlyMap<Topic, number> = new Map()): Promise<RebuildReport> {
    const { saga, order } = this.databases;
    return rebuildSagas({
      database: saga.postgres,
      readTopic: (topic) => [
        {
          values: this.broker.read(topic).slice(forgotten.get(topic) ?? 0),
          raw: () => ({ timestampMs: Date.now() }),
        },
      ],
      ordersOf: (sagaIds) => ordersOfSagas(order.sql, sagaIds),
      clock: { now: () => this.#now },
      newId: () => Bun.randomUUIDv7(),
      policy: POLICY,
      actor: "ada",
      reason: "restored from a backup",
      dryRun: false,
    });
  }

  /** Expires all holds. */
  async sweepStock(): Promise<void> {
    this.#passTime(HOLD_MS);
    while ((await this.#inventory.sweep()).processed > 0);
  }

  /** Same as `checkoutctl payments rebuild`. */
  rebuildPayments(): Promise<PaymentRebuildReport> {
    const { saga, payment } = this.databases;
    const { name: provider } = this.#payment.provider;
    const who = { actor: "ada", reason: "restored from a backup" };
    const times = { since: 0, now: this.#now, newId: () => Bun.randomUUIDv7() };
    return rebuildPayments({ saga: saga.sql, payment: payment.sql, provider, ...times, ...who });
  }

  /** Same as `checkoutctl order rebuild`. */
  rebuildOrders(dryRun = false): Promise<OrderRebuildReport> {
    const { saga, order } = this.databases;
    const who = { actor: "ada", reason: "restored from a backup" };
    const times = { since: 0, now: this.#now, newId: () => Bun.randomUUIDv7() };
    return rebuildOrders({ saga: saga.sql, order: order.sql, ...times, ...who, dryRun });
  }

  /** Same as `checkoutctl catalogue rebuild`. */
  rebuildStock(): Promise<StockRebuildReport> {
    const { saga, inventory } = this.databases;
    const who = { actor: "ada", reason: "restored from a backup" };
    const times = { since: 0, now: this.#now, newId: () => Bun.randomUUIDv7() };
    return rebuildStock({ saga: saga.sql, inventory: inventory.sql, ...times, ...who });
  }

  /** Same as `checkoutctl outbox restore`, then `rebuild`, then `outbox republish --database saga` of everything. */
  async sayAgainTo(database: DatabaseName, rebuild: () => Promise<unknown> = ignoreAsync): Promise<void> {
    const { saga, ...others } = this.databases;
    const { sql: outbox } = { saga, ...others }[database];
    await restoreOutbox({
      database,
      outbox,
      trail: saga.sql,
      readTopic: (topic) => [{ values: this.broker.read(topic), raw: () => ({ timestampMs: Date.now() }) }],
      clock: { now: () => this.#now },
      newId: () => Bun.randomUUIDv7(),
      actor: "ada",
      reason: "restored from a backup",
      dryRun: false,
    });
    await rebuild();
    // Without order, an undo could overtake its command and leave a tombstone where an order was.
    this.broker.keepsOrder = true;
    await saga.sql`update outbox set published = false, published_at = null where published`;
  }

  /** Same as `checkoutctl repair`: what it planned, and what it did. Interrupted, it throws when it has written an outbox back. */
  async repair({ isInterrupted = false } = {}): Promise<{
    readonly planned: readonly PlannedRepair[];
    readonly done: readonly Repaired[];
  }> {
    const context = this.#repairing;
    const found = await examine(context, null);
    // Without order, an undo could overtake its command and leave a tombstone where an order was.
    this.broker.keepsOrder = true;
    let hasWritten = false;
    const readTopic = (topic: Topic) => {
      // The last topic of the restore of an outbox.
      if (topic === TOPICS.deadLetters) hasWritten = isInterrupted;
      return context.readTopic(topic);
    };
    const newId = () => {
      if (hasWritten) throw new Error("interrupted");
      return context.newId();
    };
    const who = { actor: "ada", reason: "the standby was behind" };
    const done = await repair({ ...context, readTopic, newId }, found, who);
    return { planned: found.plan.databases, done };
  }

  get #repairing(): RepairContext {
    const { saga, inventory, payment, order } = this.databases;
    const place = (offset: number) => ({ partition: 0, offset, timestampMs: Date.now() });
    return {
      databases: { saga: saga.sql, inventory: inventory.sql, payment: payment.sql, order: order.sql },
      readTopic: (topic) => [{ values: this.broker.read(topic), raw: place }],
      settle: ignoreAsync,
      rebuildSagas: () => this.rebuildSagas(),
      providers: () =>
        Promise.resolve([
          {
            name: this.#payment.provider.name,
            chargesSince: () => [chargesIn(this.#payment.simulator.entries())],
            lookUp: () => Promise.resolve(null),
            lagMs: 0,
          },
        ]),
      provider: this.#payment.provider.name,
      clock: { now: () => this.#now },
      newId: () => Bun.randomUUIDv7(),
    };
  }

  /** Audits the system as idle. */
  audit(): Promise<AuditReport> {
    const { saga, inventory, payment, order } = this.databases;
    const sources: AuditSources = {
      databases: { saga: saga.sql, inventory: inventory.sql, payment: payment.sql, order: order.sql },
      ledger: () => this.#ledger(),
      readTopic: (topic) => [
        {
          values: this.broker.read(topic),
          undecodable: [],
          raw: (offset) => ({ partition: 0, offset, value: null }),
        },
      ],
    };
    return audit(sources, { settleMs: 0, idleWithinMs: 0 });
  }

  async *#ledger(): AsyncGenerator<ProviderLedgerEntry> {
    yield* this.#payment.simulator.entries();
    yield* this.#payPal.entries();
  }

  /** How each saga ended (COMPLETED or the failure code), provider and table of the completed ones, and the number of distinct mails. */
  async ends(): Promise<{
    readonly ends: readonly string[];
    /** For example `stripe 1`. */
    readonly completedOn: ReadonlySet<string>;
    readonly mails: number;
  }> {
    const rows = await this.#orchestrator.database.sql<
      { end: string; table_version: number; provider: string | null }[]
    >`
      select coalesce(failure_code, status) as end, table_version, provider from saga_state`;
    const mails = new Set(this.broker.entries(TOPICS.notifications).map(({ body }) => body));
    const completed = rows.filter(({ end }) => end === "COMPLETED");
    return {
      ends: rows.map(({ end }) => end),
      completedOn: new Set(
        completed.map(({ table_version, provider }) => `${provider ?? "stripe"} ${table_version}`),
      ),
      mails: mails.size,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orchestrator[Symbol.asyncDispose]();
    await this.#inventory[Symbol.asyncDispose]();
    await this.#payment[Symbol.asyncDispose]();
    await this.#payPal[Symbol.asyncDispose]();
    await this.#order[Symbol.asyncDispose]();
  }

  /** Epoch ms; the shared clock. */
  get now(): number {
    return this.#now;
  }

  get databases(): Readonly<Record<DatabaseName, TestDatabase>> {
    return {
      saga: this.#orchestrator.database,
      inventory: this.#inventory.database,
      payment: this.#payment.database,
      order: this.#order,
    };
  }

  #service<Type extends MessageType, Rows>(database: TestDatabase, handler: Handler<Type, Rows>): Service {
    const group = this.broker.group(handler.topics, handler.types);
    const processor = new MessageProcessor({
      handler,
      database: database.postgres,
      consumer: group,
      keyValue: this.#redis,
      clock: { now: () => this.#now },
      newId: () => Bun.randomUUIDv7(),
      random: this.#random,
      metrics: consumerMetrics(noMeter),
      log: noLog,
    });
    const { signal } = new AbortController();
    return { group, turn: () => processor.runOnce(signal) };
  }

  async #checkIn(count: number): Promise<void> {
    // As before and after a setting is changed: the sagas of some checkouts charge at once, those of others hold the money first.
    await using charging = this.#orchestrator.intake();
    await using holding = this.#orchestrator.intake({
      policy: {
        ...POLICY,
        authorizeFirst: new Set([this.#payment.provider.name, this.#payPal.provider.name]),
      },
    });
    const requests = await Promise.all(
      Array.from({ length: count }, () =>
        shopper(this.#random, (token) => this.#payment.seal(token), {
          mayBePresent: this.mayBePresent,
          mayPayWithPayPal: this.mayPayWithPayPal,
        }),
      ),
    );
    await Promise.all(
      requests.map((request) => (chanceOf(this.#random, 0.5) ? holding : charging).start(request)),
    );
  }

  /** Relay errors are ignored: produce failures are part of the simulation, and the relay retries. */
  #everything(): readonly (() => Promise<unknown>)[] {
    return [
      ...this.#relays.map((relay) => () => relay.runOnce().catch(ignore)),
      ...this.#services.map(({ turn }) => turn),
      () => this.#payment.round(),
      ...(this.mayPayWithPayPal ? [() => this.#payPal.round()] : []),
      () => this.#goToTheBank(),
      () => this.#inventory.sweep(),
      () => this.#orchestrator.sweep(),
      () => this.#orchestrator.sweepCancellations(),
    ];
  }

  async #anything(): Promise<void> {
    await pick(this.#random, this.#everything())();
    if (chanceOf(this.#random, 0.03)) this.#passTime(between(this.#random, 1, 6) * 1_000);
    if (chanceOf(this.#random, 0.05)) this.#redis.flush();
  }

  /** One shopper whose bank asks for them confirms, refuses, does both, or has no time now. */
  async #goToTheBank(): Promise<void> {
    const waiting = await this.databases.payment.sql<
      { saga_id: string; action_txn_id: string; provider: string }[]
    >`
      select saga_id, action_txn_id, provider from payments where status = 'UNKNOWN' and action_txn_id is not null order by saga_id`;
    if (waiting.length === 0) return;
    const { saga_id, action_txn_id, provider } = pick(this.#random, waiting);
    if (provider === this.#payPal.provider.name) return this.#payPal.visit(action_txn_id, this.#random);
    const answers = pick(this.#random, [["confirm"], ["confirm"], ["refuse"], ["refuse", "confirm"], []]);
    if (this.mayAskForTime && answers.length === 0) {
      const { user_id } = await this.#orchestrator.saga(saga_id);
      await this.#orchestrator.extendAction(saga_id, { user_id });
    }
    const action = await this.#payment.provider.actionOf(action_txn_id);
    if (action.kind !== "redirect") return;
    const client_secret = new URL(action.url).searchParams.get("client_secret") ?? "";
    for (const answer of answers) {
      const body = new URLSearchParams({ client_secret, answer });
      await fetch(action.url, { method: "POST", body, redirect: "manual" });
    }
  }

  #passTime(ms: number): void {
    this.#now += ms;
    this.#orchestrator.now = this.#now;
    this.#inventory.now = this.#now;
    this.#payment.simulator.nowMs = this.#now;
    this.#payPal.simulator.nowMs = this.#now;
  }

  async #unpublished(): Promise<number> {
    const counts = await Promise.all(
      Object.values(this.databases).map(
        async ({ sql }) => (await sql`select from outbox where not published`).length,
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

/** The provider's list, from its ledger: the newest entry of a charge says what became of its money. */
function chargesIn(entries: readonly ProviderLedgerEntry[]): readonly ChargeAtProvider[] {
  const charges = new Map<string, ChargeAtProvider>();
  for (const entry of entries) {
    if (entry.kind === "cancel") {
      const ended = charges.get(entry.payment_intent);
      if (ended?.money === "held") charges.set(entry.payment_intent, { ...ended, money: "none" });
    }
    if (entry.kind !== "charge" && entry.kind !== "hold") continue;
    const { payment_intent: provider_txn_id, saga_id, currency } = entry;
    const amount_cents = inMinorUnits(entry.amount_cents, currency);
    const money = entry.kind === "hold" ? "held" : "taken";
    charges.set(provider_txn_id, { provider_txn_id, saga_id, amount_cents, currency, money });
  }
  return [...charges.values()];
}
