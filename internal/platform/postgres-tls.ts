// Encrypted connections to Postgres, from the names that libpq gives to the settings in a URL: sslmode, sslrootcert, sslcert, sslkey. The
// driver (postgres 3.4.9) knows sslmode alone and would send the others to the server, which refuses them. Called by postgres.ts.
import type { ConnectionOptions } from "node:tls";
import { AppError } from "../kernel/errors.ts";
import { KeptFile } from "./kept-file.ts";

const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type Mode = (typeof MODES)[number];

/** Of the modes that check somebody. Any OpenSSL from 1.1.1 on has it. */
const MIN_VERSION = "TLSv1.3";

export interface PostgresAddress {
  /** Without the settings of TLS. */
  readonly url: string;
  /** For the driver. */
  readonly ssl: false | "allow" | "prefer" | "require" | ConnectionOptions;
}

/**
 * `verify-full` checks that the certificate is of the authority in `sslrootcert` and of the host in the URL; `verify-ca` does not check the
 * host; the others encrypt for whoever answers. Without `sslrootcert`, or with `system`, public authorities are trusted. Throws
 * CONFIG_INVALID for an unknown mode and for a file that cannot be read.
 */
export function tlsOf(url: string): PostgresAddress {
  const { bare, ...settings } = taken(url);
  const mode = settings.sslmode ?? "disable";
  if (!isMode(mode))
    throw new AppError(
      "CONFIG_INVALID",
      `sslmode=${mode} of a database's URL is unknown: set it to one of ${MODES.join(", ")}`,
    );
  const isChecked = mode === "verify-full" || mode === "verify-ca";
  const { sslrootcert, sslcert, sslkey } = settings;
  if (sslrootcert !== undefined && !isChecked)
    throw new AppError(
      "CONFIG_INVALID",
      `sslmode=${mode} of a database's URL does not look at sslrootcert: set sslmode=verify-full, or leave out sslrootcert`,
    );
  if ((sslcert === undefined) !== (sslkey === undefined))
    throw new AppError("CONFIG_INVALID", "a database's URL has only one of sslcert and sslkey: set both");
  if (mode === "disable") return { url: bare, ssl: false };
  if (!isChecked && sslcert === undefined) return { url: bare, ssl: mode };
  const files = {
    ...(sslrootcert === undefined || sslrootcert === "system"
      ? {}
      : { ca: new KeptFile("a database URL with sslrootcert", sslrootcert) }),
    ...(sslcert === undefined ? {} : { cert: new KeptFile("a database URL with sslcert", sslcert) }),
    ...(sslkey === undefined ? {} : { key: new KeptFile("a database URL with sslkey", sslkey) }),
  };
  return { url: bare, ssl: optionsOf(mode, files) };
}

type Files = Readonly<Partial<Record<"ca" | "cert" | "key", KeptFile>>>;

/** The driver copies the options for every connection, so each reads the files as they are then: a certificate is replaced without a restart. */
function optionsOf(mode: Mode, files: Files): ConnectionOptions {
  const read = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, { enumerable: true, get: () => file.text }]),
  );
  return Object.defineProperties(
    {
      minVersion: MIN_VERSION,
      ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
      ...(mode === "verify-full" || mode === "verify-ca" ? {} : { rejectUnauthorized: false }),
    },
    read,
  );
}

function taken(url: string) {
  // A URL with several hosts is one for the driver only.
  const [address = "", ...query] = url.split("?");
  const parameters = new URLSearchParams(query.join("?"));
  const take = (name: string): string | undefined => {
    const value = parameters.get(name) ?? undefined;
    parameters.delete(name);
    return value;
  };
  // The driver's own name of the mode.
  const [ssl, sslmode] = [take("ssl"), take("sslmode")];
  const servers = take("target_session_attrs");
  if (servers !== undefined && servers !== "primary" && servers !== "read-write")
    throw new AppError(
      "CONFIG_INVALID",
      `target_session_attrs=${servers} of a database's URL is not possible: leave it out, only a primary is used`,
    );
  const settings = {
    sslmode: sslmode ?? modeOf(ssl),
    sslrootcert: take("sslrootcert"),
    sslcert: take("sslcert"),
    sslkey: take("sslkey"),
  };
  const bare = parameters.size === 0 ? address : `${address}?${parameters.toString()}`;
  return { bare, ...settings };
}

function modeOf(ssl: string | undefined): string | undefined {
  if (ssl === "true") return "require";
  return ssl === "false" ? "disable" : ssl;
}

function isMode(mode: string): mode is Mode {
  return MODES.some((known) => known === mode);
}
