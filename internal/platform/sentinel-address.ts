// The setting REDIS_SENTINELS: where the Sentinels are, and the name that they have for the master. One URL with several hosts, because they
// share user, password and certificates. Called by config.ts, which checks it, and by redis.ts and doctor, which use it.
import { AppError } from "../kernel/errors.ts";
import { type RedisAddress, redisAddress } from "./redis-tls.ts";
import { type Place, samePlaceText, textOf } from "./server-place.ts";

export const SENTINELS_FORM =
  "redis://host:port,host:port,host:port/NAME (rediss:// with encryption, user:password@ in front of the first host), NAME as in `sentinel monitor NAME`";

const DEFAULT_PORT = 26_379;
const REDIS_PORT = 6_379;
/** More would only cost connections. */
const MAX_SENTINELS = 9;
/** Names as Sentinel accepts them. */
const SENTINELS = /^(rediss?:\/\/)([^@/?#]*@)?([^@/?#]+)\/([A-Za-z0-9._-]+)(\?[^#]*)?$/;
const PLACE = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:,[\]%]+)(?::\d{1,5})?$/;

/** One Sentinel. */
export interface SentinelUrl {
  /** `host:port`, without the password. */
  readonly place: string;
  readonly url: string;
}

export interface SentinelUrls {
  /** Of the master, as the Sentinels call it. */
  readonly name: string;
  readonly nodes: readonly SentinelUrl[];
}

/** Null if the text is not of `SENTINELS_FORM`. Reads no file. */
export function sentinelUrls(text: string): SentinelUrls | null {
  const [, scheme = "", login = "", hosts = "", name = "", query = ""] = SENTINELS.exec(text) ?? [];
  const places = hosts.split(",");
  if (name === "" || places.length > MAX_SENTINELS || !places.every((place) => PLACE.test(place)))
    return null;
  const nodes = places.map((place) => {
    const at = /:\d+$/.test(place) ? place : `${place}:${DEFAULT_PORT}`;
    return { place: at, url: `${scheme}${login}${at}${query}` };
  });
  const servers = nodes.map(({ url }) => serverOf(url));
  const isDistinct = new Set(servers).size === nodes.length;
  return isDistinct && !servers.includes(undefined) ? { name, nodes } : null;
}

/** In the form for comparing; undefined if it is none. */
function serverOf(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.hostname === "" || url.port === "0") return undefined;
  return samePlaceText({ host: url.hostname, port: Number(url.port) });
}

export interface SentinelsAddress {
  readonly name: string;
  readonly nodes: readonly { readonly place: string; readonly address: RedisAddress }[];
}

/** Throws CONFIG_INVALID if it has another form, or names a certificate file that cannot be used. */
export function sentinelsAddress(text: string): SentinelsAddress {
  const found = sentinelUrls(text);
  if (found === null)
    throw new AppError("CONFIG_INVALID", `REDIS_SENTINELS is not valid: set it to ${SENTINELS_FORM}`);
  const nodes = found.nodes.map(({ place, url }) => ({ place, address: redisAddress(url) }));
  return { name: found.name, nodes };
}

/** `host:port` of the server that a valid REDIS_URL leads to, in the form for comparing; empty for a socket file. */
export function redisPlace(url: string): string {
  const { hostname = "", port = "" } = URL.parse(url) ?? {};
  return hostname === "" ? "" : samePlaceText({ host: hostname, port: Number(port || REDIS_PORT) });
}

/** The address of another server with the same user, database and encryption. */
export function movedTo({ url, tls }: RedisAddress, { host, port }: Place): RedisAddress {
  const { protocol, username, password, pathname } = new URL(url);
  const login = username === "" && password === "" ? "" : `${username}:${password}@`;
  return { url: `${protocol}//${login}${textOf({ host, port })}${pathname}`, tls };
}
