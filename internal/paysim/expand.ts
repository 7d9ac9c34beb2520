// Stripe's `expand`: an answer holds the charge itself instead of its id (https://docs.stripe.com/api/expanding_objects). Only the charge of
// an intent can be expanded here. Pure. Called by requests.ts, listing.ts and the server.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import { invalidRequest } from "./errors.ts";

const CHARGE = "latest_charge";
/** As the SDK sends it, and as it is written by hand. */
const PARAM = /^expand\[\d*\]$/;

type Fields = Iterable<readonly [name: string, value: string]>;

export function isExpand(name: string): boolean {
  return PARAM.test(name);
}

/** `prefix` is `data.` in lists. */
export function badExpand(fields: Fields, prefix: "" | "data."): ProviderError | null {
  for (const [name, value] of fields)
    if (isExpand(name) && value !== `${prefix}${CHARGE}`)
      return invalidRequest(`The payment simulator cannot expand this property (${value}).`, "expand");
  return null;
}

/** Whether the request wants the charge. Its values are checked by `badExpand`. */
export function wantsCharge(fields: Fields): boolean {
  for (const [name] of fields) if (isExpand(name)) return true;
  return false;
}
