// One page or form of the storefront.
import { AppError } from "../../kernel/errors.ts";
import type { CheckoutStatus } from "../port.ts";
import { seeOther } from "../respond.ts";
import type { Visit } from "../visit.ts";

export interface ShopRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The label of the metric. */
  readonly name: string;
  readonly handle: (visit: Visit) => Response | Promise<Response>;
}

export class NotFound extends Error {}
/** The shopper may well be signed in, but nobody can check it now. */
export class SignInUnknown extends Error {}

/** To the sign-in and back. Throws SignInUnknown where signing in again would not help. */
export function signInFirst(visit: Visit): Response {
  if (visit.isSignInUnknown) throw new SignInUnknown();
  return seeOther(`/signin?needed=1&back=${encodeURIComponent(visit.here)}`);
}

/** The shopper's open checkouts. The page does not depend on them: without an answer it shows none. */
export async function openCheckouts({ options, userId, request }: Visit): Promise<readonly CheckoutStatus[]> {
  if (userId === null) return [];
  try {
    return await options.data.openCheckouts(userId);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    options.onError(error, request);
    return [];
  }
}
