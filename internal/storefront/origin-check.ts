// Which POSTs are the shop's own. A page of another site must not press a button in a shopper's name: the session cookie is
// SameSite=Lax, and this is the second lock. Pure; called by app.ts for every POST.

interface Sent {
  readonly origin: string | null;
  readonly host: string | null;
  /** Sec-Fetch-Site, which no script can set. Old browsers and plain http send none. */
  readonly site: string | null;
}

/** `shopUrl` is the shop's public address; without it, the Host header names the shop. */
export function isOwnPost({ origin, host, site }: Sent, shopUrl: string | undefined): boolean {
  if (site !== null && site !== "same-origin") return false;
  // A page with `Referrer-Policy: no-referrer` sends `Origin: null` even to its own server.
  if (origin === null || origin === "null") return site === "same-origin";
  const url = URL.parse(origin);
  if (url === null) return false;
  if (shopUrl !== undefined && origin === new URL(shopUrl).origin) return true;
  return host !== null && url.host === host.toLowerCase();
}
