// The payment service on a real database with the real provider simulator over HTTP, without Kafka: commands go in through the
// recipe's own transaction, events are read from the outbox. Time is the test's; only the provider's timeouts are real.
import type { PaymentCommand } from "../../schemas/commands.ts";
import type { Message, MessageType } from "../../schemas/registry.ts";
import type { RawMessage } from "../kernel/ports.ts";
import { applyOnce } from "../messaging/effect.ts";
import { TestProvider } from "../paysim/test-provider.ts";
import { createOpener, createSealer, generateSealingKeys } from "../platform/seal.ts";
import { type Attempt, type AttemptContext, claimDue } from "../services/payment/attempt-transactions.ts";
import { DEFAULT_POLICY, type PaymentPolicy } from "../services/payment/attempts.ts";
import { Executor } from "../services/payment/executor.ts";
import { paymentHandler } from "../services/payment/handler.ts";
import type { PaymentStatus } from "../services/payment/payment.ts";
import type { PaymentProvider } from "../services/payment/providers/provider.ts";
import { StripeProvider } from "../services/payment/providers/stripe.ts";
import { paymentMetrics } from "../services/payment/telemetry.ts";
import { chargePayment } from "./commands.ts";
import { cloneDatabase, type TestDatabase } from "./database.ts";
import { ignore, noMeter } from "./silence.ts";

/** A machine may be busy: what answers must never be taken for silent. */
const PROVIDER_TIMEOUT_MS = 5_000;
/** For tests of silence, which have to wait for it. */
export const SHORT_TIMEOUT_MS = 300;
const CONCURRENCY = 16;

const keys = await generateSealingKeys();
const [seal, open] = [await createSealer(keys.publicJwk), await createOpener(keys.privateJwk)];

export class TestPayment implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly simulator = new TestProvider();
  readonly policy: PaymentPolicy = DEFAULT_POLICY;
  provider: PaymentProvider;
  /** What an operator would have read. */
  readonly errors: string[] = [];

  private constructor(database: TestDatabase, timeoutMs: number) {
    this.database = database;
    this.provider = new StripeProvider({
      apiKey: "sk_test_simulator",
      baseUrl: new URL(this.simulator.url),
      timeoutMs,
    });
  }

  /** `providerTimeoutMs` is how long the service waits for an answer; the simulator holds back twice as long what it holds back. */
  static async open(providerTimeoutMs = PROVIDER_TIMEOUT_MS): Promise<TestPayment> {
    const payment = new TestPayment(await cloneDatabase("payment"), providerTimeoutMs);
    await payment.simulator.setFaults({ hold_ms: 2 * providerTimeoutMs });
    return payment;
  }

  /** Epoch ms; service and provider share it. */
  get now(): number {
    return this.simulator.nowMs;
  }

  advance(ms: number): void {
    this.simulator.nowMs += ms;
  }

  /** Handles the commands as one batch and returns the ids of those that had an effect. */
  handle(...commands: readonly PaymentCommand[]): Promise<ReadonlySet<string>> {
    const context = {
      handler: paymentHandler({ provider: this.provider.name, wakeExecutor: ignore }),
      database: this.database.postgres,
      clock: { now: () => this.now },
      newId: () => Bun.randomUUIDv7(),
      random: Math.random,
    };
    const deliveries = commands.map((message) => ({ message, value: message, raw: noRawMessage }));
    return applyOnce(context, deliveries);
  }

  /** A ChargePayment whose token is sealed as the gateway seals it. */
  async charge(saga_id: string, payment_method = "pm_card_visa"): Promise<void> {
    await this.handle(chargePayment(saga_id, await this.seal(payment_method)));
  }

  /** To the key that this service opens. */
  seal(payment_method: string): Promise<string> {
    return seal(payment_method);
  }

  /** A whole round of a process of its own: asks what is due, settles what was answered. Returns how much was due. */
  async round(): Promise<number> {
    await using executor = this.executor();
    return (await executor.runOnce()).processed;
  }

  executor(): Executor {
    return new Executor({
      ...this.#context(),
      provider: this.provider,
      open,
      clock: { now: () => this.now },
      concurrency: CONCURRENCY,
      metrics: paymentMetrics(noMeter),
      log: { info: ignore, warn: ignore, error: (_, message) => this.errors.push(message) },
      onRoom: ignore,
    });
  }

  /** Claims what is due, as a process that then dies. */
  claimAndDie(): Promise<readonly Attempt[]> {
    return claimDue({ ...this.#context(), provider: this.provider.name }, CONCURRENCY, this.now);
  }

  async status(saga_id: string): Promise<PaymentStatus | undefined> {
    const rows = await this.database.sql<{ status: PaymentStatus }[]>`
      select status from payments where saga_id = ${saga_id}`;
    return rows[0]?.status;
  }

  /** What the service has said of the saga so far, oldest first. */
  async events(saga_id: string): Promise<readonly Message[]> {
    const rows = await this.database.sql<{ payload: Message }[]>`
      select payload from outbox where partition_key = ${saga_id} order by event_id`;
    return rows.map(({ payload }) => payload);
  }

  async eventTypes(saga_id: string): Promise<readonly MessageType[]> {
    return (await this.events(saga_id)).map(({ type }) => type);
  }

  /** What the provider took from the shopper, by its own ledger, and how many charges that were. */
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
    await this.simulator[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }

  #context(): Omit<AttemptContext, "provider"> {
    return { database: this.database.postgres, policy: this.policy, newId: () => Bun.randomUUIDv7() };
  }
}

function noRawMessage(): RawMessage {
  throw new Error("nothing of a test's message came over Kafka");
}
