// Shoppers who continue during faults and record every answer: each 202 is written to a journal at once, and every status is checked
// against the previous one. Violations that a shopper can see are found here.
import { appendFileSync } from "node:fs";
import type { SagaStatus, SagaStatusView } from "../../schemas/http.ts";
import { openLoop } from "../open-loop.ts";
import { cartOf, Refused, type Shopper } from "../shopper.ts";
import type { System } from "../system.ts";
import { pick, type Random } from "../../internal/kernel/random.ts";
import { contradiction } from "./statuses.ts";

/** How long a shopper retries and polls. */
const PATIENCE_MS = 300_000;
/** Pauses before the first looks at a new checkout; later looks wait for the end. */
const EARLY_LOOKS_MS = [0, 100, 200, 400];
const WAIT_SECONDS = 10;
const RETRY_MS = 250;
/** One in this many checkouts is sent again with the same key after its 202, as by a shopper who got no answer. */
const REPEATED = 10;

export const BLOCKED_COUNTRY = "KP";
const CHALLENGED = "pm_card_threeDSecure2Required";
const DONE = ["COMPLETED"];
const REFUSED = ["ADDRESS_NOT_SERVED"];
/**
 * All kinds of checkouts with their expected ends without faults; and slow kinds, where the provider simulator itself delays the
 * checkout.
 */
const CASES = [
  { share: 0.77, card: "pm_card_visa", country: "DE", lines: [1, 2, 3], ends: DONE },
  {
    share: 0.07,
    card: "pm_card_visa_chargeDeclined",
    country: "DE",
    lines: [1, 2],
    ends: ["CARD_DECLINED"],
  },
  { share: 0.04, card: "pm_card_visa", country: BLOCKED_COUNTRY, lines: [1], ends: REFUSED },
  {
    share: 0.04,
    card: "pm_card_visa",
    country: "DE",
    lines: [2],
    ends: ["COMPLETED", "INSUFFICIENT_STOCK"],
    isScarce: true,
  },
  { share: 0.02, card: "pm_sim_500_once", country: "DE", lines: [1], ends: DONE, isSlow: true },
  { share: 0.01, card: "pm_sim_reply_lost", country: "DE", lines: [1], ends: DONE, isSlow: true },
  {
    share: 0.01,
    card: "pm_sim_refund_500_once",
    country: BLOCKED_COUNTRY,
    lines: [1],
    ends: REFUSED,
    isSlow: true,
  },
  { share: 0.01, card: "pm_sim_timeout_once", country: "DE", lines: [1], ends: DONE, isSlow: true },
  // Their banks want them to confirm the payment (3-D Secure).
  { share: 0.02, card: CHALLENGED, country: "DE", lines: [1], ends: DONE, isSlow: true, answer: "confirm" },
  {
    share: 0.01,
    card: CHALLENGED,
    country: "DE",
    lines: [1],
    ends: ["PAYMENT_INTENT_AUTHENTICATION_FAILURE"],
    isSlow: true,
    answer: "refuse",
  },
] as const satisfies readonly Case[];

interface Case {
  /** The share of all checkouts; the sum is 1. */
  readonly share: number;
  readonly card: string;
  readonly country: string;
  readonly lines: readonly [number, ...number[]];
  /** The failure code, or the status without one. */
  readonly ends: readonly string[];
  readonly isScarce?: boolean;
  readonly isSlow?: boolean;
  /** The shopper is present, and answers their bank so. */
  readonly answer?: "confirm" | "refuse";
}

export interface Checkout {
  readonly intendedAt: number;
  /** Its card makes the provider slow, so it does not count for recovery. */
  readonly isSlow: boolean;
  /** What the shopper still has to answer their bank. */
  answer?: "confirm" | "refuse" | undefined;
  sagaId?: string;
  acceptedAt?: number;
  /** The number of attempts until it was accepted. */
  attempts?: number;
  /** Why it was never accepted. */
  refusal?: string;
  status?: SagaStatus;
  /** The failure code, or the status without one. */
  end?: string;
  /** True if it ended as without a fault. */
  isServed?: boolean;
  restAt?: number;
}

export interface ShoppingOptions {
  readonly system: System;
  readonly random: Random;
  readonly ratePerSecond: number;
  /** A SKU with too little stock for all. */
  readonly scarceSku: string;
  readonly journal: string;
}

export class Shopping {
  /** Ordered by intended start. */
  readonly checkouts: Checkout[] = [];
  /** The violations, one sentence each. */
  readonly violations: string[] = [];
  readonly #options: ShoppingOptions;
  readonly #open = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #isOver = false;

