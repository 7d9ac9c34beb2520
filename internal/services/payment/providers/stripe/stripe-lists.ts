// Finds a saga's charges in Stripe's list of payment intents, for accounts without search: it is not offered everywhere. The list shows a
// charge at once, but can only be filtered by time, so it depends on our clock at the time of the request. Called by stripe.ts.
import type { Stripe } from "stripe";
import type { TimeLeft } from "./call-time.ts";
import { WITH_CHARGES } from "./stripe-card.ts";

/** Stripe's maximum. */
const PAGE_ENTRIES = 100;
/** A lookup that would read more pages than this has no result. */
const MAX_PAGES = 50;
/** Around the time of the request: first as far as good clocks differ, then as far as any clock was ever seen to be wrong. */
const SLACKS_MS = [2 * 60_000, 70 * 60_000];

/** When a charge was requested, by our clock, in epoch ms. */
export interface RequestedBetween {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The saga's intents; empty if there is certainly none; null if there are too many others to tell. */
export async function findInList(
  stripe: Stripe,
  saga_id: string,
  { firstMs, lastMs }: RequestedBetween,
  limits: TimeLeft,
): Promise<readonly Stripe.PaymentIntent[] | null> {
  for (const slackMs of SLACKS_MS) {
    const created = {
      gte: Math.floor((firstMs - slackMs) / 1_000),
      lte: Math.ceil((lastMs + slackMs) / 1_000),
    };
    const found = await readList(stripe, saga_id, created, limits);
    if (found === null || found.length > 0) return found;
  }
  return [];
}

async function readList(
  stripe: Stripe,
  saga_id: string,
  created: Stripe.RangeQueryParam,
  limits: TimeLeft,
): Promise<readonly Stripe.PaymentIntent[] | null> {
  const found: Stripe.PaymentIntent[] = [];
  let cursor: { readonly starting_after?: string } = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const asked = { created, limit: PAGE_ENTRIES, ...cursor, ...WITH_CHARGES };
    const { data, has_more } = await stripe.paymentIntents.list(asked, limits());
    found.push(...data.filter(({ metadata }) => metadata["saga_id"] === saga_id));
    const last = data.at(-1);
    if (!has_more || last === undefined) return found;
    cursor = { starting_after: last.id };
  }
  // A found intent counts although some pages were not read: a saga has one charge.
  return found.length > 0 ? found : null;
}
