// What the Redis of a stack with `--secure` has besides: TLS on its only port, and a user per role. Used by servers/redis.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import type { RedisUser } from "../../../schemas/redis-users.ts";
import { redisUserName } from "../../../schemas/redis-users.ts";
import { aclFile } from "../../platform/redis-acl.ts";
import type { CertificateFiles } from "./certificate-files.ts";

const ANSWER_TIMEOUT_MS = 2_000;

export interface SecureRedis {
  readonly server: CertificateFiles;
  readonly passwords: ReadonlyMap<RedisUser, string>;
}

/** Writes the users into `file`. */
export function secureRedisSettings(
  port: number,
  file: string,
  { server, passwords }: SecureRedis,
): Readonly<Record<string, string | number>> {
  writeFileSync(file, aclFile(passwords), { mode: 0o600 });
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

/** The address for one role. */
export function redisAddressOf(address: string, user: RedisUser, password: string): string {
  const url = new URL(address);
  url.username = redisUserName(user);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** Whether it answers at all; nobody may do anything without a name. */
export async function answersOverTls(port: number, caFile: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: "127.0.0.1", port, ca: [readFileSync(caFile)] }, () =>
    socket.write("PING\r\n"),
  );
  socket.once("data", (bytes: Buffer) => resolve(bytes.toString()));
  socket.once("error", reject);
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => reject(new Error("no answer")));
  try {
    return (await promise).startsWith("-NOAUTH");
  } finally {
    socket.destroy();
  }
}
