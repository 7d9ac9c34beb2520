// One POST or PATCH on its way through the simulated PayPal: key, fault, latency, decision, ledger, ledger file. Knows nothing of HTTP;
// server.ts turns the outcome into an answer or a cut connection. Faults, latency, turnstile and file are those of the Stripe face.
//
// Keys are PayPal's: a repeated one gets the present state of what it made, a refusal is not stored, and of two requests at once
// the second fails.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { PayPalLedgerEntry } from "../../../schemas/paypal-ledger.ts";
import { assert, assertNever } from "../../kernel/errors.ts";
import { type Latency, sampleLatency } from "../../kernel/latency.ts";
import type { Clock } from "../../kernel/ports.ts";
import { drawFault, type Fault, type FaultSettings, latencyOf } from "../faults.ts";
import { holdRequest } from "../hold-request.ts";
import { LedgerFile } from "../ledger-file.ts";
import { randomStream } from "../random.ts";
import { Turnstile } from "../turnstile.ts";
import { decide } from "./decide.ts";
import { INTERNAL, IN_PROGRESS, RATE_LIMITED, type Refusal, UNAVAILABLE, unprocessable } from "./errors.ts";
import { type Named, PayPalLedger } from "./ledger.ts";
import type { PayPalRequest } from "./requests.ts";

const entries = TypeCompiler.Compile(PayPalLedgerEntry);

export type Outcome =
  | { readonly kind: "done"; readonly named: Named }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The server must close the connection without a byte. */
  | { readonly kind: "cut" };

export interface PayPalSimulatorOptions {
  readonly ledgerFile: string;
  readonly keyLifetimeMs: number;
  readonly seed: number;
  readonly faults: FaultSettings;
  readonly clock: Clock;
}

export class PayPalSimulator implements AsyncDisposable {
  readonly ledger: PayPalLedger;
  readonly file: LedgerFile<PayPalLedgerEntry>;
  readonly counters = {
    replays: 0,
    conflicts: 0,
    refusals: 0,
    injected_errors: 0,
    held: 0,
    cut: 0,
    turned_away: 0,
  };
  readonly #options: PayPalSimulatorOptions;
  readonly #stopping = new AbortController();
  readonly #turnstile = new Turnstile();
  readonly #readsRandom: () => number;
  #faults: FaultSettings;
  #latency: Latency;
  #requests = 0;

