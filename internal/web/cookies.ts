// Cookies of a site with pages. All are `__Host-`: only this host, only over TLS (or on localhost), never read by scripts. Pure. Used by the
// storefront and the console, each with names of its own.

/** Strict: never sent when another site leads here. Lax: sent when a link of another site leads here. */
export type SameSite = "Lax" | "Strict";

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
export function setCookie(
  name: string,
  value: string,
  maxAgeSeconds?: number,
  sameSite: SameSite = "Lax",
): string {
  const age = maxAgeSeconds === undefined ? "" : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${age}`;
}

export function clearCookie(name: string, sameSite: SameSite = "Lax"): string {
  return setCookie(name, "", 0, sameSite);
}
