// Who buys during the drill: the shoppers of the chaos runs, with every kind of checkout that both releases know, and one who cancels orders.
import { join } from "node:path";
import { type Case, CASES } from "../../../bench/chaos/cases.ts";
import { providerOf } from "../../../bench/chaos/providers.ts";
import type { Shelf } from "../../../bench/chaos/shelves.ts";
import { type Checkout, Shopping } from "../../../bench/chaos/shopping.ts";
import { operatorHeaders } from "../../../bench/operator-token.ts";
import { cartOf, Shopper } from "../../../bench/shopper.ts";
import { putJson } from "../../../bench/system.ts";
import type { RestockRequest } from "../../../schemas/http.ts";
import { seeded } from "../../kernel/random.ts";
import type { RoleContext } from "../role-env.ts";
import type { StackAddresses } from "../state.ts";
import type { Release } from "./release.ts";

const PER_SECOND = 6;
const SEED = 1;
const USERS = 40;
const SKUS = 20;
const STOCK = 1_000_000;
/** Fewer than are wanted. */
const SCARCE_STOCK = 10;
const PRICE = { amount_cents: 1_250, currency: "EUR" };
const END_TIMEOUT_MS = 60_000;
const CANCEL_PAUSE_MS = 1_000;

export interface Customers {
  /** They buy what all of these sell. */
  readonly releases: readonly Release[];
  /** How long they wait for the end of a checkout. Default: that of a chaos run. */
  readonly patienceMs?: number | undefined;
}

/** Whether some of the checkouts wait for their shopper (3-D Secure). */
export function areAsked(releases: readonly Release[]): boolean {
  return releases.every((release) => release.sends("PaymentActionRequired"));
}

export class Shoppers {
  /** JSON lines with the saga of each 202, for the auditor. */
  readonly journal: string;
  readonly #shopping: Shopping;
  readonly #canceller: Promise<void>;
  readonly #over = new AbortController();
  /** Orders that a shopper has cancelled, and what went wrong with it. */
  #cancelled = 0;
  readonly #faults: string[] = [];

  private constructor(shopping: Shopping, journal: string, canceller: Shopper | undefined, shelf: Shelf) {
    this.#shopping = shopping;
    this.journal = journal;
    this.#canceller = canceller === undefined ? Promise.resolve() : this.#buyAndCancel(canceller, shelf);
  }

  /** Fills a shelf, and starts to buy from it what all these releases sell. */
  static async start(
    { addresses, secrets }: RoleContext,
    dataDirectory: string,
    { releases, patienceMs }: Customers,
  ): Promise<Shoppers> {
    const shelf = await fillShelf(addresses);
    const signIn = () =>
      Shopper.signIn({
        gateway: addresses.gateway,
        jwtSecret: secrets.jwt_hs256_secret,
        userId: Bun.randomUUIDv7(),
      });
    const shoppers = await Promise.all(Array.from({ length: USERS }, signIn));
    const journal = join(dataDirectory, "journal.jsonl");
    const shopping = new Shopping({
      system: { shoppers },
      random: seeded(SEED),
      ratePerSecond: PER_SECOND,
      shelves: [shelf],
      journal,
      cases: casesOf(releases),
      patienceMs,
    });
    const canCancel = releases.every((release) => release.sends("OrderCancelRefused"));
    return new Shoppers(shopping, journal, canCancel ? await signIn() : undefined, shelf);
  }

  get checkouts(): readonly Checkout[] {
    return this.#shopping.checkouts;
  }

  get cancelled(): number {
    return this.#cancelled;
  }

  /** Resolves when every checkout has its end. */
  async finish(): Promise<void> {
    this.#over.abort();
    await this.#canceller;
    await this.#shopping.finish();
  }

  /** What a shopper was promised and did not get, one sentence each. Complete after `finish`. */
  faults(): readonly string[] {
    const ends = this.checkouts.flatMap(
      ({ sagaId, refusal, end, isServed, provider, answer = "not asked" }) => {
        if (sagaId === undefined) return [`a checkout was never accepted: ${refusal ?? "no answer"}`];
        if (end === undefined)
          return [`saga ${sagaId} has not finished${refusal === undefined ? "" : `: ${refusal}`}`];
        return isServed === true
          ? []
          : [`saga ${sagaId} ended as ${end} (${provider}, the shopper: ${answer})`];
      },
    );
    return [...this.#shopping.violations, ...this.#faults, ...ends];
  }

  async #buyAndCancel(shopper: Shopper, { skus }: Shelf): Promise<void> {
    while (!this.#over.signal.aborted) {
      try {
        const giveUpAt = Date.now() + END_TIMEOUT_MS;
        const cart = cartOf(skus.slice(0, 1), "pm_card_visa", PRICE.currency);
        const { saga_id } = await shopper.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
        const view = await shopper.status(saga_id, giveUpAt);
        const answer = view?.order_id == null ? null : await shopper.cancelOrder(view.order_id);
        if (answer === null) this.#faults.push(`saga ${saga_id}: its order could not be cancelled`);
        else this.#cancelled += 1;
      } catch (error) {
        this.#faults.push(
          `an order to be cancelled: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      await Bun.sleep(CANCEL_PAUSE_MS);
    }
  }
}

/** Without PayPal and 3-D Secure, if a release does not know them: its gateway rejects the method and the field `shopper_present`. */
function casesOf(releases: readonly Release[]): readonly Case[] {
  const knowsBanks = areAsked(releases);
  const knowsPayPal = releases.every((release) => release.knows("OFFER_PAYPAL"));
  const known = CASES.filter(({ answer, method }) =>
    providerOf(method) === "paypal" ? knowsPayPal : answer === undefined || knowsBanks,
  );
  const total = known.reduce((sum, { share }) => sum + share, 0);
  return known.map((one) => ({ ...one, share: one.share / total }));
}

/** Of every release: an older inventory answers otherwise, so only success counts. */
async function fillShelf({ inventory, secrets_file }: StackAddresses): Promise<Shelf> {
  const { amount_cents: unit_price_cents, currency } = PRICE;
  const skus = Array.from({ length: SKUS }, (_, index) => `drill-${index}`);
  const scarceSku = "drill-scarce";
  const items = [...skus, scarceSku].map((sku_id) => ({
    sku_id,
    name: sku_id,
    unit_price_cents,
    currency,
    add_count: sku_id === scarceSku ? SCARCE_STOCK : STOCK,
  }));
  const body = { items } satisfies RestockRequest;
  await putJson(`${inventory}/catalogue`, body, await operatorHeaders(secrets_file));
  return { share: 1, price: PRICE, skus, scarceSku };
}
