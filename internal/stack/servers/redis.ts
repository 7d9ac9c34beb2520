// Redis as the system uses it: an in-memory cache, nothing on disk, limited memory, least recently used keys are evicted first.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Definition } from "../managed.ts";
import { CACHE } from "../paths.ts";
import {
  secureReplication,
  secureRedisAddress,
  type SecureRedis,
  secureRedisSettings,
} from "../secure/redis.ts";
import { ask } from "./ask.ts";

const READY_TIMEOUT_MS = 30_000;

export interface RedisOptions {
  /** Default: redis. */
  readonly name?: string;
  readonly port: number;
  readonly directory: string;
  readonly logFile: string;
  /** Default: everybody on this machine may do everything, without encryption. */
  readonly secure?: SecureRedis | undefined;
  /** Default: no Sentinel watches it. */
  readonly watched?: WatchedRedis | undefined;
}

/** Of a server that is the master or its replica, as the Sentinels decide. */
export interface WatchedRedis {
  /** The port at which others reach it: its own, or a proxy's. */
  readonly announced: number;
  /** The port of the master that it follows at first. Undefined: it is the master. */
  readonly follows?: number | undefined;
}

export function redisServer(options: RedisOptions): Definition {
  const { name = "redis", port, directory, logFile, secure, watched } = options;
  const settings = {
    port,
    bind: "127.0.0.1",
    dir: directory,
    save: "",
    appendonly: "no",
    maxmemory: "256mb",
    "maxmemory-policy": "allkeys-lru",
    daemonize: "no",
    // By default Redis wakes ten times a second for its own upkeep, which is all the CPU of an idle one. A server with a replica and
    // Sentinels keeps that, because it also looks after their links then.
    ...(watched === undefined ? { hz: 1 } : {}),
    ...(secure === undefined ? {} : secureRedisSettings(port, join(directory, `${name}-users.acl`), secure)),
  };
  return {
    name,
    command:
      watched === undefined
        ? [
            redisExecutable(),
            ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
          ]
        : [redisExecutable(), watchedConfig(join(directory, `${name}.conf`), settings, watched, secure)],
    logFile,
    address: secure === undefined ? `redis://127.0.0.1:${port}` : secureRedisAddress(port, secure),
    ports: { redis: port, ...(watched === undefined ? {} : { everybody: port }) },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => answersPing(port, secure),
  };
}

type Settings = Readonly<Record<string, string | number>>;

/** In a file, because the Sentinels have a server write down whom it follows. */
function watchedConfig(
  path: string,
  settings: Settings,
  { announced, follows }: WatchedRedis,
  secure: SecureRedis | undefined,
): string {
  const more = {
    "replica-announce-ip": "127.0.0.1",
    "replica-announce-port": announced,
    // A copy of the master comes through a file, which must not be there at the next start: nothing is on disk.
    dbfilename: `${basename(path, ".conf")}.rdb`,
    "rdb-del-sync-files": "yes",
    // Otherwise the first replica waits for others.
    "repl-diskless-sync-delay": 0,
    ...(secure === undefined ? {} : secureReplication(secure)),
  };
  const role = follows === undefined ? [] : [`replicaof 127.0.0.1 ${follows}`];
  return configFile(path, { ...settings, ...more }, role);
}

/** Whether a Redis or a Sentinel answers; one with users lets nobody do anything without a name. */
export async function answersPing(port: number, secure: SecureRedis | undefined): Promise<boolean> {
  const tls = secure === undefined ? undefined : { ca: readFileSync(secure.server.caFile, "utf8") };
  const answer = (await ask(port, Buffer.from("PING\r\n"), tls)).toString();
  return answer.startsWith(secure === undefined ? "+PONG" : "-NOAUTH");
}

/** Written once per stack: what a server changes there lasts until the stack is down. Returns its path. */
export function configFile(path: string, settings: Settings, lines: readonly string[]): string {
  const all = Object.entries(settings).map(([key, value]) => `${key} ${JSON.stringify(String(value))}`);
  // It may hold passwords.
  writeFileSync(path, [...all, ...lines, ""].join("\n"), { mode: 0o600 });
  return path;
}

/** From PATH, or else the one that the bootstrap linked. */
export function redisExecutable(): string {
  const own = join(CACHE, "bin/redis-server");
  const found = Bun.which("redis-server") ?? (existsSync(own) ? own : null);
  if (found === null)
    throw new Error(
      "there is no redis-server on PATH: run npm run setup, or install the package redis-server",
    );
  return found;
}
