// The names of the storefront's cookies. internal/web/cookies.ts says what they have in common.

export const SESSION = "__Host-session";
export const CART = "__Host-cart";
/** Language and theme. */
export const PREFERENCES = "__Host-view";
/** What the shopper typed at the last checkout, so that nothing is asked twice. Ends with the browser session. */
export const DETAILS = "__Host-details";
/** The Idempotency-Key of the checkout form that is open. A reload, a second tab and a lost answer find it again. */
export const KEY = "__Host-key";
/** The last placed checkout: its key and saga. Finds the order again after the back button. */
export const PLACED = "__Host-placed";
/** The prices that its form had shown. A cookie of its own, so that an older gateway still reads the one above. */
export const PRICES = "__Host-prices";
