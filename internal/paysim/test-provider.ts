// For tests only: a provider on a free port with a ledger in a temporary folder, and a Stripe SDK client for it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Stripe } from "stripe";
import { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import type { FaultSettings } from "./faults.ts";
import type { LedgerFile } from "./ledger-file.ts";
import { type RunningProvider, startProvider } from "./start.ts";
import type { WebhookTarget } from "./webhooks.ts";

export const SAGA = "0198c0de-0000-7000-8000-000000000001";
export const DAY_MS = 86_400_000;
/** Long, because the machine may be busy; tests of timeouts use their own. */
const CLIENT_TIMEOUT_MS = 5_000;

export class TestProvider implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "paysim-"));
  readonly ledgerFile = join(this.#folder, "ledger.jsonl");
  nowMs = Date.parse("2026-03-01T12:00:00Z");
  /** Where webhook events go, from the next `start` on. */
  webhooks: WebhookTarget | undefined;
  #running: RunningProvider;
  #stripe: Stripe;

  constructor(webhooks?: WebhookTarget) {
    this.webhooks = webhooks;
    this.#running = this.#launch();
    this.#stripe = this.client("sk_test_simulator");
  }

  get stripe(): Stripe {
    return this.#stripe;
  }

  get url(): string {
    return this.#running.server.url;
  }

  get file(): LedgerFile<ProviderLedgerEntry> {
    return this.#running.simulator.file;
  }

  client(apiKey: string, timeout = CLIENT_TIMEOUT_MS): Stripe {
    return new Stripe(apiKey, {
      host: "127.0.0.1",
      port: this.#running.server.port,
      protocol: "http",
      maxNetworkRetries: 0,
      timeout,
      telemetry: false,
    });
  }

  /** Starts again from the ledger file; everything else is gone. */
  start(): void {
    this.#running = this.#launch();
    this.#stripe = this.client("sk_test_simulator");
  }

  stop(): Promise<void> {
    return Promise.resolve(this.#running[Symbol.asyncDispose]());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  charge(
    payment_method = "pm_card_visa",
    idempotencyKey = `${SAGA}:charge`,
    amount = 4_200,
    stripe = this.stripe,
  ): Promise<Stripe.Response<Stripe.PaymentIntent>> {
    const metadata = { saga_id: SAGA };
    return stripe.paymentIntents.create(
      { amount, currency: "eur", confirm: true, payment_method, metadata },
      { idempotencyKey },
    );
  }

  searchSaga(limit = 10) {
    return this.stripe.paymentIntents.search({ query: `metadata['saga_id']:'${SAGA}'`, limit });
  }

  setFaults(faults: Partial<FaultSettings>): Promise<unknown> {
    return this.control("PUT", "faults", faults, Type.Unknown());
  }

  stats(): Promise<Record<string, number>> {
    return this.control("GET", "stats", undefined, Type.Record(Type.String(), Type.Number()));
  }

  async control<T extends TSchema>(
    method: string,
    path: string,
    body: unknown,
    answer: T,
  ): Promise<Static<T>> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.url}/_sim/${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return Value.Parse(answer, await response.json());
  }

  /** All entries of the ledger file, as an auditor reads them. */
  entries(): ProviderLedgerEntry[] {
    const lines = readFileSync(this.ledgerFile, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => Value.Parse(ProviderLedgerEntry, JSON.parse(line)));
  }

  #launch(): RunningProvider {
    return startProvider({
      hostname: "127.0.0.1",
      port: 0,
      ledgerFile: this.ledgerFile,
      keyLifetimeMs: DAY_MS,
      seed: 7,
      latency: "fixed:0",
      clock: { now: () => this.nowMs },
      webhooks: this.webhooks,
    });
  }
}

/** The error that the SDK throws. */
export async function failure(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const caught: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (caught instanceof Stripe.errors.StripeError) return caught;
  throw new Error("the call did not fail", { cause: caught });
}

/** Polls a condition for at most 30 s: a busy machine may need some. */
export async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("the condition did not hold within 30 s");
    await Bun.sleep(20);
  }
}
