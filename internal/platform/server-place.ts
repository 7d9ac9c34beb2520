// Pure. Host and port of a server as text: for people and for connecting as it was written, for comparing in one form, because one server may be
// written in several (`localhost`, `127.0.0.1:6379`, `[0:0:0:0:0:0:0:1]`). Used by the clients of Redis, of its Sentinels and of Postgres, and by doctor.

export interface Place {
  /** A name or an IP address, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:6379`, `[::1]:6379` */
export function textOf({ host, port }: Place): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * The same text for the same address: lower case, no dot at the end, IP addresses in their shortest form, `localhost` as 127.0.0.1. Names are not
 * looked up: two names of one server stay two.
 */
export function samePlaceText({ host, port }: Place): string {
  return textOf({ host: sameHost(host), port });
}

/** See `samePlaceText`. With or without brackets. */
export function sameHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  // The parser of URLs knows all forms of an address (WHATWG URL, host parsing). It refuses some names that servers may have.
  const parsed = URL.parse(`http://${bare.includes(":") ? `[${bare}]` : bare}`)?.hostname ?? bare;
  const name = parsed.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return name === "localhost" ? "127.0.0.1" : (unmapped(name) ?? name);
}

/** Of `::ffff:7f00:1`, as the parser writes an IPv4 address on an IPv6 socket. */
function unmapped(host: string): string | undefined {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((number) => [number >> 8, number & 0xff])
    .join(".");
}
