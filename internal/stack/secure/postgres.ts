// What a Postgres of a stack with `--secure` has besides: a certificate, and rules for who may connect. Every role comes over TLS with its own
// password. The superuser comes with a certificate to the database `postgres`, to get its own password there. Used by servers/postgres.ts.
import { chownSync, copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UnixUser } from "../child.ts";
import type { CertificateFiles } from "./certificate-files.ts";

export interface SecurePostgres {
  readonly server: CertificateFiles;
  /** Its common name is the superuser's name. */
  readonly superuser: CertificateFiles;
  readonly superuserPassword: string;
}

/** Files are in the data directory, because the server may read its key only if it owns it. */
export const SECURE_SETTINGS: Readonly<Record<string, string>> = {
  ssl: "on",
  ssl_cert_file: "server.crt",
  ssl_key_file: "server.key",
  ssl_ca_file: "ca.crt",
  ssl_min_protocol_version: "TLSv1.3",
  password_encryption: "scram-sha-256",
};

/** From initdb: everybody on this machine is believed. */
const OPEN = ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"];
const CLOSED = [
  "hostssl postgres checkout 127.0.0.1/32 cert",
  // A standby; chaos makes one.
  "hostssl replication checkout 127.0.0.1/32 scram-sha-256",
  "hostssl all all 127.0.0.1/32 scram-sha-256",
];

/** Writes who may connect, as a stack may be started with `--secure` and without it in turn. */
export function writeAccess(
  data: string,
  user: UnixUser | undefined,
  secure: SecurePostgres | undefined,
): void {
  const own = (path: string) => {
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  };
  const rules = join(data, "pg_hba.conf");
  // An open data directory stays as initdb made it; a standby needs its line for replication.
  if (secure === undefined && !existsSync(join(data, "server.key"))) return;
  writeFileSync(rules, `${(secure === undefined ? OPEN : CLOSED).join("\n")}\n`, { mode: 0o600 });
  own(rules);
  if (secure !== undefined) copyCertificate(data, user, secure.server);
}

/** Into the data directory. A running server takes it when it reloads its settings. */
export function copyCertificate(
  data: string,
  user: UnixUser | undefined,
  { caFile, certFile, keyFile }: CertificateFiles,
): void {
  for (const [from, name] of [
    [caFile, "ca.crt"],
    [certFile, "server.crt"],
    [keyFile, "server.key"],
  ] as const) {
    const to = join(data, name);
    copyFileSync(from, to);
    if (user !== undefined) chownSync(to, user.uid, user.gid);
  }
}

/** The superuser's address of the database `postgres`, with its certificate. */
export function withCertificate(address: string, { superuser }: SecurePostgres): string {
  const url = new URL(address);
  url.search = "";
  url.searchParams.set("sslmode", "verify-full");
  url.searchParams.set("sslrootcert", superuser.caFile);
  url.searchParams.set("sslcert", superuser.certFile);
  url.searchParams.set("sslkey", superuser.keyFile);
  return url.href;
}

/** The superuser's address of another database: for tools of this machine, so that a plain driver can use it. */
export function withPassword(address: string, { superuserPassword }: SecurePostgres): string {
  const url = new URL(address);
  url.password = superuserPassword;
  url.searchParams.set("sslmode", "require");
  return url.href;
}
