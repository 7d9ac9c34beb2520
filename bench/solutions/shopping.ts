// The load on a contestant: arrivals at a fixed rate whether or not it keeps up. Every second shopper is patient and sends again
// under the same key, as a good shop's page does; the others leave at the first error, as a closed laptop does.
import { openLoop } from "../open-loop.ts";
import { cartOf } from "../shopper.ts";
import type { Contestant } from "./contestant.ts";

const PATIENCE_MS = 30_000;
/** Of the cards, so that undoing is a part of the load. */
const DECLINED_ONE_IN = 20;
const POLL_MS = 50;

export interface Purchase {
  readonly key: string;
  readonly intendedAt: number;
  /** What the shopper was given; null for one who was refused or has left. */
  readonly id: string | null;
  /** Has a card that will be declined. */
  readonly isDeclined: boolean;
}

export interface ShoppingOptions {
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Each cart holds one unit of one of them, in turn. */
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
