// The shoppers of a drill: they buy all the time, at a light and steady rate, and follow each checkout to its end. Each 202 is written to a journal,
// which the audit compares with the saga database. Used by arena.ts.
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import { waitUntil } from "../wait.ts";

const PER_SECOND = 4;
/** How long a shopper retries and looks. */
const PATIENCE_MS = 120_000;

export interface Bought {
  /** Epoch ms, as all times here. */
  readonly placedAt: number;
  sagaId?: string;
  /** Requests until it was accepted. */
  attempts?: number;
  endedAt?: number;
  /** Why it did not end as an order. */
  fault?: string;
}

export interface ShoppersOptions {
  /** Somebody with a token of now. */
  readonly somebody: () => Promise<Shopper>;
  readonly sku: string;
  readonly currency: string;
  readonly journal: string;
}

export class Shoppers {
  /** In the order of their beginning. */
  readonly all: Bought[] = [];
  readonly #options: ShoppersOptions;
  readonly #open = new Set<Promise<Bought>>();
  readonly #over = new AbortController();
  readonly #coming: Promise<void>;

  constructor(options: ShoppersOptions) {
    this.#options = options;
    this.#coming = this.#come();
  }

  /** Buys one and follows it to its end. Never rejects. */
  buy(): Promise<Bought> {
    const bought: Bought = { placedAt: Date.now() };
    this.all.push(bought);
    const buying = this.#buy(bought)
      .catch((error: unknown) => {
        bought.fault = error instanceof Error ? error.message : String(error);
      })
      .then(() => bought);
    this.#open.add(buying);
    void buying.finally(() => this.#open.delete(buying));
    return buying;
  }

  /** Resolves when what was placed until now has ended. */
  async untilEnded(): Promise<void> {
    await Promise.all(this.#open);
  }

  /** Resolves when `count` that begin after now have ended as orders: everything works again. */
  async untilMore(count: number): Promise<void> {
    const since = Date.now();
    const ended = () =>
      this.all.filter(
        ({ placedAt, endedAt, fault }) => placedAt > since && endedAt !== undefined && fault === undefined,
      );
    await waitUntil(`${count} more orders`, () => ended().length >= count, { timeoutMs: PATIENCE_MS });
  }

  /** Nobody comes any more. Resolves when every checkout has ended, or its shopper has given up. */
  async finish(): Promise<void> {
    this.#over.abort();
    await this.#coming;
    await this.untilEnded();
  }

  async #come(): Promise<void> {
    while (!this.#over.signal.aborted) {
      void this.buy();
      await pause(1_000 / PER_SECOND);
    }
  }

  async #buy(bought: Bought): Promise<void> {
    const { somebody, sku, currency, journal } = this.#options;
    const giveUpAt = bought.placedAt + PATIENCE_MS;
    const shopper = await somebody();
    const cart = cartOf([sku], "pm_card_visa", currency);
    const { saga_id, attempts } = await shopper.checkout(cart, crypto.randomUUID(), giveUpAt);
    Object.assign(bought, { sagaId: saga_id, attempts });
    appendFileSync(journal, `${JSON.stringify({ saga_id, at: Date.now() })}\n`);
    const view = await shopper.status(saga_id, giveUpAt);
    bought.endedAt = Date.now();
    if (view?.status !== "COMPLETED") {
      const end = view === null ? "is not found" : `ended as ${view.failure_code ?? view.status}`;
      bought.fault = `checkout ${saga_id} ${end}`;
    }
  }
}
