// What the Redis of a stack with `--secure` has besides: TLS on its only port, and a user per role. Used by servers/redis.ts.
import { writeFileSync } from "node:fs";
import type { RedisUser } from "../../../schemas/redis-users.ts";
import { aclFile } from "../../platform/redis-acl.ts";
import { SUPERUSER } from "./accounts.ts";
import type { CertificateFiles } from "./certificate-files.ts";

export interface SecureRedis {
  readonly server: CertificateFiles;
  readonly passwords: ReadonlyMap<RedisUser, string>;
  /** Of a user who may do everything, for tools of this machine. */
  readonly superuserPassword: string;
}

/** Writes the users into `file`. */
export function secureRedisSettings(
  port: number,
  file: string,
  { server, passwords, superuserPassword }: SecureRedis,
): Readonly<Record<string, string | number>> {
  const superuser = `user ${SUPERUSER} on >${superuserPassword} ~* &* +@all`;
  writeFileSync(file, `${aclFile(passwords)}${superuser}\n`, { mode: 0o600 });
  return {
    port: 0,
    "tls-port": port,
    "tls-cert-file": server.certFile,
    "tls-key-file": server.keyFile,
    "tls-ca-cert-file": server.caFile,
    // Roles prove who they are with a password.
    "tls-auth-clients": "no",
    "tls-protocols": "TLSv1.3",
    aclfile: file,
  };
}

/** The superuser's address. The name of the file is for our own clients (redis-tls.ts). */
export function secureRedisAddress(port: number, { server, superuserPassword }: SecureRedis): string {
  const url = new URL(`rediss://127.0.0.1:${port}`);
  [url.username, url.password] = [SUPERUSER, superuserPassword];
  url.searchParams.set("ssl_ca_certs", server.caFile);
  return url.href;
}
