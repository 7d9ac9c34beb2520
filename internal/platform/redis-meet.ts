// The first words with a Redis server: whether it may be used at all. Called by redis.ts for each new connection.
import { ErrorReply } from "redis";
import { AppError } from "../kernel/errors.ts";
import type { RedisClient } from "./redis-client.ts";
import { fieldsOf } from "./redis-reply.ts";

const IS_CLUSTER =
  "REDIS_URL points to a node of a Redis Cluster: set it to a single server, which may be behind Sentinel or a proxy, so that all keys are on one server";
const IS_SENTINEL =
  "REDIS_URL points to a Sentinel: set REDIS_SENTINELS to the Sentinels, and REDIS_URL to user, password and database of the servers";
const IS_REPLICA =
  "the server is a replica, so a failover is not over, or REDIS_URL has the wrong address: it must lead to the master";

/**
 * Null for a master. Otherwise why the server does not say what it is, as some proxies do: then it is used, and left when it refuses a write.
 * Throws CONFIG_INVALID for a node of a cluster, which rejects a command with keys of several nodes, and for a Sentinel; REDIS_UNAVAILABLE for a
 * replica, which takes no writes and may answer with what was true before.
 */
export async function meetServer(client: RedisClient): Promise<string | null> {
  const { mode, role, unknown } = await greet(client);
  if (mode === "cluster") throw new AppError("CONFIG_INVALID", IS_CLUSTER);
  if (mode === "sentinel") throw new AppError("CONFIG_INVALID", IS_SENTINEL);
  // Older servers say `slave`.
  if (role === "replica" || role === "slave") throw new AppError("REDIS_UNAVAILABLE", IS_REPLICA);
  return role === "master" ? null : `the server does not say whether it is a master (${unknown})`;
}

/** What a server says of itself. */
export interface Greeting {
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode?: string | undefined;
  /** `master` or `replica`. */
  readonly role?: string | undefined;
  readonly version?: string | undefined;
  /** Why there is no role, for people. */
  readonly unknown: string;
}

/**
 * By HELLO, the one command that returns all of this and that every user may send: Redis asks for no right, and the client has sent it already.
 * INFO and ROLE need rights.
 */
export async function greet(client: Pick<RedisClient, "sendCommand">): Promise<Greeting> {
  try {
    const { mode, role, version } = fieldsOf(await client.sendCommand(["HELLO"]));
    return { mode, role, version, unknown: "HELLO names no role" };
  } catch (error) {
    if (error instanceof ErrorReply) return { unknown: `HELLO: ${error.message}` };
    throw error;
  }
}

/** Whether an answer shows that the server, which was a master before, is none any more. */
export function isDemotion(error: unknown): boolean {
  // A transaction whose writes were refused ends with EXECABORT. MASTERDOWN is what a replica says that has lost its master.
  return error instanceof ErrorReply && /^(READONLY|EXECABORT|MASTERDOWN)\b/.test(error.message);
}
