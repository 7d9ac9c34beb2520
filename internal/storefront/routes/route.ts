// One page or form of the storefront.
import { AppError } from "../../kernel/errors.ts";
import type { CheckoutStatus, TooManyRequests } from "../port.ts";
import { seeOther } from "../../web/respond.ts";
import { ownPath } from "../../web/own-path.ts";
import type { Visit } from "../visit.ts";

interface AnyRoute {
  readonly path: string;
  /** The label of the metric. */
  readonly name: string;
  readonly handle: (visit: Visit) => Response | Promise<Response>;
}

interface PageRoute extends AnyRoute {
  readonly method: "GET";
}

export interface FormRoute extends AnyRoute {
  readonly method: "POST";
  /** The page that the form stands on: an address to go back to, for many of these have no page of their own. */
  readonly pageOf: (
    params: Readonly<Record<string, string>>,
    /** Without fields where it was not read. */
    form: URLSearchParams,
  ) => string;
  /** Answers in place of `handle` when there were too many requests; without it a page says so. */
  readonly limited?: (visit: Visit, error: TooManyRequests) => Response | Promise<Response>;
}

export type ShopRoute = PageRoute | FormRoute;

/** The page of a form that says itself where it stands. */
export function backOf(form: URLSearchParams, otherwise: string): string {
  return ownPath(form.get("back"), otherwise);
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
export async function openCheckouts(visit: Visit): Promise<readonly CheckoutStatus[]> {
  const { userId } = visit;
  return userId === null ? [] : withoutAnswer(visit, visit.options.data.openCheckouts(userId), []);
}

/** For what a page can do without: `otherwise` if the service does not answer, which operators learn. */
export async function withoutAnswer<Answer, Other>(
  { options, request }: Visit,
  answer: Promise<Answer>,
  otherwise: Other,
): Promise<Answer | Other> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    options.onError(error, request);
    return otherwise;
  }
}
