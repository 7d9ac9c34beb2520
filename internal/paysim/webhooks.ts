// Delivers webhook events as providers do: signed, repeated with a growing pause until the receiver answers 2xx, and in no guaranteed
// order. Faults lose, repeat, delay and shuffle events. Called by the simulator. Undelivered events are lost with the process: a
// provider's events are a second way to learn of a change, never the only one.
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { cappedBackoff } from "../kernel/backoff.ts";
import type { Clock } from "../kernel/ports.ts";
import type { FaultSettings } from "./faults.ts";
import { randomStream } from "./random.ts";
import type { WebhookEvent } from "./webhook-events.ts";

/** Stripe waits longer, but a receiver on the same machine that takes this long has lost the request. */
const DELIVERY_TIMEOUT_MS = 10_000;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_CAP_MS = 3_600_000;
/** As long as Stripe tries in live mode. */
const GIVE_UP_AFTER_MS = 3 * 86_400_000;
/** Maximum deliveries that wait or are in flight; more are lost and counted. */
const MAX_PENDING = 100_000;

export interface WebhookTarget {
  readonly url: string;
  /** Shared with the receiver. */
  readonly secret: string;
}

export interface WebhookOptions {
  readonly url: string;
  /** The headers that show who sends `body`. Made again for each attempt: the receiver must not take an old one for fresh. */
  readonly sign: (body: string, nowMs: number) => Readonly<Record<string, string>>;
  readonly seed: number;
  readonly clock: Clock;
}

export class Webhooks implements AsyncDisposable {
  readonly counters = {
    webhooks_sent: 0,
    webhooks_delivered: 0,
    webhooks_failed: 0,
    webhooks_lost: 0,
    webhooks_given_up: 0,
  };
  readonly #options: WebhookOptions;
  readonly #stopping = new AbortController();
  readonly #pending = new Set<Promise<void>>();

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Starts the delivery of the event: none, one or two copies, as `faults` say. */
  announce(event: WebhookEvent, faults: FaultSettings): void {
    const random = randomStream(this.#options.seed, `webhook/${event.id}`);
    if (random() < faults.webhook_drop_rate) {
      this.counters.webhooks_lost++;
      return;
    }
    const copies = random() < faults.webhook_duplicate_rate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#start(event, faults.webhook_delay_ms + random() * faults.webhook_jitter_ms);
    }
  }

  /** Abandons undelivered events. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#pending);
  }

  #start(event: WebhookEvent, delayMs: number): void {
    if (this.#pending.size >= MAX_PENDING || this.#stopping.signal.aborted) {
      this.counters.webhooks_lost++;
      return;
    }
    const delivery = this.#deliver(event, delayMs).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error;
    });
    this.#pending.add(delivery);
    void delivery.finally(() => this.#pending.delete(delivery));
  }

  async #deliver(event: WebhookEvent, delayMs: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    const giveUpAt = clock.now() + GIVE_UP_AFTER_MS;
    await sleep(delayMs, undefined, { signal });
    for (let failures = 0; clock.now() < giveUpAt; failures++) {
      if (await this.#post(event)) {
        this.counters.webhooks_delivered++;
        return;
      }
      this.counters.webhooks_failed++;
      await sleep(cappedBackoff(failures, BACKOFF_FIRST_MS, BACKOFF_CAP_MS), undefined, { signal });
    }
    this.counters.webhooks_given_up++;
  }

  /** True if the receiver accepted it. */
  async #post({ body }: WebhookEvent): Promise<boolean> {
    const { url, sign, clock } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]);
    this.counters.webhooks_sent++;
    try {
      const headers = {
        "content-type": "application/json; charset=utf-8",
        ...sign(body, clock.now()),
      };
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}

/** The `Stripe-Signature` header, by https://docs.stripe.com/webhooks/signature. `nowMs` is epoch ms. */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const timestamp = Math.floor(nowMs / 1_000);
  const hmac = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return `t=${timestamp},v1=${hmac}`;
}
