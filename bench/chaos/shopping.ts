// Shoppers who continue during faults and record every answer: each 202 is written to a journal at once, and every status is checked
// against the previous one. Violations that a shopper can see are found here.
import { appendFileSync } from "node:fs";
import type { SagaStatus, SagaStatusView } from "../../schemas/http.ts";
import { openLoop } from "../open-loop.ts";
import { cartOf, Refused, type Shopper } from "../shopper.ts";
import type { System } from "../system.ts";
import type { Money } from "../../internal/kernel/money.ts";
import { pick, type Random } from "../../internal/kernel/random.ts";
import { type Answer, BankVisit } from "./bank-visit.ts";
import { type Case, CASES, drawByShare } from "./cases.ts";
import { type Provider, providerOf, takes } from "./providers.ts";
import type { Shelf } from "./shelves.ts";
import { contradiction } from "./statuses.ts";

/** How long a shopper retries and polls by default. */
const PATIENCE_MS = 300_000;
/** Pauses before the first looks at a new checkout; later looks wait for the end. */
const EARLY_LOOKS_MS = [0, 100, 200, 400];
const WAIT_SECONDS = 10;
/** Shoppers whose bank will ask look more often: a status request answers early only at the end of the checkout. */
const ASKED_WAIT_SECONDS = 1;
const RETRY_MS = 250;
/** One in this many checkouts is sent again with the same key after its 202, as by a shopper who got no answer. */
const REPEATED = 10;

export interface Checkout {
  readonly intendedAt: number;
  /** Its card or its shopper makes it slow, so it does not count for recovery. */
  readonly isSlow: boolean;
  /** What the cart costs, in minor units of its currency. */
  readonly price: Money;
  /** Who takes the money. */
  readonly provider: Provider;
  /** What the shopper does when the bank asks. */
  readonly answer?: Answer | undefined;
  sagaId?: string;
  acceptedAt?: number;
  /** The number of attempts until it was accepted. */
  attempts?: number;
  /** Why it was never accepted. */
  refusal?: string;
  status?: SagaStatus;
  /** The failure code, or the status without one. */
  end?: string;
  /** What the shop says it cost. */
  totalCents?: number | null;
  /** True if it ended as without a fault. */
  isServed?: boolean;
  restAt?: number;
  /** Its bank was away after the end, so it is not known whether that still took a confirmation. */
  isBankUnchecked?: boolean;
}

export interface ShoppingOptions {
  readonly system: Pick<System, "shoppers">;
  readonly random: Random;
  readonly ratePerSecond: number;
  readonly shelves: readonly Shelf[];
  readonly journal: string;
  /** The kinds of checkouts; default is all. */
  readonly cases?: readonly Case[];
  /** How long a shopper retries and polls. */
  readonly patienceMs?: number | undefined;
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
    const { system, random, shelves, cases = CASES } = this.#options;
    const kind = drawByShare(cases, random());
    const payable = shelves.filter(({ price }) => takes(kind.method, price.currency));
    const shelf = drawByShare(payable, random());
    const pace = random();
    const shopper = system.shoppers[index % system.shoppers.length];
    if (shopper === undefined) throw new Error("the system has no shoppers");
    const skus = skusOf(kind, shelf, random);
    const { amount_cents, currency } = shelf.price;
    const checkout: Checkout = {
      intendedAt,
      isSlow: kind.isSlow ?? false,
      price: { amount_cents: amount_cents * skus.length, currency },
      provider: providerOf(kind.method),
      answer: kind.answer,
    };
    this.checkouts.push(checkout);
    const present = kind.answer === undefined ? {} : { shopper_present: true };
    const cart = { ...cartOf(skus, kind.method, currency, kind.country), ...present };
    const repeats = index % REPEATED === 0;
    const shopping = this.#shop(shopper, cart, checkout, { repeats, pace }).then(() => {
      checkout.isServed = checkout.end !== undefined && kind.ends.includes(checkout.end);
    });
    this.#open.add(shopping);
    void shopping.finally(() => this.#open.delete(shopping));
  }

  async #shop(
    shopper: Shopper,
    cart: Parameters<Shopper["checkout"]>[0],
    checkout: Checkout,
    { repeats, pace }: { readonly repeats: boolean; readonly pace: number },
  ): Promise<void> {
    const key = `chaos-${Bun.randomUUIDv7()}`;
    const giveUpAt = Date.now() + (this.#options.patienceMs ?? PATIENCE_MS);
    try {
      const { saga_id, attempts } = await shopper.checkout(cart, key, giveUpAt);
      Object.assign(checkout, { sagaId: saga_id, attempts, acceptedAt: Date.now() });
      appendFileSync(this.#options.journal, `${JSON.stringify({ saga_id, at: checkout.acceptedAt })}\n`);
      if (repeats) {
        const again = await shopper.checkout(cart, key, giveUpAt);
        if (again.saga_id !== saga_id)
          this.violations.push(`one Idempotency-Key became two sagas, ${saga_id} and ${again.saga_id}`);
      }
      const { answer, provider } = checkout;
      const visit =
        answer === undefined
          ? undefined
          : new BankVisit({ shopper, sagaId: saga_id, provider, answer, pace });
      await this.#follow(shopper, saga_id, checkout, { visit, giveUpAt });
    } catch (error) {
      checkout.refusal = error instanceof Error ? error.message : String(error);
      if (error instanceof Refused)
        this.violations.push(`a valid checkout was rejected: ${checkout.refusal}`);
    }
  }

  async #follow(
    shopper: Shopper,
    sagaId: string,
    checkout: Checkout,
    { visit, giveUpAt }: { readonly visit: BankVisit | undefined; readonly giveUpAt: number },
  ): Promise<void> {
    for (let looks = 0; Date.now() < giveUpAt; looks++) {
      const early = EARLY_LOOKS_MS[looks];
      if (early !== undefined) await Bun.sleep(early);
      const wait = visit?.isAwaited === true ? ASKED_WAIT_SECONDS : WAIT_SECONDS;
      const view = await shopper.look(sagaId, early === undefined ? wait : 0);
      if (view === undefined) await Bun.sleep(RETRY_MS);
      else if (view === null) this.violations.push(`saga ${sagaId} is not found after its 202`);
      else if (this.#note(checkout, view)) {
        const wrong = await visit?.ended(view.status, giveUpAt);
        if (wrong != null) this.violations.push(wrong);
        if (visit?.isUnchecked === true) checkout.isBankUnchecked = true;
        return;
      } else if (view.next_action !== undefined && visit !== undefined) {
        // What is away meanwhile is tried again at the next look.
        await visit.asked().catch(() => Bun.sleep(RETRY_MS));
      }
    }
  }

  /** Records the status. True if the saga has finished. */
  #note(checkout: Checkout, view: SagaStatusView): boolean {
    const wrong = contradiction(checkout.status, view.status);
    if (wrong !== null) this.violations.push(`saga ${view.saga_id}: ${wrong}`);
    checkout.status = view.status;
    if (view.completed_at === null) return false;
    checkout.end = view.failure_code ?? view.status;
    checkout.totalCents = view.total_cents;
    checkout.restAt = Date.now();
    return true;
  }
}

/** Neighbours on the shelf, and perhaps its scarce product. */
function skusOf({ lines, isScarce = false }: Case, { skus, scarceSku }: Shelf, random: Random): string[] {
  const count = pick(random, lines);
  const first = Math.floor(random() * skus.length);
  return Array.from({ length: count }, (_, line) =>
    isScarce && line === 0 ? scarceSku : (skus[(first + line) % skus.length] ?? ""),
  );
}
