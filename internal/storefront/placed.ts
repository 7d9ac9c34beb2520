// The last placed checkout of this browser. Its cart stays until the order is confirmed, so that a refused card costs nothing but another
// try; while the order is open, its cart is not offered again.
import { AppError } from "../kernel/errors.ts";
import { type Cart, purchaseText } from "./cart.ts";
import { isKeyFor, type Offer } from "./checkout-key.ts";
import { clearCookie, setCookie } from "../web/cookies.ts";
import type { PostedCheckout } from "./checkout-form.ts";
import { KEY, PLACED, PRICES } from "./cookies.ts";
import type { CheckoutStatus } from "./port.ts";
import { type Prices, pricesFrom, pricesText } from "./price-changes.ts";
import { isFinished } from "./status.ts";
import { cartCookie, type Visit, withCart } from "./visit.ts";

const DAY_SECONDS = 24 * 60 * 60;
const PLACED_VALUE = /^([0-9a-f-]{36})\.([0-9a-z]+)(?:\.(shop-[0-9a-f-]+))?$/;

export function placedCookies(sagaId: string, { cart, key, prices }: PostedCheckout): readonly string[] {
  const placed = setCookie(PLACED, `${sagaId}.${hashOf(cart)}.${key}`, DAY_SECONDS);
  if (prices === null) return [placed, clearCookie(PRICES)];
  return [placed, setCookie(PRICES, `${sagaId}.${pricesText(cart, prices)}`, DAY_SECONDS)];
}

/** The prices that the form of this placed checkout had shown; null if that is not known any more. */
export function shownPrices({ cookies, cart }: Visit, sagaId: string): Prices | null {
  const [saga, text = ""] = (cookies.get(PRICES) ?? "").split(".");
  return saga === sagaId ? pricesFrom(text, cart) : null;
}

/** The key of the form, for the next form of the same offer. */
export function keyCookie(key: string): string {
  return setCookie(KEY, key, DAY_SECONDS);
}

/** The kept key, unless it has placed a checkout already or belongs to another offer. */
export function unspentKey(visit: Visit, offer: Offer): string | null {
  const key = visit.cookies.get(KEY) ?? "";
  return isKeyFor(key, offer) && placedOf(visit)?.key !== key ? key : null;
}

export interface Placed {
  readonly sagaId: string;
  readonly isSameCart: boolean;
  readonly key: string | undefined;
}

export function placedOf({ cookies, cart }: Visit): Placed | null {
  const [, sagaId, hash, key] = PLACED_VALUE.exec(cookies.get(PLACED) ?? "") ?? [];
  return sagaId === undefined ? null : { sagaId, isSameCart: hash === hashOf(cart), key };
}

/** Forgets the placed checkout, and with it the key that it has spent. */
export function forgotten(visit: Visit): readonly string[] {
  const isSpent = placedOf(visit)?.key === visit.cookies.get(KEY);
  return [clearCookie(PLACED), clearCookie(PRICES), ...(isSpent ? [clearCookie(KEY)] : [])];
}

export interface Settled {
  readonly visit: Visit;
  /** To be sent with the page. */
  readonly cookies: readonly string[];
  /** The open checkout that orders this very cart. */
  readonly pending: CheckoutStatus | null;
}

/** Empties the cart if its order is confirmed. One call to the orchestrator, and only while this browser has placed this cart. */
export async function settlePlaced(visit: Visit): Promise<Settled> {
  const placed = placedOf(visit);
  const { userId, options } = visit;
  if (placed === null || !placed.isSameCart || visit.cart.length === 0 || userId === null)
    return { visit, cookies: [], pending: null };
  const status = await options.data.status(placed.sagaId, userId).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    return undefined;
  });
  // Nobody answers: the cart is shown as it is. The key of the form still makes two orders impossible for one page.
  if (status === undefined) return { visit, cookies: [], pending: null };
  if (status?.status === "COMPLETED")
    return {
      visit: withCart(visit, []),
      cookies: [cartCookie([]), ...forgotten(visit)],
      pending: null,
    };
  return { visit, cookies: [], pending: status !== null && !isFinished(status) ? status : null };
}

/** Before something is added: a cart that was ordered is over, and what is added now is not taken for it. */
export async function startedAnew(visit: Visit): Promise<Pick<Settled, "visit" | "cookies">> {
  const placed = placedOf(visit);
  if (placed !== null && !placed.isSameCart) return { visit, cookies: forgotten(visit) };
  return settlePlaced(visit);
}

function hashOf(cart: Cart): string {
  return Bun.hash(purchaseText(cart)).toString(36);
}
