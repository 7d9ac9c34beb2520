// Checks the Host header against the names of a role. Protects against DNS rebinding: a page in an operator's browser can let its
// own name point to a private address and talk to the server there; its Host header is that name. Called by serve-http.ts.
import { isIP } from "node:net";
import { hostname as machineName } from "node:os";

/** RFC 3986 host, as servers use it: a name with or without a trailing dot, or an address; then an optional port. */
const HOST = /^(?:([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?|\[([0-9a-f:.]+)\])(?::\d{0,5})?$/i;

/** `served`: this server's name, or no name. `unknown`: another server's name. */
export type HostVerdict = "served" | "unknown" | "malformed";

/**
 * Returns a function that judges a Host header (null if a request has none). `configured` is the text of SERVED_NAMES,
 * `listening` the listen address. Addresses are always served: a foreign page cannot have this server's address. A request
 * without a name is served too: browsers never send one.
 */
export function hostNames(configured: string, listening: string): (host: string | null) => HostVerdict {
  const own = machineName().toLowerCase();
  const names = new Set(
    [...configured.split(","), "localhost", own, own.split(".")[0] ?? own, listening].map((name) =>
      name.trim().toLowerCase().replace(/\.$/, ""),
    ),
  );
  return (host) => {
    if (host === null || host === "") return "served";
    const [, name, address6] = HOST.exec(host) ?? [];
    if (name === undefined) return address6 !== undefined && isIP(address6) === 6 ? "served" : "malformed";
    return names.has(name.toLowerCase()) || isIP(name) === 4 ? "served" : "unknown";
  };
}
