// The load on a contestant: arrivals at a fixed rate, even if it is slow. Every second shopper retries with the same key, like a good
// shop's page; the others leave at the first error, like a closed laptop.
import { openLoop } from "../open-loop.ts";
import { cartOf } from "../shopper.ts";
import type { Contestant } from "./contestant.ts";

const PATIENCE_MS = 30_000;
/** One in this many cards is declined, so that compensation is part of the load. */
const DECLINED_ONE_IN = 20;
const POLL_MS = 50;

export interface Purchase {
  readonly key: string;
  readonly intendedAt: number;
  /** The id that the shopper got; null if refused or left. */
  readonly id: string | null;
  /** True if the card will be declined. */
  readonly isDeclined: boolean;
}

export interface ShoppingOptions {
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Each cart has one unit of one of them, in turn. */
  readonly skus: readonly string[];
}

/** Resolves when every shopper has an answer or has left. */
export async function shop(
  { shoppers }: Contestant,
  { ratePerSecond, seconds, skus }: ShoppingOptions,
): Promise<readonly Purchase[]> {
  const purchases: Purchase[] = [];
  const total = Math.round(ratePerSecond * seconds);
  const arrive = async (index: number, intendedAt: number) => {
    const key = `solutions-${Bun.randomUUIDv7()}`;
    const isDeclined = index % DECLINED_ONE_IN === 0;
    const card = isDeclined ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
    const giveUpAt = index % 2 === 0 ? 0 : Date.now() + PATIENCE_MS;
    const placed = await shoppers[index % shoppers.length]
      ?.checkout(cartOf([skus[index % skus.length] ?? ""], card, "EUR"), key, giveUpAt)
      .catch(() => undefined);
    purchases.push({ key, intendedAt, id: placed?.saga_id ?? null, isDeclined });
  };
  await openLoop(ratePerSecond, total, (index, intendedAt) => void arrive(index, intendedAt));
  while (purchases.length < total) await Bun.sleep(POLL_MS);
  return purchases;
}
