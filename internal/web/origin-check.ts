// Which POSTs are a site's own. A page of another site must not press a button in a visitor's name: the session cookie is SameSite, and
// this is the second lock. Pure; the storefront and the console call it for every POST.

interface Sent {
  readonly origin: string | null;
  readonly host: string | null;
  /** Sec-Fetch-Site, which no script can set. Old browsers and plain http send none. */
  readonly site: string | null;
}

/** Whether a page of the site itself sent this POST; see isOwnPost. */
export function isOwnRequest({ headers }: Request, publicUrl: string | undefined): boolean {
  return isOwnPost(
    { origin: headers.get("origin"), host: headers.get("host"), site: headers.get("sec-fetch-site") },
    publicUrl,
  );
}

/** `publicUrl` is the site's public address; without it, the Host header names the site. */
export function isOwnPost({ origin, host, site }: Sent, publicUrl: string | undefined): boolean {
  if (site !== null && site !== "same-origin") return false;
  // A page with `Referrer-Policy: no-referrer` sends `Origin: null` even to its own server.
  if (origin === null || origin === "null") return site === "same-origin";
  const url = URL.parse(origin);
  if (url === null) return false;
  if (publicUrl !== undefined && origin === new URL(publicUrl).origin) return true;
  return host !== null && url.host === host.toLowerCase();
}
