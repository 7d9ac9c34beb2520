// The payment providers of a chaos run: who is paid by which method, in which currency, and on which table of the saga. Pure.
import { PAYPAL } from "../../schemas/http.ts";

/** In the order of the report. */
export const PROVIDERS = ["stripe", "paypal"] as const;
export type Provider = (typeof PROVIDERS)[number];
/** Of the currencies of a chaos run, those in which PayPal takes money. */
const AT_PAYPAL: ReadonlySet<string> = new Set(["EUR", "JPY"]);

export function providerOf(method: string): Provider {
  return method === PAYPAL ? "paypal" : "stripe";
}

/** By default the tables of the saga change places with each seed, so that repeated runs cover both tables with both providers. */
export function authorizeFirstBy(seed: number): readonly Provider[] {
  return [seed % 2 === 1 ? "stripe" : "paypal"];
}

/** Names with commas between them; an empty text is none. Null if there is an unknown or a repeated name. */
export function parseProviders(text: string): readonly Provider[] | null {
  const names = text === "" ? [] : text.split(",");
  const known = PROVIDERS.filter((provider) => names.includes(provider));
  return known.length === names.length ? known : null;
}

/** Whether a cart in `currency` can be paid with `method`. */
export function takes(method: string, currency: string): boolean {
  return providerOf(method) !== "paypal" || AT_PAYPAL.has(currency);
}
