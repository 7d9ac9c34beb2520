// The client of one Redis server: its options, and the scripts that it registers. Called by redis.ts for the server of REDIS_URL and by
// redis-master.ts for the master that the Sentinels name.
import { createClient, defineScript } from "redis";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import { limitScripts } from "./limit-scripts.ts";
import type { RedisAddress } from "./redis-tls.ts";

export const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_CAP_MS = 2_000;
/** A connection without any reply, pings included, is dropped and reconnected: the address may have moved. */
const PING_INTERVAL_MS = 5_000;
const SOCKET_TIMEOUT_MS = 15_000;

export type RedisClient = ReturnType<typeof redisClient>;

/** Not connected yet. `reconnects: false`: for one connection, whose loss ends it. */
export function redisClient(address: RedisAddress, { reconnects = true } = {}) {
  return createClient({
    ...connectionOptions(address, { reconnects }),
    // `within` limits every call. The client's own limit is an abort signal per command, whose timer stays for five seconds.
    commandOptions: { timeout: 0 },
    scripts: { remember: rememberScript, ...limitScripts },
  });
}

/** Also for the connections to Sentinels. */
export function connectionOptions({ url, tls }: RedisAddress, { reconnects = true } = {}) {
  return {
    url,
    // CLIENT SETINFO says the client's version. It is of no use here, and one more right that a role would need.
    disableClientInfo: true,
    // The client (redis 6.3.1, findings/node-redis-ipv6-address-in-a-url.sh) would look up the URL's host for this feature of Redis Enterprise before each connection: for an IPv6 address with its
    // brackets, which fails. Its command needs one more right as well.
    maintNotifications: "disabled" as const,
    // Without a connection a command fails at once. A queued command would run after its caller has timed out.
    disableOfflineQueue: true,
    pingInterval: PING_INTERVAL_MS,
    socket: {
      ...tls,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectStrategy: reconnects && reconnectDelayMs,
    },
  };
}

/** Ends its connection, also one that is being opened: a client (redis 6.3.1) that is destroyed meanwhile connects all the same, and stays. */
export function endClient(client: {
  destroy(): void;
  once(event: "ready", listener: () => void): unknown;
}): void {
  client.once("ready", () => client.destroy());
  client.destroy();
}

/** Before the attempt after `failures` failed ones. */
export function reconnectDelayMs(failures: number): number {
  return withJitter(cappedBackoff(failures, RECONNECT_FIRST_MS, RECONNECT_CAP_MS), Math.random());
}

/** Many `set key 1 ex ttl` in one command, because a client's cost is per command, not per key. */
const rememberScript = defineScript({
  SCRIPT: `for i = 1, #KEYS do redis.call("set", KEYS[i], "1", "ex", ARGV[1]) end`,
  parseCommand(parser, keys: string[], ttlSeconds: number) {
    parser.pushKeysLength(keys);
    parser.push(String(ttlSeconds));
  },
  transformReply: (): null => null,
});