  constructor(options: PayPalSimulatorOptions) {
    this.#options = options;
    this.#readsRandom = randomStream(options.seed, "reads and replays of PayPal");
    this.ledger = new PayPalLedger(options.keyLifetimeMs);
    this.file = LedgerFile.open(options.ledgerFile, entries, (entry) => this.ledger.apply(entry));
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

  /** Called with each entry once the ledger file has it. */
  onRecorded: (entry: PayPalLedgerEntry) => void = () => undefined;

  now(): number {
    return this.#options.clock.now();
  }

  /** The refusal of a request that is turned away unread, or null. */
  turnAway(): Refusal | null {
    const refused = this.#turnstile.refuse(this.#faults, performance.now(), this.#readsRandom);
    if (refused === null) return null;
    this.counters.turned_away++;
    return refused.status === 429 ? RATE_LIMITED : UNAVAILABLE;
  }

  /** Waits for the provider's latency. Reads call it themselves. */
  async delay(random = this.#readsRandom): Promise<void> {
    const ms = sampleLatency(this.#latency, random);
    if (ms > 0) await Bun.sleep(ms);
  }

  /** Executes the request once per key. `key` is null if the client sends none. */
  async execute(request: PayPalRequest, key: string | null, fingerprint: string): Promise<Outcome> {
    const random = (attempt: number) =>
      randomStream(this.#options.seed, `${key ?? `request ${++this.#requests}`}/${attempt}`);
    if (key === null) return this.#attempt(request, null, fingerprint, random(1));
    const begun = this.ledger.keys.begin(key, fingerprint, this.now());
    switch (begun.kind) {
      case "execute":
        return this.#attempt(request, key, fingerprint, random(begun.attempt));
      case "replay":
        this.counters.replays++;
        await this.delay();
        return { kind: "done", named: begun.answer };
      case "in_use":
        this.counters.conflicts++;
        return { kind: "refused", refusal: IN_PROGRESS };
      case "reused":
        this.counters.conflicts++;
        return { kind: "refused", refusal: unprocessable("DUPLICATE_REQUEST_ID") };
      default:
        return assertNever(begun);
    }
  }

  /** Makes keys expire now; null means all keys. Returns how many expired. */
  expireKeys(keys: readonly string[] | null): number {
    const before = this.ledger.keys.size;
    const entry = { seq: this.ledger.lastSeq + 1, at_ms: this.now(), kind: "keys_expired" as const };
    this.#book({ ...entry, keys: keys === null ? null : [...keys] });
    return before - this.ledger.keys.size;
  }

  /** PayPal gives up what it holds: authorizations end unused. Returns how many. */
  endHolds(): number {
    const held = [...this.ledger.orders.all()].filter((order) => order.authorization?.status === "CREATED");
    for (const { id, customId, authorization } of held)
      this.#book({
        seq: this.ledger.lastSeq + 1,
        at_ms: this.now(),
        kind: "void",
        order: id,
        saga_id: customId,
        request_id: null,
        fingerprint: "",
        reply_lost: false,
        authorization: authorization?.id ?? "",
      });
    return held.length;
  }

  /** Ends held requests at once and without effect, as a crash would. Call it when no new requests come in. */
  abandonHeld(): void {
    this.#stopping.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abandonHeld();
    await this.file.close();
  }

  async #attempt(
    request: PayPalRequest,
    key: string | null,
    fingerprint: string,
    random: () => number,
  ): Promise<Outcome> {
    const fault = this.#faultFor(request, random());
    if (fault === "timeout_before") {
      if (key !== null) this.ledger.keys.release(key);
      await this.#hold();
      return this.#cut();
    }
    await this.delay(random);
    if (fault === "error_before") {
      if (key !== null) this.ledger.keys.release(key);
      this.counters.injected_errors++;
      return { kind: "refused", refusal: INTERNAL };
    }
    if (fault === "timeout_after" && !(await this.#hold())) return this.#cut();
    return this.#decide(request, key, fingerprint, fault);
  }

  #decide(request: PayPalRequest, key: string | null, fingerprint: string, fault: Fault | null): Outcome {
    const decided = decide(this.ledger, request, {
      seq: this.ledger.lastSeq + 1,
      nowMs: this.now(),
      seed: this.#options.seed,
      key,
      fingerprint,
      declines: fault === "decline",
      isReplyLost: fault === "timeout_after" || fault === "reply_lost" || fault === "error_after",
    });
    if ("refusal" in decided) {
      if (key !== null) this.ledger.keys.release(key);
      this.counters.refusals++;
      return { kind: "refused", refusal: decided.refusal };
    }
    const named = this.#book(decided.entry);
    if (fault === "reply_lost") return this.#cut();
    if (fault === "error_after") {
      this.counters.injected_errors++;
      return { kind: "refused", refusal: INTERNAL };
    }
    assert(named !== null, "an executed request names something");
    return { kind: "done", named };
  }

  #book(entry: PayPalLedgerEntry): Named | null {
    const named = this.ledger.apply(entry);
    this.file.append(entry);
    void this.file.flushed().then(() => this.onRecorded(entry));
    return named;
  }

  /** PayPal stores no errors, so `error_stored` is one before execution. */
  #faultFor(request: PayPalRequest, draw: number): Fault | null {
    // The shopper's browser is at PayPal's page, not at its API.
    if (request.kind === "approval") return null;
    if (request.kind === "refund" && this.now() < this.#faults.refunds_fail_until_ms) return "error_before";
    const asksForMoney = request.kind === "capture" || request.kind === "authorize";
    const fault = drawFault(this.#faults, draw, asksForMoney);
    return fault === "error_stored" ? "error_before" : fault;
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
