// Redis as the system uses it: an in-memory cache, nothing on disk, limited memory, least recently used keys are evicted first.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Definition } from "../managed.ts";
import { CACHE } from "../paths.ts";
import { secureRedisAddress, type SecureRedis, secureRedisSettings } from "../secure/redis.ts";
import { ask } from "./ask.ts";

const READY_TIMEOUT_MS = 10_000;

export interface RedisOptions {
  readonly port: number;
  readonly directory: string;
  readonly logFile: string;
  /** Default: everybody on this machine may do everything, without encryption. */
  readonly secure?: SecureRedis | undefined;
}

export function redisServer({ port, directory, logFile, secure }: RedisOptions): Definition {
  const settings = {
    port,
    bind: "127.0.0.1",
    dir: directory,
    save: "",
    appendonly: "no",
    maxmemory: "256mb",
    "maxmemory-policy": "allkeys-lru",
    daemonize: "no",
    ...(secure === undefined ? {} : secureRedisSettings(port, join(directory, "redis-users.acl"), secure)),
  };
  return {
    name: "redis",
    command: [
      executable(),
      ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    ],
    logFile,
    address: secure === undefined ? `redis://127.0.0.1:${port}` : secureRedisAddress(port, secure),
    ports: { redis: port },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: async () => {
      const tls = secure === undefined ? undefined : { ca: readFileSync(secure.server.caFile, "utf8") };
      const answer = (await ask(port, Buffer.from("PING\r\n"), tls)).toString();
      // With users, nobody may do anything without a name.
      return answer.startsWith(secure === undefined ? "+PONG" : "-NOAUTH");
    },
  };
}

/** From PATH, or else the one that the bootstrap linked. */
function executable(): string {
  const own = join(CACHE, "bin/redis-server");
  const found = Bun.which("redis-server") ?? (existsSync(own) ? own : null);
  if (found === null)
    throw new Error(
      "there is no redis-server on PATH: run npm run setup, or install the package redis-server",
    );
  return found;
}
