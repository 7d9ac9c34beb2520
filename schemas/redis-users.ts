// The users of Redis: one per role, with the commands that its binary sends and the keys that it uses, and those of the servers that watch and
// copy it. `checkoutctl grants redis` and the local stack make an ACL file of it. A command that is not here is refused (NOPERM), which the
// roles take for a Redis that is away.

export const REDIS_USERS = [
  "orchestrator",
  "inventory",
  "payment",
  "order",
  "notification",
  "gateway",
  "operator",
  "replica",
  "sentinel",
] as const;
export type RedisUser = (typeof REDIS_USERS)[number];

export interface RedisRights {
  /** Patterns of keys; with `%R~` in front only to read. */
  readonly keys: readonly string[];
  /** Patterns of channels. */
  readonly channels?: readonly string[];
  /** In lower case. */
  readonly commands: readonly string[];
}

/**
 * AUTH and HELLO need no right; HELLO tells a cluster node from a server, and a replica from a master. INFO is what roles before this release asked
 * instead: without the right, one that was rolled back would take a replica for a master.
 */
const CONNECT = ["ping", "info"];
/** A script may call only commands that its user may send. */
const SCRIPTS = ["eval", "evalsha"];
/** Over which Sentinels find each other. */
const HELLO = "__sentinel__:hello";

const deduplicates = (service: string): readonly RedisRights[] => [
  { keys: [`~idem:${service}:*`], commands: [...CONNECT, ...SCRIPTS, "mget", "set"] },
];

const REVOKED = ["auth:revoked", "auth:revoked:version"];

/** The first set of each user is its own; each of the others is a selector, whose commands are allowed on its keys alone. */
export const REDIS_RIGHTS: Readonly<Record<RedisUser, readonly RedisRights[]>> = {
  orchestrator: deduplicates("orchestrator"),
  inventory: deduplicates("inventory"),
  payment: deduplicates("payment"),
  order: deduplicates("order"),
  notification: deduplicates("notification"),
  gateway: [
    {
      keys: ["~rl:*"],
      commands: [
        ...CONNECT,
        ...SCRIPTS,
        ..."incrby pttl expire pexpire zadd zrem zcard zscore zrange zremrangebyscore".split(" "),
      ],
    },
    { keys: REVOKED.map((key) => `%R~${key}`), commands: ["get", "zcard", "zrange"] },
  ],
  /** checkoutctl: revokes sessions, and looks at the server. */
  operator: [
    {
      keys: REVOKED.map((key) => `~${key}`),
      commands: [...CONNECT, ..."time multi exec get set zcard zrange zadd zremrangebyscore".split(" ")],
    },
  ],
  /** `masteruser`: a replica at its master. */
  replica: [{ keys: [], commands: ["ping", "psync", "replconf"] }],
  /** `sentinel auth-user`: the Sentinels at the servers that they watch. */
  sentinel: [
    {
      keys: [],
      channels: [HELLO],
      commands:
        "ping info role publish subscribe multi exec slaveof config|rewrite client|setname client|kill script|kill".split(
          " ",
        ),
    },
  ],
};

/** For example `checkout-payment`. */
export function redisUserName(user: RedisUser): string {
  return `checkout-${user}`;
}

/** The users of the Sentinels themselves: one for whoever asks them where the master is, and one for the other Sentinels. */
export const SENTINEL_USERS = ["client", "peer"] as const;
export type SentinelUser = (typeof SENTINEL_USERS)[number];

export const SENTINEL_RIGHTS: Readonly<Record<SentinelUser, RedisRights>> = {
  /** Roles and checkoutctl. */
  client: {
    keys: [],
    channels: ["+switch-master"],
    commands: [
      "ping",
      "subscribe",
      "sentinel|get-master-addr-by-name",
      "sentinel|master",
      "sentinel|replicas",
      "sentinel|ckquorum",
    ],
  },
  /** `sentinel sentinel-user`. */
  peer: {
    keys: [],
    channels: [HELLO],
    commands: ["ping", "publish", "client|setname", "sentinel|is-master-down-by-addr"],
  },
};

/** For example `checkout-sentinel-client`. */
export function sentinelUserName(user: SentinelUser): string {
  return `checkout-sentinel-${user}`;
}
