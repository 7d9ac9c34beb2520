// The users of Redis: one per role, with the commands that its binary sends and the keys that it uses. `checkoutctl grants redis` and the local
// stack make an ACL file of it. A command that is not here is refused (NOPERM), which the roles take for a Redis that is away.

export const REDIS_USERS = [
  "orchestrator",
  "inventory",
  "payment",
  "order",
  "notification",
  "gateway",
  "operator",
] as const;
export type RedisUser = (typeof REDIS_USERS)[number];

export interface RedisRights {
  /** Patterns of keys; with `%R~` in front only to read. */
  readonly keys: readonly string[];
  /** In lower case. */
  readonly commands: readonly string[];
}

/** AUTH and HELLO need no right. INFO tells a cluster node from a server; without it every connection would leave a line in the ACL log. */
const CONNECT = ["ping", "info"];
/** A script may call only commands that its user may send. */
const SCRIPTS = ["eval", "evalsha"];

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
};

/** For example `checkout-payment`. */
export function redisUserName(user: RedisUser): string {
  return `checkout-${user}`;
}
