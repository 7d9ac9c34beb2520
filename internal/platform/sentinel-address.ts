// The setting REDIS_SENTINELS: where the Sentinels are, and the name that they have for the master. One URL with several hosts, because they
// share user, password and certificates. Called by config.ts, which checks it, and by redis.ts and doctor, which use it.
import { AppError } from "../kernel/errors.ts";
import { type RedisAddress, redisAddress } from "./redis-tls.ts";

export const SENTINELS_FORM =
  "redis://host:port,host:port,host:port/NAME (rediss:// with encryption, user:password@ in front of the first host), NAME as in `sentinel monitor NAME`";

const DEFAULT_PORT = 26_379;
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
  const isDistinct = new Set(nodes.map(({ place }) => place)).size === nodes.length;
  return isDistinct && nodes.every(({ url }) => isUrl(url)) ? { name, nodes } : null;
}

function isUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.hostname !== "" && url.port !== "0";
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

/** The address of another server with the same user, database and encryption. */
export function movedTo({ url, tls }: RedisAddress, { host, port }: Place): RedisAddress {
  const { protocol, username, password, pathname } = new URL(url);
  const login = username === "" && password === "" ? "" : `${username}:${password}@`;
  return { url: `${protocol}//${login}${textOf({ host, port })}${pathname}`, tls };
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:6379`, `[::1]:6379` */
export function textOf({ host, port }: Place): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
