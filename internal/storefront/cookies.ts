// The storefront's cookies. All are `__Host-`: only this host, only over TLS (or on localhost), never read by scripts. Pure.

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

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** Values by name; a name that is sent twice keeps its first value. */
export function cookiesOf(header: string | null): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at < 0) continue;
    const name = part.slice(0, at).trim();
    if (!found.has(name)) found.set(name, part.slice(at + 1).trim());
  }
  return found;
}

/** The value must have only characters of RFC 6265's cookie-octet. Without an age the cookie ends with the browser session. */
export function setCookie(name: string, value: string, maxAgeSeconds?: number): string {
  const age = maxAgeSeconds === undefined ? "" : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; ${ATTRIBUTES}${age}`;
}

export function clearCookie(name: string): string {
  return setCookie(name, "", 0);
}