  constructor(options: ShoppingOptions) {
    this.#options = options;
    this.#loop = openLoop(
      options.ratePerSecond,
      Number.MAX_SAFE_INTEGER,
      (index, intendedAt) => this.#arrive(index, intendedAt),
      { isOver: () => this.#isOver },
    );
  }

  /** Stops arrivals. Resolves when every checkout has finished or its shopper has given up. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  get openCount(): number {
    return this.#open.size;
  }

  #arrive(index: number, intendedAt: number): void {
    const { system, random } = this.#options;
    const kind = drawCase(random());
    const checkout: Checkout = { intendedAt, isSlow: kind.isSlow ?? false, answer: kind.answer };
    this.checkouts.push(checkout);
    const shopper = system.shoppers[index % system.shoppers.length];
    if (shopper === undefined) throw new Error("the system has no shoppers");
    const lines = pick(random, kind.lines);
    const first = Math.floor(random() * system.skus.length);
    const skus = Array.from(
      { length: lines },
      (_, line) => system.skus[(first + line) % system.skus.length] ?? "",
    );
    if (kind.isScarce === true) skus[0] = this.#options.scarceSku;
    const present = kind.answer === undefined ? {} : { shopper_present: true };
    const cart = { ...cartOf(skus, kind.card, system.currency, kind.country), ...present };
    const shopping = this.#shop(shopper, cart, checkout, index % REPEATED === 0).then(() => {
      checkout.isServed = checkout.end !== undefined && kind.ends.includes(checkout.end);
    });
    this.#open.add(shopping);
    void shopping.finally(() => this.#open.delete(shopping));
  }

  async #shop(
    shopper: Shopper,
    cart: Parameters<Shopper["checkout"]>[0],
    checkout: Checkout,
    repeats: boolean,
  ): Promise<void> {
    const key = `chaos-${Bun.randomUUIDv7()}`;
    const giveUpAt = Date.now() + PATIENCE_MS;
    try {
      const { saga_id, attempts } = await shopper.checkout(cart, key, giveUpAt);
      Object.assign(checkout, { sagaId: saga_id, attempts, acceptedAt: Date.now() });
      appendFileSync(this.#options.journal, `${JSON.stringify({ saga_id, at: checkout.acceptedAt })}\n`);
      if (repeats) {
        const again = await shopper.checkout(cart, key, giveUpAt);
        if (again.saga_id !== saga_id)
          this.violations.push(`one Idempotency-Key became two sagas, ${saga_id} and ${again.saga_id}`);
      }
      await this.#follow(shopper, saga_id, checkout, giveUpAt);
    } catch (error) {
      checkout.refusal = error instanceof Error ? error.message : String(error);
      if (error instanceof Refused)
        this.violations.push(`a valid checkout was rejected: ${checkout.refusal}`);
    }
  }

  async #follow(shopper: Shopper, sagaId: string, checkout: Checkout, giveUpAt: number): Promise<void> {
    for (let looks = 0; Date.now() < giveUpAt; looks++) {
      const early = EARLY_LOOKS_MS[looks];
      if (early !== undefined) await Bun.sleep(early);
      const view = await shopper.look(sagaId, early === undefined ? WAIT_SECONDS : 0);
      if (view === undefined) await Bun.sleep(RETRY_MS);
      else if (view === null) this.violations.push(`saga ${sagaId} is not found after its 202`);
      else if (this.#note(checkout, view)) return;
      else if (view.next_action !== undefined) await this.#confirm(shopper, sagaId, checkout);
    }
  }

  /** The shopper goes to their bank, once. What is away meanwhile is tried again at the next look. */
  async #confirm(shopper: Shopper, sagaId: string, checkout: Checkout): Promise<void> {
    if (checkout.answer === undefined) return;
    try {
      const action = await shopper.action(sagaId);
      if (action === null) return;
      await shopper.answerBank(action, checkout.answer);
      checkout.answer = undefined;
      await shopper.back(sagaId);
    } catch {
      await Bun.sleep(RETRY_MS);
    }
  }

  /** Records the status. True if the saga has finished. */
  #note(checkout: Checkout, view: SagaStatusView): boolean {
    const wrong = contradiction(checkout.status, view.status);
    if (wrong !== null) this.violations.push(`saga ${view.saga_id}: ${wrong}`);
    checkout.status = view.status;
    if (view.completed_at === null) return false;
    checkout.end = view.failure_code ?? view.status;
    checkout.restAt = Date.now();
    return true;
  }
}

function drawCase(draw: number): Case {
  let edge = 0;
  for (const one of CASES) {
    edge += one.share;
    if (draw < edge) return one;
  }
  return CASES[0];
}
