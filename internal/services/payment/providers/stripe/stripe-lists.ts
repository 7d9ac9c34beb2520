// Finds a saga's charges in Stripe's list of payment intents, for accounts whose search does not answer: it is not offered everywhere.
// The list knows of a charge at once, but only by time, and what a time means hangs on our clock having been right when the charge was
// asked for. Called by stripe.ts.
import type { Stripe } from "stripe";

/** The most that Stripe gives at once. */
const PAGE_ENTRIES = 100;
/** A look-up that would read more than this tells nothing. */
const MAX_PAGES = 50;
/** Around the time that the charge was asked for: first as far as honest clocks differ, then as far as any clock was ever seen off. */
const SLACKS_MS = [2 * 60_000, 70 * 60_000];

/** When a charge was asked for, by our clock, in epoch ms. */
export interface RequestedBetween {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The intents of the saga, empty where there is none for certain; null where there are too many of others to tell. */
export async function findInList(
  stripe: Stripe,
  saga_id: string,
  { firstMs, lastMs }: RequestedBetween,
): Promise<readonly Stripe.PaymentIntent[] | null> {
  for (const slackMs of SLACKS_MS) {
    const created = {
      gte: Math.floor((firstMs - slackMs) / 1_000),
      lte: Math.ceil((lastMs + slackMs) / 1_000),
    };
    const found = await readList(stripe, saga_id, created);
    if (found === null || found.length > 0) return found;
  }
  return [];
}

async function readList(
  stripe: Stripe,
  saga_id: string,
  created: Stripe.RangeQueryParam,
): Promise<readonly Stripe.PaymentIntent[] | null> {
  const found: Stripe.PaymentIntent[] = [];
  let cursor: { readonly starting_after?: string } = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const { data, has_more } = await stripe.paymentIntents.list({ created, limit: PAGE_ENTRIES, ...cursor });
    found.push(...data.filter(({ metadata }) => metadata["saga_id"] === saga_id));
    const last = data.at(-1);
    if (!has_more || last === undefined) return found;
    cursor = { starting_after: last.id };
  }
  // What was found counts although others were not read: a saga has one charge.
  return found.length > 0 ? found : null;
}
