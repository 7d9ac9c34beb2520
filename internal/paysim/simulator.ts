// One POST on its way through the provider: idempotency key, fault, latency, decision, ledger, ledger file. Knows nothing of HTTP;
// server.ts turns the outcome into an answer or a cut connection.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type ProviderError, ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { decideLater, type LaterChange, nextOf } from "./aftermath.ts";
import { decide } from "./decide.ts";
import { API_ERROR, keyInUse, keyReused } from "./errors.ts";
import { drawFault, type Fault, type FaultSettings, latencyOf } from "./faults.ts";
import { holdRequest } from "./hold-request.ts";
import { type Latency, sampleLatency } from "../kernel/latency.ts";
import { type Answer, Ledger } from "./ledger.ts";
import { LedgerFile } from "./ledger-file.ts";
import { faultOf } from "./payment-methods.ts";
import { randomStream } from "./random.ts";
import type { ProviderRequest } from "./requests.ts";
import { Turnstile } from "./turnstile.ts";
import { webhookEventsOf } from "./webhook-events.ts";
import { signatureOf, Webhooks, type WebhookTarget } from "./webhooks.ts";

/**
 * How many replays are lost together with a lost reply. Stripe's SDK resends a request once if its connection was closed, even with
 * `maxNetworkRetries: 0`. If the resend were answered, no reply would ever be lost.
 */
const CUT_REPLAYS = 1;
const entries = TypeCompiler.Compile(ProviderLedgerEntry);

export type Outcome =
  | { readonly kind: "answer"; readonly answer: Answer; readonly replayed: boolean }
  /** The server must close the connection without a byte. */
  | { readonly kind: "cut" };

export interface SimulatorOptions {
  readonly ledgerFile: string;
  readonly keyLifetimeMs: number;
  readonly seed: number;
  readonly faults: FaultSettings;
  readonly clock: Clock;
  /** Where webhook events go; null sends none. */
  readonly webhooks: WebhookTarget | null;
}

