// A shopper who buys again and again while a test breaks something. Used by the tests of lost disks and of a recovery to a point in time.
import { cartOf, type Placed, type Shopper } from "../../../bench/shopper.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing } from "./running-system.ts";

const PATIENCE_MS = 60_000;

/** A checkout that was accepted. Times on the clock of `performance.now()`. */
export interface Accepted extends Placed {
  readonly begunAt: number;
  readonly at: number;
}

export interface SteadyShopperOptions {
  readonly sku: string;
  /** Between an answer and the next checkout. */
  readonly pauseMs: number;
  /** The card of the next checkout, by the number of those before. Default: one that is never declined. */
  readonly card?: (before: number) => string;
  readonly accepted?: (checkout: Placed) => void;
}

export class SteadyShopper {
  readonly placed: Accepted[] = [];
  readonly #shopper: Shopper;
  readonly #options: SteadyShopperOptions;
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(shopper: Shopper, options: SteadyShopperOptions) {
    this.#shopper = shopper;
    this.#options = options;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { sku, pauseMs, card = () => "pm_card_visa", accepted } = this.#options;
    while (!this.#isStopped) {
      const begunAt = performance.now();
      const cart = cartOf([sku], card(this.placed.length), CURRENCY);
      const one = await this.#shopper.checkout(cart, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS);
      accepted?.(one);
      this.placed.push({ ...one, begunAt, at: performance.now() });
      await Bun.sleep(pauseMs);
    }
  }

  /** Resolves with those that began after `since`, when they are that many. Default: after now. */
  async places(count: number, since = performance.now()): Promise<readonly Accepted[]> {
    const later = () => this.placed.filter(({ begunAt }) => begunAt >= since);
    await waitUntil(`${count} more checkouts`, () => later().length >= count, { timeoutMs: PATIENCE_MS });
    return later();
  }

  /** Resolves with all. */
  async stop(): Promise<readonly Accepted[]> {
    this.#isStopped = true;
    await this.#running;
    return this.placed;
  }

  /** How these have ended: COMPLETED, or the failure. Waits for each. */
  async endsOf(placed: readonly Placed[]): Promise<ReadonlySet<string>> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    const views = await Promise.all(placed.map(({ saga_id }) => this.#shopper.status(saga_id, giveUpAt)));
    return new Set(views.map((view) => existing(view).failure_code ?? existing(view).status));
  }
}
