// How the checkouts of a chaos run ended. Pure; called by run.ts and money.ts.
import { type Answer, ANSWERS } from "./bank-visit.ts";
import { type Provider, PROVIDERS } from "./providers.ts";
import type { Checkout } from "./shopping.ts";

/** The number of checkouts by failure code, or by status without one. */
export type Ends = Readonly<Record<string, number>>;

export function endsOf(checkouts: readonly Checkout[]): Ends {
  const ends: Record<string, number> = {};
  for (const { status, end } of checkouts) {
    const name = end ?? `still ${status ?? "unknown"}`;
    ends[name] = (ends[name] ?? 0) + 1;
  }
  return ends;
}

/** The ends of the checkouts whose bank (3-D Secure) or PayPal asks: by what the shopper does, then by currency. */
export type AnswerReport = Readonly<Partial<Record<Answer, Readonly<Record<string, Ends>>>>>;

export function answersOf(checkouts: readonly Checkout[]): AnswerReport {
  const report: Partial<Record<Answer, Record<string, Ends>>> = {};
  for (const answer of ANSWERS) {
    const answered = checkouts.filter((one) => one.answer === answer);
    if (answered.length === 0) continue;
    const currencies = new Set(answered.map(({ price }) => price.currency).toSorted());
    const endsIn = (currency: string) => endsOf(answered.filter(({ price }) => price.currency === currency));
    report[answer] = Object.fromEntries([...currencies].map((currency) => [currency, endsIn(currency)]));
  }
  return report;
}

export interface ProviderReport {
  readonly ends: Ends;
  readonly by_answer: AnswerReport;
}

/** The ends of the checkouts by who takes their money. */
export function providersOf(checkouts: readonly Checkout[]): Readonly<Record<Provider, ProviderReport>> {
  const reportOf = (provider: Provider): ProviderReport => {
    const own = checkouts.filter((one) => one.provider === provider);
    return { ends: endsOf(own), by_answer: answersOf(own) };
  };
  const [stripe, paypal] = PROVIDERS;
  return { [stripe]: reportOf(stripe), [paypal]: reportOf(paypal) };
}

/** How many of them could not be asked whether their bank takes a confirmation after the end. */
export function uncheckedOf(checkouts: readonly Checkout[]): number {
  return checkouts.filter(({ isBankUnchecked }) => isBankUnchecked === true).length;
}

/** `12 COMPLETED, 1 CARD_DECLINED`, most frequent first. */
export function endsText(ends: Ends): string {
  return Object.entries(ends)
    .toSorted(([, a], [, b]) => b - a)
    .map(([end, count]) => `${count} ${end}`)
    .join(", ");
}
