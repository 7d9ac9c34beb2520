// Which names a role answers to. A page in an operator's browser can have a name of its own lead to a private address and then
// speak to whatever listens there; the Host header gives it away. Called by serve-http.ts.
import { isIP } from "node:net";
import { hostname as machineName } from "node:os";

/** RFC 3986 host, as far as servers have such names: a name with or without its closing dot, or an address; then a port. */
const HOST = /^(?:([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?|\[([0-9a-f:.]+)\])(?::\d{0,5})?$/i;

/** `served`: it names this server, or nobody. `unknown`: it names another one. */
export type HostVerdict = "served" | "unknown" | "malformed";

/**
 * Returns the function that says whom a Host header (null where a request has none) names. `configured` is the
 * text of SERVED_NAMES, `listening` the address it listens on. Addresses are served in any case: no page can have one of
 * another's. So is a request that names nobody, which browsers never send.
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
