// The checkouts of mixed.suite.test.ts, each with the end that it must reach, and what its mail and the provider's ledger must say then. Pure. It
// has its own prices, sums and formats of amounts: nothing here asks the code that is tested.
import { PAYPAL } from "../../../schemas/http.ts";

export type Provider = "stripe" | "paypal";
/** What a payer does at the page of the bank or of PayPal. */
export type Answer = "confirm" | "approve" | "declined" | "capture_declined" | "refuse";

/** A country to which the order service sends nothing, which it finds out after the payment. */
export const NOT_SERVED = "AQ";
const CHALLENGED = "pm_card_threeDSecure2Required";
const DONE = "COMPLETED";
const NOT_CONFIRMED = "PAYMENT_NOT_CONFIRMED";

interface Kind {
  readonly name: string;
  /** Checkouts of this kind, in each currency and each half. */
  readonly count: number;
  readonly method: string;
  readonly country?: string;
  /** Missing: nobody is asked. Null: the payer opens the page and does nothing. */
  readonly answer?: Answer | null;
  /** The payer closes the page after the answer, and the shop hears of it from the provider alone. */
  readonly staysAway?: boolean;
  /** The failure code, or COMPLETED. */
  readonly end: string;
  /** Where the money is held first, if that differs. */
  readonly endOfHeld?: string;
}

const CARDS: readonly Kind[] = [
  { name: "paid", count: 4, method: "pm_card_visa", end: DONE },
  { name: "declined", count: 2, method: "pm_card_visa_chargeDeclined", end: "CARD_DECLINED" },
  { name: "returned", count: 2, method: "pm_card_visa", country: NOT_SERVED, end: "ADDRESS_NOT_SERVED" },
  { name: "confirmed", count: 3, method: CHALLENGED, answer: "confirm", end: DONE },
  {
    name: "confirmed, and returned",
    count: 1,
    method: CHALLENGED,
    answer: "confirm",
    country: NOT_SERVED,
    end: "ADDRESS_NOT_SERVED",
  },
  {
    name: "not confirmed",
    count: 2,
    method: CHALLENGED,
    answer: "refuse",
    end: "PAYMENT_INTENT_AUTHENTICATION_FAILURE",
  },
  { name: "abandoned", count: 2, method: CHALLENGED, answer: null, end: NOT_CONFIRMED },
  // The bank refuses only to hand over what it holds.
  {
    name: "not handed over",
    count: 2,
    method: "pm_sim_capture_declined",
    end: DONE,
    endOfHeld: "CARD_DECLINED",
  },
];

const AT_PAYPAL: readonly Kind[] = [
  { name: "approved", count: 6, method: PAYPAL, answer: "approve", end: DONE },
  { name: "approved from afar", count: 5, method: PAYPAL, answer: "approve", staysAway: true, end: DONE },
  {
    name: "declined",
    count: 3,
    method: PAYPAL,
    answer: "declined",
    end: "PAYMENT_METHOD_PROVIDER_DECLINE",
  },
  // PayPal would take an approval until the checkout ends.
  { name: "cancelled", count: 3, method: PAYPAL, answer: "refuse", end: NOT_CONFIRMED },
  { name: "abandoned", count: 2, method: PAYPAL, answer: null, end: NOT_CONFIRMED },
  {
    name: "returned",
    count: 2,
    method: PAYPAL,
    answer: "approve",
    country: NOT_SERVED,
    end: "ADDRESS_NOT_SERVED",
  },
  {
    name: "not handed over",
    count: 2,
    method: PAYPAL,
    answer: "capture_declined",
    end: "PAYMENT_METHOD_PROVIDER_DECLINE",
  },
];

/** Two products in each currency: their prices in minor units. The last digit of dinars is 0: cards take no smaller step. */
export const PRICES = {
  EUR: { digits: 2, tea: 1_234, mug: 505 },
  JPY: { digits: 0, tea: 1_999, mug: 350 },
  KWD: { digits: 3, tea: 4_320, mug: 1_050 },
} as const;
export type Currency = keyof typeof PRICES;
export const PRODUCTS = ["tea", "mug"] as const;
const SOLD_BY: Readonly<Record<Provider, readonly Currency[]>> = {
  stripe: ["EUR", "JPY", "KWD"],
  paypal: ["EUR", "JPY"],
};

export interface Line {
  readonly sku_id: string;
  readonly quantity: number;
  readonly unit_price_cents: number;
}

export interface Plan extends Omit<Kind, "count" | "endOfHeld"> {
  /** Unique, for messages and as the payer's address. */
  readonly id: string;
  readonly provider: Provider;
  readonly currency: Currency;
  readonly lines: readonly Line[];
  readonly total_cents: number;
  readonly isGerman: boolean;
  /** What moves at the provider, in this order. */
  readonly moves: readonly ("hold" | "charge" | "refund" | "cancel")[];
}

export function skuOf(product: (typeof PRODUCTS)[number], currency: Currency): string {
  return `${product}-${currency.toLowerCase()}`;
}

/** 100 checkouts, both providers and all currencies in turn. Of `heldFirst` the money is held before the stock is confirmed. */
export function planOf(half: string, heldFirst: Provider): readonly Plan[] {
  const kinds = { stripe: CARDS, paypal: AT_PAYPAL };
  const providers: readonly Provider[] = ["stripe", "paypal"];
  const all = providers.flatMap((provider) =>
    SOLD_BY[provider].flatMap((currency) =>
      kinds[provider].flatMap((kind) =>
        Array.from({ length: kind.count }, () => ({
          provider,
          currency,
          kind,
          held: provider === heldFirst,
        })),
      ),
    ),
  );
  // 37 has no divisor in common with 100.
  const mixed = all.map((_, index) => all[(index * 37) % all.length]).filter((one) => one !== undefined);
  return mixed.map(({ provider, currency, kind, held }, index) => {
    const { count: _, endOfHeld = kind.end, ...rest } = kind;
    const end = held ? endOfHeld : kind.end;
    const lines = linesOf(index, currency);
    return {
      ...rest,
      id: `${half}-${index}`,
      provider,
      currency,
      lines,
      total_cents: lines.reduce((sum, line) => sum + line.quantity * line.unit_price_cents, 0),
      isGerman: index % 2 === 1,
      end,
      moves: movesOf(kind, end, held),
    };
  });
}

function linesOf(index: number, currency: Currency): readonly Line[] {
  const quantities = { tea: 1 + (index % 4), mug: Math.floor(index / 4) % 3 };
  return PRODUCTS.filter((product) => quantities[product] > 0).map((product) => ({
    sku_id: skuOf(product, currency),
    quantity: quantities[product],
    unit_price_cents: PRICES[currency][product],
  }));
}

function movesOf({ name }: Kind, end: string, held: boolean): Plan["moves"] {
  const first = held ? (["hold"] as const) : [];
  if (end === DONE) return [...first, "charge"];
  if (end === "ADDRESS_NOT_SERVED") return [...first, "charge", "refund"];
  return held && name === "not handed over" ? ["hold", "cancel"] : [];
}

/** The amounts that the mail of this checkout must name, in this order: of each line and of the whole order, or none without an order. */
export function amountsInMail({ end, lines, total_cents, currency, isGerman }: Plan): readonly string[] {
  if (end !== DONE) return [];
  const { digits } = PRICES[currency];
  const textOf = (cents: number) => {
    const text = `${(cents / 10 ** digits).toFixed(digits)} ${currency}`;
    return isGerman ? text.replace(".", ",") : text;
  };
  return [...lines.map(({ unit_price_cents }) => textOf(unit_price_cents)), textOf(total_cents)];
}