export class Simulator implements AsyncDisposable {
  readonly ledger: Ledger;
  readonly file: LedgerFile<ProviderLedgerEntry>;
  readonly webhooks: Webhooks | null;
  readonly counters = {
    replays: 0,
    conflicts: 0,
    reused_keys: 0,
    refusals: 0,
    injected_errors: 0,
    held: 0,
    cut: 0,
    turned_away: 0,
  };
  readonly #options: SimulatorOptions;
  readonly #stopping = new AbortController();
  #faults: FaultSettings;
  #latency: Latency;
  #requests = 0;
  readonly #turnstile = new Turnstile();
  readonly #readsRandom: () => number;

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#readsRandom = randomStream(options.seed, "reads and replays");
    this.ledger = new Ledger(options.keyLifetimeMs);
    this.file = LedgerFile.open(options.ledgerFile, entries, (entry) => this.ledger.apply(entry));
    const { webhooks: target, seed, clock } = options;
    this.webhooks = target === null ? null : new Webhooks({ ...signed(target), seed, clock });
    this.#faults = options.faults;
    this.#latency = latencyOf(options.faults);
  }

  get faults(): FaultSettings {
    return this.#faults;
  }

  set faults(settings: FaultSettings) {
    this.#latency = latencyOf(settings);
    this.#faults = settings;
  }

  /** Where browsers reach the bank's page; its links are made of it. */
  bankUrl = "";

  now(): number {
    return this.#options.clock.now();
  }

  /** The error of a request that is turned away unread, or null. */
  turnAway(): ProviderError | null {
    const refused = this.#turnstile.refuse(this.#faults, performance.now(), this.#readsRandom);
    if (refused !== null) this.counters.turned_away++;
    return refused;
  }

  /** Executes the request once per key, or replays the stored answer. `key` is null if the client sends none. */
  async execute(request: ProviderRequest, key: string | null, fingerprint: string): Promise<Outcome> {
    const random = (attempt: number) =>
      randomStream(this.#options.seed, `${key ?? `request ${++this.#requests}`}/${attempt}`);
    if (key === null) return this.#attempt(request, null, fingerprint, 1, random(1));
    const begun = this.ledger.keys.begin(key, fingerprint, this.now());
    switch (begun.kind) {
      case "execute":
        return this.#attempt(request, key, fingerprint, begun.attempt, random(begun.attempt));
      case "replay":
        this.counters.replays++;
        await this.delay();
        return begun.cut ? this.#cut() : { kind: "answer", answer: begun.answer, replayed: true };
      case "in_use":
        this.counters.conflicts++;
        return { kind: "answer", answer: refusal(keyInUse(key)), replayed: false };
      case "reused":
        this.counters.reused_keys++;
        return { kind: "answer", answer: refusal(keyReused(key)), replayed: false };
      default:
        return assertNever(begun);
    }
  }

  /** Waits for the provider's latency. Reads call it themselves. */
  async delay(random = this.#readsRandom): Promise<void> {
    const ms = sampleLatency(this.#latency, random);
    if (ms > 0) await Bun.sleep(ms);
  }

  /** Makes keys expire now; null means all keys. Returns how many expired. */
  expireKeys(keys: readonly string[] | null): number {
    const before = this.ledger.keys.size;
    this.#book({
      seq: this.ledger.lastSeq + 1,
      at_ms: this.now(),
      kind: "keys_expired",
      keys: keys === null ? null : [...keys],
    });
    return before - this.ledger.keys.size;
  }

  /** What happens without a request (aftermath.ts). False if it cannot happen. */
  change(change: LaterChange): boolean {
    const { seed } = this.#options;
    const entry = decideLater(this.ledger, change, { seq: this.ledger.lastSeq + 1, nowMs: this.now(), seed });
    if (entry === null) return false;
    this.#book(entry);
    return true;
  }

  /** Releases the money of the holds whose time is over, or of all. Called before the ledger is read. Returns how many ended. */
  endHolds(all = false): number {
    const ids = this.ledger.holds(all ? Infinity : this.now());
    for (const id of ids) {
      this.#book({
        seq: this.ledger.lastSeq + 1,
        at_ms: this.now(),
        kind: "cancel",
        payment_intent: id,
        saga_id: this.ledger.intents.get(id)?.metadata["saga_id"] ?? null,
        idempotency_key: null,
        fingerprint: "",
        reply_lost: false,
        error: null,
        reason: "automatic",
      });
    }
    return ids.length;
  }

  /** Ends held requests at once and without effect, as a crash would. Call it when no new requests come in. */
  abandonHeld(): void {
    this.#stopping.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abandonHeld();
    await this.webhooks?.[Symbol.asyncDispose]();
    await this.file.close();
  }

  async #attempt(
    request: ProviderRequest,
    key: string | null,
    fingerprint: string,
    attempt: number,
    random: () => number,
  ): Promise<Outcome> {
    const fault = this.#faultFor(request, attempt, random());
    if (fault === "timeout_before") {
      if (key !== null) this.ledger.keys.release(key);
      await this.#hold();
      return this.#cut();
    }
    await this.delay(random);
    if (fault === "error_before") {
      if (key !== null) this.ledger.keys.release(key);
      this.counters.injected_errors++;
      return { kind: "answer", answer: refusal(API_ERROR), replayed: false };
    }
    if (fault === "timeout_after" && !(await this.#hold())) return this.#cut();
    return this.#decide(request, key, fingerprint, fault);
  }

  #decide(request: ProviderRequest, key: string | null, fingerprint: string, fault: Fault | null): Outcome {
    const { seed } = this.#options;
    this.endHolds();
    const execution = {
      seq: this.ledger.lastSeq + 1,
      nowMs: this.now(),
      seed,
      key,
      fingerprint,
      fault,
    };
    const decided = decide(this.ledger, request, execution);
    if ("error" in decided) {
      if (key !== null) this.ledger.keys.release(key);
      this.counters.refusals++;
      return { kind: "answer", answer: refusal(decided.error), replayed: false };
    }
    if (decided.entry.kind === "refusal") this.counters.refusals++;
    if (fault === "error_stored" || fault === "error_after") this.counters.injected_errors++;
    const answer = this.#book(decided.entry, fault === "reply_lost" ? CUT_REPLAYS : 0);
    if (fault === "reply_lost" || answer === null) return this.#cut();
    return { kind: "answer", answer, replayed: false };
  }

  #book(entry: ProviderLedgerEntry, cuts = 0): Answer | null {
    const answer = this.ledger.apply(entry, cuts);
    this.file.append(entry);
    this.#scheduleNext(entry);
    if (this.webhooks !== null) void this.#announce(this.webhooks, entry);
    return answer;
  }

  /** Lost when the process ends, as events are; the control API can make it happen then. */
  #scheduleNext(entry: ProviderLedgerEntry): void {
    const next = nextOf(this.ledger, entry);
    if (next === null) return;
    const timer = setTimeout(() => {
      if (!this.#stopping.signal.aborted) this.change(next);
    }, this.#faults.aftermath_ms);
    timer.unref();
  }

  /** As with answers, no event is sent before the ledger file has the entry. The event shows the ledger of this moment. */
  async #announce(webhooks: Webhooks, entry: ProviderLedgerEntry): Promise<void> {
    const events = webhookEventsOf(this.ledger, entry, this.#options.seed, this.bankUrl);
    await this.file.flushed();
    for (const event of events) webhooks.announce(event, this.#faults);
  }

  #faultFor(request: ProviderRequest, attempt: number, draw: number): Fault | null {
    // The shopper's browser is at the bank, not at the provider's API.
    if (request.kind === "confirm") return null;
    if (request.kind === "refund" && this.now() < this.#faults.refunds_fail_until_ms) return "error_before";
    const isCharge = request.kind === "create" && request.confirm;
    return this.#tokenFault(request, attempt) ?? drawFault(this.#faults, draw, isCharge);
  }

  #tokenFault(request: ProviderRequest, attempt: number): Fault | null {
    switch (request.kind) {
      case "create":
        return request.confirm ? faultOf(request.paymentMethod ?? "", "charge", attempt) : null;
      case "capture":
      case "refund": {
        const paymentMethod = this.ledger.intents.get(request.intentId)?.paymentMethod ?? "";
        return faultOf(paymentMethod, request.kind, attempt);
      }
      case "confirm":
      case "cancel":
        return null;
      default:
        return assertNever(request);
    }
  }

  #cut(): Outcome {
    this.counters.cut++;
    return { kind: "cut" };
  }

  /** False if the simulator stops before the time is over. */
  #hold(): Promise<boolean> {
    this.counters.held++;
    return holdRequest(this.#faults.hold_ms, this.#stopping.signal);
  }
}

function refusal(error: ProviderError): Answer {
  return { kind: "error", error, intent: null };
}

function signed({ url, secret }: WebhookTarget) {
  const sign = (body: string, nowMs: number) => ({ "stripe-signature": signatureOf(body, secret, nowMs) });
  return { url, sign };
}
