// The first words with a Redis server: whether it may be used at all. Called by redis.ts for each new connection.
import { ErrorReply } from "redis";
import { AppError } from "../kernel/errors.ts";
import type { RedisClient } from "./redis-client.ts";

const IS_CLUSTER =
  "REDIS_URL points to a node of a Redis Cluster: set it to a single server, which may be behind Sentinel or a proxy, so that all keys are on one server";
const IS_REPLICA =
  "the server is a replica, so a failover is not over, or REDIS_URL has the wrong address: it must lead to the master";

/**
 * Throws CONFIG_INVALID for a node of a cluster, which rejects a command with keys of several nodes, and REDIS_UNAVAILABLE for a replica,
 * which takes no writes and may answer with what was true before.
 */
export async function meetServer(client: RedisClient): Promise<void> {
  const [cluster, replication] = await Promise.all([
    infoOf(client, "cluster"),
    infoOf(client, "replication"),
  ]);
  if (/^cluster_enabled:1/m.test(cluster)) throw new AppError("CONFIG_INVALID", IS_CLUSTER);
  if (/^role:slave/m.test(replication)) throw new AppError("REDIS_UNAVAILABLE", IS_REPLICA);
}

async function infoOf(client: RedisClient, section: string): Promise<string> {
  return await client.info(section).catch((error: unknown) => {
    // INFO may be forbidden; then assume the usual case.
    if (error instanceof ErrorReply) return "";
    throw error;
  });
}

/** Whether an answer shows that the server, which was a master before, is none any more. */
export function isDemotion(error: unknown): boolean {
  // A transaction whose writes were refused ends with EXECABORT.
  return error instanceof ErrorReply && /^(READONLY|EXECABORT)\b/.test(error.message);
}
