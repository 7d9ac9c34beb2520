// The payment service on a real database with the real provider simulator over HTTP, without Kafka: commands go in through the
// inbox transaction, events are read from the outbox. The test controls the clock; only the provider timeouts are real. The
// webhook endpoint has its own port, and the simulator sends events to it if a test asks for that.
import type { PaymentCommand } from "../../schemas/commands.ts";
import type { Message, MessageType } from "../../schemas/registry.ts";
import type { RawMessage } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { applyFree, applyOnce } from "../messaging/inbox-transaction.ts";
import type { Log } from "../kernel/telemetry.ts";
import { TestProvider } from "../paysim/test-provider.ts";
import { signatureOf } from "../paysim/webhooks.ts";
import { createOpener, createSealer, generateSealingKeys } from "../platform/seal.ts";
import { type HttpServer, serveHttp } from "../platform/serve-http.ts";
import type { Attempt } from "../services/payment/attempts/attempt.ts";
import { type AttemptContext, claimDue } from "../services/payment/attempts/attempt-transactions.ts";
import { DEFAULT_POLICY, type PaymentPolicy } from "../services/payment/attempts/attempts.ts";
import { Executor, type ExecutorOptions } from "../services/payment/attempts/executor.ts";
import { paymentHandler, type PaymentHandlerOptions } from "../services/payment/handler.ts";
import { WebhookIntake } from "../services/payment/webhooks/webhook-intake.ts";
import type { PaymentStatus } from "../services/payment/payment.ts";
import { ChargeHold } from "../services/payment/providers/charge-hold.ts";
import { Pace } from "../services/payment/providers/pace.ts";
import { WatchedProvider } from "../services/payment/providers/watched-provider.ts";
import type { PaymentProvider } from "../services/payment/providers/provider.ts";
import { stripeWebhooks } from "../services/payment/providers/stripe/stripe-events.ts";
import { StripeLedger } from "../services/payment/providers/stripe/stripe-ledger.ts";
import { StripeProvider } from "../services/payment/providers/stripe/stripe.ts";
import type { DifferenceKind } from "../services/payment/difference.ts";
import { Reconciler, type ReconcilerOptions } from "../services/payment/reconciliation/reconciler.ts";
import { shopperApi } from "../services/payment/shopper/shopper-http.ts";
import { paymentMetrics, holdMessage, logRefusal } from "../services/payment/telemetry.ts";
import { webhookPath, webhookApi } from "../services/payment/webhooks/webhook-http.ts";
import type { WebhookContext } from "../services/payment/webhooks/webhook.ts";
import { accessTo } from "./callers.ts";
import { authorizePayment, chargePayment } from "./commands.ts";
import { type Clone, cloneDatabase, type TestDatabase } from "./database.ts";
import { checkedMeter, ignore, noMeter } from "./noop-telemetry.ts";

export const MARK = "checkout";
const PROVIDER = "stripe";

/** Long, so that a slow reply on a busy machine never counts as a timeout. */
const PROVIDER_TIMEOUT_MS = 5_000;
/** For requests whose reply does not come. The simulator holds those for twice as long. */
export const SHORT_TIMEOUT_MS = 1_000;
/** Maximum concurrent requests of one executor. */
export const CONCURRENCY = 16;
const WEBHOOK_SECRET = "whsec_of_the_tests";
const API_KEY = "sk_test_simulator";
/** Only in answers: nothing calls it. */
export const SHOP_URL = new URL("http://shop.test");

const keys = await generateSealingKeys();
const [seal, open] = [await createSealer(keys.publicJwk), await createOpener(keys.privateJwk)];

export interface AlertRow {
  readonly kind: DifferenceKind;
  readonly subject: string;
  readonly saga_id: string | null;
  readonly detail: string;
  readonly close_note: string | null;
}

