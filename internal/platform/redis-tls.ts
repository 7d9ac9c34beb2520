// Encrypted connections to Redis: `rediss://`, and the files of certificates under the names that redis-py gives them in a URL. The client
// (redis 6.3.1) takes no file from a URL. Called by redis.ts.
import { AppError } from "../kernel/errors.ts";
import { readNamedFile } from "./kept-file.ts";

const FILES = { ssl_ca_certs: "ca", ssl_certfile: "cert", ssl_keyfile: "key" } as const;

export interface RedisAddress {
  /** Without the names of files. */
  readonly url: string;
  /** For the client. */
  readonly tls:
    | {
        readonly tls: true;
        readonly minVersion: "TLSv1.3";
        readonly ca?: string;
        readonly cert?: string;
        readonly key?: string;
      }
    | Readonly<Record<string, never>>;
}

/** The server must be of the authority in `ssl_ca_certs` (public ones without it) and have the URL's host. Throws CONFIG_INVALID. */
export function redisAddress(text: string): RedisAddress {
  const url = URL.parse(text);
  if (url === null) return { url: text, tls: {} };
  const files: Partial<Record<"ca" | "cert" | "key", string>> = {};
  for (const [name, option] of Object.entries(FILES)) {
    const path = url.searchParams.get(name);
    if (path === null) continue;
    if (url.protocol !== "rediss:")
      throw new AppError(
        "CONFIG_INVALID",
        `a Redis URL with ${name} must begin with rediss://, otherwise nothing is encrypted`,
      );
    files[option] = readNamedFile(`a Redis URL with ${name}`, path);
    url.searchParams.delete(name);
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new AppError(
      "CONFIG_INVALID",
      "a Redis URL has only one of ssl_certfile and ssl_keyfile: set both",
    );
  return {
    url: url.href,
    tls: url.protocol === "rediss:" ? { tls: true, minVersion: "TLSv1.3", ...files } : {},
  };
}
