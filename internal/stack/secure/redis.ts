// What the Redis of a stack with `--secure` has besides, and its Sentinels: TLS on the only port, and a user per role. Used by servers/redis.ts
// and servers/sentinel.ts.
import { writeFileSync } from "node:fs";
import {
  type RedisUser,
  redisUserName,
  type SentinelUser,
  sentinelUserName,
} from "../../../schemas/redis-users.ts";
import { aclFile, REDIS_ADMIN, sentinelAclFile } from "../../platform/redis-acl.ts";
import type { CertificateFiles } from "./certificate-files.ts";

export interface SecureRedis {
  readonly server: CertificateFiles;
  readonly passwords: ReadonlyMap<RedisUser, string>;
  /** Of `REDIS_ADMIN`, for tools of this machine. */
  readonly adminPassword: string;
  /** Of the users that the Sentinels have themselves. Without Sentinels there are none. */
  readonly sentinelPasswords?: ReadonlyMap<SentinelUser, string> | undefined;
}

/** Writes the users into `file`. */
export function secureRedisSettings(
  port: number,
  file: string,
  { server, passwords, adminPassword }: SecureRedis,
): Readonly<Record<string, string | number>> {
  writeFileSync(file, aclFile(passwords, adminPassword), { mode: 0o600 });
  return { ...tlsSettings(port, server), aclfile: file };
}

function tlsSettings(port: number, server: CertificateFiles): Readonly<Record<string, string | number>> {
  return {
    port: 0,
    "tls-port": port,
    "tls-cert-file": server.certFile,
    "tls-key-file": server.keyFile,
    "tls-ca-cert-file": server.caFile,
    // Roles prove who they are with a password.
    "tls-auth-clients": "no",
    "tls-protocols": "TLSv1.3",
  };
}

/** How a replica comes to its master. */
export function secureReplication({ passwords }: SecureRedis): Readonly<Record<string, string>> {
  return {
    "tls-replication": "yes",
    masteruser: redisUserName("replica"),
    masterauth: passwords.get("replica") ?? "",
  };
}

/** Of a Sentinel. `tls-replication` also encrypts what it says to servers and to other Sentinels. */
export function secureSentinelSettings(
  port: number,
  { server }: SecureRedis,
): Readonly<Record<string, string | number>> {
  return { ...tlsSettings(port, server), "tls-replication": "yes" };
}

/** How it comes to the servers of the master `name` and to other Sentinels, and who may come to it. */
export function secureSentinelLines(
  name: string,
  { passwords, adminPassword, sentinelPasswords = new Map() }: SecureRedis,
): readonly string[] {
  return [
    `sentinel auth-user ${name} ${redisUserName("sentinel")}`,
    `sentinel auth-pass ${name} ${passwords.get("sentinel") ?? ""}`,
    `sentinel sentinel-user ${sentinelUserName("peer")}`,
    `sentinel sentinel-pass ${sentinelPasswords.get("peer") ?? ""}`,
    ...sentinelAclFile(sentinelPasswords, adminPassword).trimEnd().split("\n"),
  ];
}

/** The address of `REDIS_ADMIN`. The name of the file is for our own clients (redis-tls.ts). */
export function secureRedisAddress(port: number, { server, adminPassword }: SecureRedis): string {
  const url = new URL(`rediss://127.0.0.1:${port}`);
  [url.username, url.password] = [REDIS_ADMIN, adminPassword];
  url.searchParams.set("ssl_ca_certs", server.caFile);
  return url.href;
}