export class TestPayment implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly simulator: TestProvider;
  readonly #webhooks: HttpServer;
  /** Waits so long for a reply. */
  readonly #providerWith: (timeoutMs: number) => PaymentProvider;
  readonly policy: PaymentPolicy = DEFAULT_POLICY;
  /** Shared by all executors of the test, as if they were one process. */
  readonly pace = new Pace();
  readonly hold = new ChargeHold((isHeld) => this.#log.error({}, holdMessage(isHeld)));
  provider: PaymentProvider;
  /** The logged errors. */
  readonly errors: string[] = [];
  readonly errorFields: unknown[] = [];
  /** The executor's counter increments. */
  readonly counts: object[] = [];
  readonly warnings: string[] = [];

  private constructor(database: TestDatabase, hearsEvents: boolean) {
    this.database = database;
    this.#webhooks = this.serveWebhooks(database.postgres);
    const target = { url: this.webhookUrl(), secret: WEBHOOK_SECRET };
    this.simulator = new TestProvider(hearsEvents ? target : undefined);
    const account = { apiKey: API_KEY, mark: MARK, baseUrl: new URL(this.simulator.url) };
    this.#providerWith = (timeoutMs) =>
      new WatchedProvider(new StripeProvider({ ...account, timeoutMs, shopUrl: SHOP_URL }), {
        pace: this.pace,
        hold: this.hold,
        onRefused: logRefusal(this.#log),
      });
    this.provider = this.#providerWith(PROVIDER_TIMEOUT_MS);
  }

  static open(clone: Clone = cloneDatabase): Promise<TestPayment> {
    return TestPayment.#open(false, clone);
  }

  /** The simulator sends its events to the webhook endpoint without delay. */
  static openHearing(): Promise<TestPayment> {
    return TestPayment.#open(true, cloneDatabase);
  }

  static async #open(hearsEvents: boolean, clone: Clone): Promise<TestPayment> {
    const payment = new TestPayment(await clone("payment"), hearsEvents);
    await payment.simulator.setFaults({ hold_ms: 2 * PROVIDER_TIMEOUT_MS, webhook_delay_ms: 0 });
    return payment;
  }

  /**
   * During `work` the service waits SHORT_TIMEOUT_MS for a reply. Only for requests whose reply does not come: any other has more time, also
   * on a busy machine. Ends all other faults of the simulator.
   */
  async impatiently<T>(work: () => Promise<T>): Promise<T> {
    await this.simulator.setFaults({ hold_ms: 2 * SHORT_TIMEOUT_MS, webhook_delay_ms: 0 });
    const patient = this.provider;
    this.provider = this.#providerWith(SHORT_TIMEOUT_MS);
    try {
      return await work();
    } finally {
      this.provider = patient;
    }
  }

  /** Epoch ms; shared by service and provider. */
  get now(): number {
    return this.simulator.nowMs;
  }

  advance(ms: number): void {
    this.simulator.nowMs += ms;
  }

  /** Handles the commands as one batch and returns the ids of those that had an effect. */
  handle(...commands: readonly PaymentCommand[]): Promise<ReadonlySet<string>> {
    return applyOnce(this.#effect(), deliveriesOf(commands));
  }

  /** The same, in a process with this `executor`. */
  handleIn(executor: Pick<Executor, "claimNew" | "send">, ...commands: readonly PaymentCommand[]) {
    return applyOnce(this.#effect(executor), deliveriesOf(commands));
  }

  /** The same, but skips commands whose rows are locked. */
  handleFree(...commands: readonly PaymentCommand[]) {
    return applyFree(this.#effect(), deliveriesOf(commands));
  }

  #effect(...executors: NonNullable<PaymentHandlerOptions["executors"]>) {
    const serves = (provider: string) => provider === PROVIDER;
    return {
      handler: paymentHandler({ serves, executors, wakeExecutor: ignore }),
      database: this.database.postgres,
      clock: { now: () => this.now },
      newId: () => Bun.randomUUIDv7(),
      random: Math.random,
    };
  }

  /** Handles a ChargePayment with a token sealed as by the gateway. */
  async charge(saga_id: string, payment_method = "pm_card_visa"): Promise<void> {
    await this.handle(chargePayment(saga_id, seal(payment_method)));
  }

  /** The same for a shopper who is at a browser. */
  async chargePresent(saga_id: string, payment_method: string): Promise<void> {
    await this.handle({ ...chargePayment(saga_id, seal(payment_method)), shopper_present: true });
  }

  /** Handles an AuthorizePayment, as `charge` does. */
  async authorize(saga_id: string, payment_method = "pm_card_visa"): Promise<void> {
    await this.handle(authorizePayment(saga_id, seal(payment_method)));
  }

  /** The internal API of a new process. */
  shopperApi() {
    return shopperApi({
      access: accessTo("payment"),
      database: this.database.postgres,
      clock: { now: () => this.now },
      providerOf: () => this.provider,
      wakeExecutor: ignore,
      onError: (error) => void this.errors.push(String(error)),
    });
  }

  /** Seals for the key that this service opens. */
  async seal(payment_method: string): Promise<string> {
    return seal(payment_method);
  }

  /** One round of a new process: requests what is due and settles the results. Returns the number of due payments. */
  async round(openToken = open): Promise<number> {
    await using executor = this.executor(openToken);
    return (await executor.runOnce()).processed;
  }

  /** `changes`: for example another provider, with its times. */
  executor(openToken = open, changes: Partial<ExecutorOptions> = {}): Executor {
    return new Executor({
      ...this.#context(),
      provider: this.provider,
      pace: this.pace,
      hold: this.hold,
      open: openToken,
      clock: { now: () => this.now },
      concurrency: CONCURRENCY,
      metrics: paymentMetrics(checkedMeter((name, labels) => void this.counts.push({ name, ...labels }))),
      log: this.#log,
      onRoom: ignore,
      ...changes,
    });
  }

  /** The webhook endpoint of a new process, on any free port. */
  serveWebhooks(database: Database): HttpServer {
    const reader = stripeWebhooks({ secrets: [WEBHOOK_SECRET], mark: MARK });
    const onError = (error: unknown) => void this.errors.push(String(error));
    const context = this.#webhookContext(database);
    const api = webhookApi(context, [{ ...context, reader }], onError);
    return serveHttp(api, { hostname: "127.0.0.1", port: 0 });
  }

  /** The intake behind the endpoint, in a new process. */
  webhookIntake(database: Database = this.database.postgres): WebhookIntake {
    return new WebhookIntake(this.#webhookContext(database));
  }

  webhookUrl(port = this.#webhooks.port): string {
    return `http://127.0.0.1:${port}${webhookPath(PROVIDER)}`;
  }

  /** Sends `event` as the provider does, with the changes in `request`. */
  sendEvent(event: unknown, request: EventRequest = {}): Promise<Response> {
    const { at = this.now, signature, signed = event, port, chunked = false } = request;
    const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
    const text = textOf(event);
    const headers = { "stripe-signature": signature ?? signatureOf(textOf(signed), WEBHOOK_SECRET, at) };
    const body = chunked ? new Blob([text]).stream() : text;
    return fetch(this.webhookUrl(port), { method: "POST", body, headers });
  }

  /** A reconciler that is due now; everything before now counts as compared. */
  async reconciler(options: Partial<ReconcilerOptions> = {}): Promise<Reconciler> {
    await this.database.sql`
      update reconciliation
         set compared_until = ${this.now}::timestamptz, due_at = ${this.now}::timestamptz, lease_until = ${this.now}::timestamptz`;
    return new Reconciler({
      ...this.#context(),
      provider: PROVIDER,
      clock: { now: () => this.now },
      ledger: new StripeLedger({ apiKey: API_KEY, mark: MARK, baseUrl: new URL(this.simulator.url) }),
      metrics: paymentMetrics(noMeter),
      log: this.#log,
      intervalMs: 60_000,
      graceMs: 30_000,
      stopping: new AbortController().signal,
      ...options,
    });
  }

  /** All open and closed alerts, by kind and subject. */
  async alerts(): Promise<readonly AlertRow[]> {
    return this.database.sql<AlertRow[]>`
      select kind, subject, saga_id, detail, close_note from payment_alerts order by kind, subject, opened_at`;
  }

  /** Claims due payments like a process that then dies. */
  async claimAndDie(limit = CONCURRENCY): Promise<readonly Attempt[]> {
    const context = { ...this.#context(), provider: this.provider.name };
    const limits = { limit, newCharges: limit, isScarce: false };
    return (await claimDue(context, limits, this.now)).attempts;
  }

  async status(saga_id: string): Promise<PaymentStatus | undefined> {
    const rows = await this.database.sql<{ status: PaymentStatus }[]>`
      select status from payments where saga_id = ${saga_id}`;
    return rows[0]?.status;
  }

  /** The service's events for the saga so far, oldest first. */
  async events(saga_id: string): Promise<readonly Message[]> {
    const rows = await this.database.sql<{ payload: Message }[]>`
      select payload from outbox where partition_key = ${saga_id} order by event_id`;
    return rows.map(({ payload }) => payload);
  }

  async eventTypes(saga_id: string): Promise<readonly MessageType[]> {
    return (await this.events(saga_id)).map(({ type }) => type);
  }

  /** The net amount and the number of charges in the provider ledger for this saga. */
  money(saga_id: string): { readonly net_cents: number; readonly charges: number } {
    const entries = this.simulator
      .entries()
      .filter((entry) => "saga_id" in entry && entry.saga_id === saga_id);
    const sum = (kind: "charge" | "refund") =>
      entries.reduce((total, entry) => total + (entry.kind === kind ? entry.amount_cents : 0), 0);
    const charges = entries.filter(({ kind }) => kind === "charge").length;
    return { net_cents: sum("charge") - sum("refund"), charges };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#webhooks[Symbol.asyncDispose]();
    await this.simulator[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }

  readonly #log: Log = {
    info: ignore,
    warn: (_, message) => void this.warnings.push(message),
    error: (fields, message) => {
      this.errors.push(message);
      this.errorFields.push(fields);
    },
  };

  #webhookContext(database: Database): WebhookContext {
    return {
      ...this.#context(),
      database,
      provider: PROVIDER,
      clock: { now: () => this.now },
      metrics: paymentMetrics(noMeter),
      log: this.#log,
      wakeExecutor: ignore,
    };
  }

  #context(): Omit<AttemptContext, "provider"> {
    return { database: this.database.postgres, policy: this.policy, newId: () => Bun.randomUUIDv7() };
  }
}

export interface EventRequest {
  /** The time of the signature, in epoch ms. */
  readonly at?: number;
  /** Replaces the valid signature. */
  readonly signature?: string;
  /** The signed content, if it differs from the sent event. */
  readonly signed?: unknown;
  readonly port?: number;
  /** Sends the body without a content length. */
  readonly chunked?: boolean;
}

function deliveriesOf(commands: readonly PaymentCommand[]) {
  return commands.map((message) => ({ message, value: message, raw: noRawMessage }));
}

function noRawMessage(): RawMessage {
  throw new Error("a test's message has no raw Kafka record");
}
