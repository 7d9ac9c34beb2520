// The address in a database's URL. It may have several hosts, in libpq's form: postgres://user@db1:5432,db2:5432/saga?sslmode=verify-full.
// `URL` does not know that form, so all code that needs a part of such a URL comes here.

import { type Place, samePlaceText, textOf } from "./server-place.ts";

const DEFAULT_PORT = 5_432;
const MAX_PORT = 65_535;

interface Parts {
  readonly scheme: string;
  /** `user:password@`, or empty. */
  readonly user: string;
  readonly hosts: string;
  /** From the first slash or question mark on. */
  readonly rest: string;
}

function partsOf(url: string): Parts | undefined {
  const [whole, scheme = "", user = "", hosts = "", rest = ""] =
    /^(postgres(?:ql)?):\/\/([^/?#]*@)?([^@/?#]*)([/?#].*)?$/i.exec(url) ?? [];
  return whole === undefined ? undefined : { scheme, user, hosts, rest };
}

/** Each once, also if it is written in several forms, as it is written first, in the order of the URL. Empty if one of them is none. */
export function hostsOf(url: string): readonly Place[] {
  const hosts = (partsOf(url)?.hosts.split(",") ?? []).map(hostOf);
  if (!hosts.every((host) => host !== undefined)) return [];
  return [...Map.groupBy(hosts, samePlaceText).values()].flatMap(([first]) => first ?? []);
}

function hostOf(text: string): Place | undefined {
  const [, host, port = DEFAULT_PORT] = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const number = Number(port);
  if (host === undefined || number < 1 || number > MAX_PORT || !URL.canParse(`postgres://${host}`))
    return undefined;
  const decoded = decodedOf(host.replace(/^\[|\]$/g, ""));
  return decoded === undefined ? undefined : { host: decoded, port: number };
}

/** Undefined for a percent sign that escapes nothing, as in the placeholder of a template that was not filled in. */
function decodedOf(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Of a URL that several hosts may be in: each of them, and a database. */
export function isPostgresUrl(text: string): boolean {
  const [host] = hostsOf(text);
  if (host === undefined) return false;
  const one = URL.parse(urlOf(text, host));
  // A name of a database with a comma would be an entry of a list of databases that lacks its name.
  return one !== null && one.pathname.length > 1 && !one.pathname.includes(",");
}

/** The URL with its first host alone, for a driver that does not know a list, or gets its sockets from elsewhere. */
export function firstUrlOf(url: string): string {
  const [first] = hostsOf(url);
  return first === undefined || partsOf(url)?.hosts.includes(",") !== true ? url : urlOf(url, first);
}

/** The URL with this host alone. */
export function urlOf(url: string, { host, port }: Place): string {
  const { scheme, user, rest } = partsOf(url) ?? { scheme: "postgres", user: "", rest: "" };
  return `${scheme}://${user}${textOf({ host, port })}${rest}`;
}

/** For people: all hosts and the database, without the credentials. */
export function placeOf(url: string): string {
  const { hosts, rest } = partsOf(url) ?? { hosts: "an unknown host", rest: "" };
  return hosts + rest.replace(/[?#].*$/, "");
}
