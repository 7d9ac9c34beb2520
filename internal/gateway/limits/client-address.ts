// Pure. Which address a request comes from, and which addresses count as one client. Called by hooks.ts.
import { isIP } from "node:net";

/** An address in an X-Forwarded-For header, with an optional port. */
const WITH_PORT = /^(?:\[([0-9a-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/i;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The client's address. `socket` is the peer of the connection. Each of our `trustedProxies` has added its own peer at the end of
 * `forwardedFor`; everything before that may be invented. An entry that is no address counts as none.
 */
export function clientAddress(socket: string, forwardedFor: string | null, trustedProxies: number): string {
  if (trustedProxies === 0 || forwardedFor === null) return plain(socket);
  const entry = forwardedFor.split(",").at(-trustedProxies)?.trim() ?? "";
  const [, six, four] = WITH_PORT.exec(entry) ?? [];
  const address = six ?? four ?? entry;
  return plain(isIP(address) === 0 ? socket : address);
}

/** Addresses that one client can use at will: a host's own, or its /64 (RFC 4291: one network of IPv6). */
export function clientKey(address: string): string {
  return isIP(address) === 6 ? prefixOf(address, 4) : address;
}

/** Addresses that one person can easily use: a /24, or a /48, the usual size of a customer's IPv6 site (RFC 6177). */
export function networkKey(address: string): string {
  if (isIP(address) === 6) return prefixOf(address, 3);
  return address.split(".").slice(0, 3).join(".");
}

function plain(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address;
}

/** The first `count` groups of 16 bits of an IPv6 address. */
function prefixOf(address: string, count: number): string {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const front = groups(head);
  // `::` stands for as many zeros as are missing; an IPv4 address at the end fills two groups.
  const back = groups(tail ?? "");
  const filled = back.length + (address.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - front.length - filled }, () => "0");
  return [...front, ...zeros, ...back]
    .slice(0, count)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
