// Redis Sentinel: three of them watch the master, agree that it is gone, and make its replica the master. Started on demand; see plan.ts.
import { join } from "node:path";
import { REDIS_ADMIN } from "../../platform/redis-acl.ts";
import type { Definition } from "../managed.ts";
import { type SecureRedis, secureSentinelLines, secureSentinelSettings } from "../secure/redis.ts";
import { answersPing, configFile, redisExecutable } from "./redis.ts";

/** What the Sentinels call the master. */
const MASTER_NAME = "checkout";
/** How many must agree that the master is gone. */
const QUORUM = 2;
/** Silence after which a Sentinel takes the master for gone. Short, for machines on which nothing hangs for long without a fault. */
const DOWN_AFTER_MS = 1_000;
/** A failover that did not succeed is tried again after twice this time. */
const FAILOVER_TIMEOUT_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;

export interface SentinelOptions {
  readonly name: string;
  readonly port: number;
  /** At which the master is reached at first. */
  readonly masterPort: number;
  readonly directory: string;
  readonly logFile: string;
  readonly secure?: SecureRedis | undefined;
}

export function sentinelServer(options: SentinelOptions): Definition {
  const { name, port, masterPort, directory, logFile, secure } = options;
  const settings = {
    port,
    bind: "127.0.0.1",
    dir: directory,
    daemonize: "no",
    ...(secure === undefined ? {} : secureSentinelSettings(port, secure)),
  };
  const file = configFile(join(directory, `${name}.conf`), settings, [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}`,
    `sentinel parallel-syncs ${MASTER_NAME} 1`,
    ...(secure === undefined ? [] : secureSentinelLines(MASTER_NAME, secure)),
  ]);
  return {
    name,
    command: [redisExecutable(), file, "--sentinel"],
    logFile,
    address: `127.0.0.1:${port}`,
    ports: { sentinel: port },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => answersPing(port, secure),
  };
}

/** The value of REDIS_SENTINELS; with `secure` for the administrator. */
export function sentinelsUrl(ports: readonly number[], secure: SecureRedis | undefined): string {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  if (secure === undefined) return `redis://${hosts}/${MASTER_NAME}`;
  const login = `${REDIS_ADMIN}:${encodeURIComponent(secure.adminPassword)}`;
  return `rediss://${login}@${hosts}/${MASTER_NAME}?${new URLSearchParams({ ssl_ca_certs: secure.server.caFile })}`;
}
