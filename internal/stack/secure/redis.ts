// What the Redis of a stack with `--secure` has besides: TLS on its only port, and a user per role. Used by servers/redis.ts.
import { writeFileSync } from "node:fs";
import type { RedisUser } from "../../../schemas/redis-users.ts";
import { aclFile, REDIS_ADMIN } from "../../platform/redis-acl.ts";
import type { CertificateFiles } from "./certificate-files.ts";

export interface SecureRedis {
  readonly server: CertificateFiles;
  readonly passwords: ReadonlyMap<RedisUser, string>;
  /** Of `REDIS_ADMIN`, for tools of this machine. */
  readonly adminPassword: string;
}

/** Writes the users into `file`. */
export function secureRedisSettings(
  port: number,
  file: string,
  { server, passwords, adminPassword }: SecureRedis,
): Readonly<Record<string, string | number>> {
  writeFileSync(file, aclFile(passwords, adminPassword), { mode: 0o600 });
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

/** The address of `REDIS_ADMIN`. The name of the file is for our own clients (redis-tls.ts). */
export function secureRedisAddress(port: number, { server, adminPassword }: SecureRedis): string {
  const url = new URL(`rediss://127.0.0.1:${port}`);
  [url.username, url.password] = [REDIS_ADMIN, adminPassword];
  url.searchParams.set("ssl_ca_certs", server.caFile);
  return url.href;
}
