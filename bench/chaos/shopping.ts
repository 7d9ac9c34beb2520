// Shoppers who go on shopping whatever happens, and remember everything they were told: each 202 goes into a journal at once, and
// every status they see is held against the one before. What the system must never do to a shopper is found here.
import { appendFileSync } from "node:fs";
import type { SagaStatus, SagaStatusView } from "../../schemas/http.ts";
import { openLoop } from "../open-loop.ts";
import { cartOf, Refused, type Shopper } from "../shopper.ts";
import type { System } from "../system.ts";
import { pick, type Random } from "../../internal/kernel/random.ts";
import { contradiction } from "./statuses.ts";

/** A shopper goes on trying, and asking, for so long. */
const PATIENCE_MS = 300_000;
/** When a fresh checkout is looked at, in milliseconds after its 202; afterwards it is waited for. */
const EARLY_LOOKS_MS = [0, 100, 200, 400];
const WAIT_SECONDS = 10;
const RETRY_MS = 250;
/** One checkout in so many is sent again under the same key after its 202, as a shopper does who saw no answer. */
const REPEATED = 10;

export const BLOCKED_COUNTRY = "KP";
const DONE = ["COMPLETED"];
const REFUSED = ["ADDRESS_NOT_SERVED"];
/**
 * Every way a checkout can go, with its ends where nothing is wrong; and ways a provider can be awkward, where a checkout takes
 * long by itself.
 */
const CASES = [
  { share: 0.8, card: "pm_card_visa", country: "DE", lines: [1, 2, 3], ends: DONE },
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
] as const satisfies readonly Case[];

interface Case {
  /** Of all checkouts; together 1. */
  readonly share: number;
  readonly card: string;
  readonly country: string;
  readonly lines: readonly [number, ...number[]];
  /** The failure code, or the status without one. */
  readonly ends: readonly string[];
  readonly isScarce?: boolean;
  readonly isSlow?: boolean;
}

export interface Checkout {
  readonly intendedAt: number;
  /** Its provider was told to be slow: says nothing about recovery. */
  readonly isSlow: boolean;
  sagaId?: string;
  acceptedAt?: number;
  /** How often it was sent until it was accepted. */
  attempts?: number;
  /** Why it never was. */
  refusal?: string;
  status?: SagaStatus;
  /** The failure code, or the status without one. */
  end?: string;
  /** It ended as it would have without any fault. */
  isServed?: boolean;
  restAt?: number;
}

export interface ShoppingOptions {
  readonly system: System;
  readonly random: Random;
  readonly ratePerSecond: number;
  /** A SKU of which there is too little for everybody. */
  readonly scarceSku: string;
  readonly journal: string;
}

export class Shopping {
  /** In the order of their intended start. */
  readonly checkouts: Checkout[] = [];
  /** What must never happen, one sentence each. */
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

  /** No more arrivals. Resolves when every checkout has finished, or its shopper has run out of patience. */
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
    const checkout: Checkout = { intendedAt, isSlow: kind.isSlow ?? false };
    this.checkouts.push(checkout);
    const shopper = system.shoppers[index % system.shoppers.length];
    if (shopper === undefined) throw new Error("nobody to go shopping");
    const lines = pick(random, kind.lines);
    const first = Math.floor(random() * system.skus.length);
    const skus = Array.from(
      { length: lines },
      (_, line) => system.skus[(first + line) % system.skus.length] ?? "",
    );
    if (kind.isScarce === true) skus[0] = this.#options.scarceSku;
    const cart = cartOf(skus, kind.card, system.currency, kind.country);
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
      if (error instanceof Refused) this.violations.push(`a good checkout was refused: ${checkout.refusal}`);
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
    }
  }

  /** True where the saga has finished. */
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
